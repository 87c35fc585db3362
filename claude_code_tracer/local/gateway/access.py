"""May this caller listen to a topic, or send to it? Row-level security decides, by trial.

A row for the topic is put into realtime.messages, looked at as the caller, and taken back. This is
how hosted Realtime asks, so the same policies mean the same here.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.identity import Identity

__all__ = ["Access", "topic_access"]

_ADMIN = "select set_config('role', 'supabase_realtime_admin', true)"
_PROBE = """
insert into realtime.messages (id, topic, extension, private) values (%s, %s, 'broadcast', true)
"""
_AS_CALLER = """
select set_config('realtime.topic', %s, true), set_config('request.jwt.claims', %s, true),
  set_config('request.headers', %s, true), set_config('statement_timeout', '5s', true),
  set_config('role', %s, true)
"""
_VISIBLE = "select exists (select from realtime.messages where id = %s)"


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may do with a topic."""

    read: bool
    write: bool


async def topic_access(
    database: Database, identity: Identity, topic: str, headers: bytes
) -> Access:
    """Return what `identity` may do with `topic`; psycopg.Error when PostgreSQL is away."""
    probe = uuid.uuid4()
    async with database.connection() as conn:
        # Whatever happens, nothing of this is committed: the pool takes it back.
        async with conn.pipeline():
            await conn.execute("begin")
            await conn.execute(_ADMIN)
            await conn.execute(_PROBE, (probe, topic))
            facts = (topic, identity.claims, headers.decode(), identity.role)
            await conn.execute(_AS_CALLER, facts)
            cursor = await conn.execute(_VISIBLE, (probe,))
        row = await cursor.fetchone()
        readable = row is not None and row[0] is True
        return Access(readable, readable and await _may_write(conn, topic))


async def _may_write(conn: AsyncConnection[TupleRow], topic: str) -> bool:
    try:
        await conn.execute(_PROBE, (uuid.uuid4(), topic))
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True
