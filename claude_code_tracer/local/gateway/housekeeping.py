"""Once an hour: forget what nobody needs any more."""

from __future__ import annotations

import asyncio
import logging

import psycopg

from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.log import event

__all__ = ["keep_house", "purge"]

_EVERY_S = 3600.0
_FIRST_AFTER_S = 60.0
# Hosted Realtime keeps messages for three days as well.
_REALTIME = """
delete from realtime.messages where inserted_at < (now() at time zone 'UTC') - interval '3 days'
"""
# A paired device asks for a session whenever somebody runs a command that reads.
_AUTH = (
    "delete from auth.one_time_tokens where expires_at < now()",
    "delete from auth.refresh_tokens where used_at < now() - interval '30 days'",
    """
    delete from auth.sessions
    where amr = 'device_token' and refreshed_at < now() - interval '1 day'
    """,
)


async def keep_house(database: Database) -> None:
    """Purge every hour until cancelled; a database that is away is tried again next hour."""
    await asyncio.sleep(_FIRST_AFTER_S)
    while True:
        try:
            await purge(database)
        except (psycopg.Error, ApiError):
            event("gateway", "purge_failed", level=logging.WARNING)
        await asyncio.sleep(_EVERY_S)


async def purge(database: Database) -> None:
    """Delete old messages, spent tokens and forgotten device sessions."""
    async with database.transaction("supabase_realtime_admin") as cursor:
        await cursor.execute(_REALTIME)
    async with database.transaction("supabase_auth_admin") as cursor:
        for statement in _AUTH:
            await cursor.execute(statement)
