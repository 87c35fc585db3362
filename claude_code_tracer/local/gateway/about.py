"""What the dashboard and the tracer ask first: where am I, and is everything there?"""

from __future__ import annotations

import asyncio

import psycopg
from starlette.requests import Request
from starlette.responses import Response

from claude_code_tracer import __version__
from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.local.gateway.http import headers_of, json_response
from claude_code_tracer.local.keys import Keys

__all__ = ["About"]

_PATIENCE_S = 2.0


class About:
    """`/config.json` and `/health`."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def config(self, request: Request) -> Response:
        """Tell the dashboard which server to use; the publishable key is no secret."""
        content = {
            "url": f"http://{headers_of(request)['host']}",
            "publishableKey": self._keys.publishable,
            "local": True,
        }
        return json_response(content, headers={"Cache-Control": "no-store"})

    async def health(self, request: Request) -> Response:
        """Say that the gateway runs and whether it reaches PostgreSQL."""
        database = "ok" if await self._reaches_database() else "unavailable"
        return json_response({"status": "ok", "database": database, "version": __version__})

    async def _reaches_database(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_S), self._database.connection() as conn:
                await conn.execute("select 1")
        except (psycopg.Error, ApiError, OSError, TimeoutError):
            return False
        return True
