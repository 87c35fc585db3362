"""The one connection that waits for PostgreSQL to say something: new messages, a changed schema."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import psycopg
from psycopg.rows import TupleRow

from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.log import event

__all__ = ["Listener"]

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


class Listener:
    """Calls back for notifications; connects again, for ever, when PostgreSQL went away."""

    def __init__(
        self,
        database: Database,
        *,
        on_messages: Callable[[list[str]], Awaitable[None]],
        on_schema: Callable[[], None],
    ) -> None:
        self._database = database
        self._on_messages = on_messages
        self._on_schema = on_schema
        self._was_lost = False

    async def run(self) -> None:
        """Listen until cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                conn = await self._database.connect()
                try:
                    await conn.execute("listen realtime_messages")
                    await conn.execute("listen pgrst")
                    pause = _FIRST_PAUSE_S
                    self._report(lost=False)
                    await self._follow(conn)
                finally:
                    conn.pgconn.finish()
            except (psycopg.Error, ApiError, OSError):
                self._report(lost=True)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _follow(self, conn: psycopg.AsyncConnection[TupleRow]) -> None:
        """Pass notifications on; psycopg's own iterator would wake ten times a second."""
        # Whatever was announced while nobody listened may have been a change of the schema.
        self._on_schema()
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        # Its number, because libpq closes the socket by itself when the server is gone: left with
        # the loop, the next connection with that number (a browser's) would never be heard.
        socket = conn.pgconn.socket
        loop.add_reader(socket, readable.set)
        try:
            while True:
                await self._pass_on(conn)
                await readable.wait()
                readable.clear()
                conn.pgconn.consume_input()
        finally:
            loop.remove_reader(socket)

    async def _pass_on(self, conn: psycopg.AsyncConnection[TupleRow]) -> None:
        ids: list[str] = []
        while (notice := conn.pgconn.notifies()) is not None:
            if notice.relname == b"realtime_messages":
                ids.append(notice.extra.decode())
            else:
                self._on_schema()
        if ids:
            await self._on_messages(ids)

    def _report(self, *, lost: bool) -> None:
        if lost != self._was_lost:
            self._was_lost = lost
            level = logging.WARNING if lost else logging.INFO
            event("gateway", "database_lost" if lost else "database_back", level=level)
