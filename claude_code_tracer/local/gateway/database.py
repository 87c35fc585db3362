"""Connections to PostgreSQL and the one way a request's statement is run.

The pool makes connections when they are needed and looks at an idle one before it is used, so that
a PostgreSQL that went away and came back heals at the next request. It has no background work.
(psycopg's own pool retries in the background with growing pauses and lets callers wait meanwhile;
here a request must fail at once with 503 and the next one must work again.)
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow, dict_row

from claude_code_tracer.local.gateway.errors import ApiError, from_database
from claude_code_tracer.local.gateway.identity import Identity
from claude_code_tracer.local.gateway.pipeline import Command, Pipeline

__all__ = ["Call", "Database", "Outcome", "Statement"]

_WAIT_S = 10.0
_KEEP_IDLE = 4
_CONNECT_S = 5
_SEARCH_PATH = '"api", "public", "extensions"'


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `$1`-style parameters, its values, and the settings it runs under."""

    text: bytes
    params: Sequence[bytes | None]
    read_only: bool
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """What the database may know of the request a statement belongs to."""

    identity: Identity
    method: str
    path: str
    headers: bytes
    """JSON object of the request's headers, names in lower case."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one row every statement of the gateway returns."""

    total: int | None
    rows: int
    body: bytes | None


class Database:
    """A pool of connections as `authenticator`."""

    def __init__(self, conninfo: str, *, size: int = 8) -> None:
        self._conninfo = conninfo
        self._free = asyncio.Semaphore(size)
        self._idle: list[Pipeline] = []
        self._settings_sql: dict[int, bytes] = {}

    async def run(self, call: Call, statement: Statement, *, only_row: bool = False) -> Outcome:
        """Run `statement` in a transaction of its own, as the caller, in one round trip.

        With `only_row` the transaction is undone unless exactly one row came back. Raises ApiError.
        """
        hold = only_row and not statement.read_only
        context = _context(call, statement.settings)
        commands: list[Command] = [
            (b"begin read only" if statement.read_only else b"begin", ()),
            (self._set(len(context) // 2), context),
            (statement.text, statement.params),
        ]
        if not hold:
            commands.append((b"commit", ()))
        try:
            async with self._pipeline() as pipeline:
                outcome = _outcome((await pipeline.run(commands))[2])
                if hold:
                    end = b"commit" if outcome.rows == 1 else b"rollback"
                    await pipeline.run([(end, ())])
                return outcome
        except psycopg.Error as exc:
            raise from_database(exc, anonymous=call.identity.anonymous) from exc

    @asynccontextmanager
    async def transaction(
        self, role: str, settings: Mapping[str, str] | None = None
    ) -> AsyncIterator[psycopg.AsyncCursor[dict[str, Any]]]:
        """Give a cursor in a transaction as one of the platform's own roles.

        Raises psycopg.Error, like the statements that are run on it.
        """
        async with self.connection() as conn, conn.transaction():
            cursor = conn.cursor(row_factory=dict_row)
            for name, value in {"role": role, **(settings or {})}.items():
                await cursor.execute("select set_config(%s, %s, true)", (name, value))
            yield cursor

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Give a working connection; it is rolled back and kept, or closed when it broke."""
        async with self._pipeline() as pipeline:
            yield pipeline.conn

    @asynccontextmanager
    async def _pipeline(self) -> AsyncIterator[Pipeline]:
        try:
            if self._free.locked():
                await asyncio.wait_for(self._free.acquire(), _WAIT_S)
            else:
                await self._free.acquire()
        except TimeoutError as exc:
            raise ApiError(504, "PGRST003", "Timed out waiting for a connection") from exc
        try:
            pipeline = self._reuse() or Pipeline(await self.connect())
            try:
                yield pipeline
            finally:
                await self._put_back(pipeline)
        finally:
            self._free.release()

    async def connect(self) -> AsyncConnection[TupleRow]:
        """Open a connection that is not part of the pool (the listener's)."""
        return await AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            # The pipeline prepares; after a rollback psycopg would deallocate its statements, too.
            prepare_threshold=None,
            connect_timeout=_CONNECT_S,
            application_name="claude-tracer gateway",
        )

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            await self._idle.pop().conn.close()

    def _reuse(self) -> Pipeline | None:
        while self._idle:
            pipeline = self._idle.pop()
            if not pipeline.conn.closed and not _has_news(pipeline.conn):
                return pipeline
            pipeline.conn.pgconn.finish()
        return None

    async def _put_back(self, pipeline: Pipeline) -> None:
        conn = pipeline.conn
        if conn.info.transaction_status in (TransactionStatus.INERROR, TransactionStatus.INTRANS):
            try:
                await conn.rollback()
            except psycopg.Error:
                conn.pgconn.finish()
        idle = conn.info.transaction_status == TransactionStatus.IDLE
        if conn.closed or not idle or pipeline.is_full or len(self._idle) >= _KEEP_IDLE:
            await conn.close()
        else:
            self._idle.append(pipeline)

    def _set(self, count: int) -> bytes:
        """Return the statement that sets `count` settings; there are as many as roles differ."""
        text = self._settings_sql.get(count)
        if text is None:
            calls = (f"set_config(${2 * i + 1}, ${2 * i + 2}, true)" for i in range(count))
            text = self._settings_sql[count] = f"select {', '.join(calls)}".encode()
        return text


def _context(call: Call, settings: Mapping[str, str]) -> list[bytes]:
    """Return names and values of what holds for one transaction, in turns."""
    facts = {
        "search_path": _SEARCH_PATH,
        **settings,
        "role": call.identity.role,
        "request.jwt.claims": call.identity.claims,
        "request.method": call.method,
        "request.path": call.path,
        "request.headers": call.headers.decode(),
    }
    return [word.encode() for pair in facts.items() for word in pair]


def _outcome(result: PGresult) -> Outcome:
    """Read the row as it came over the wire: the body is not decoded."""
    total, rows, body = (result.get_value(0, column) for column in range(3))
    return Outcome(int(total) if total is not None else None, int(rows or 0), body)


def _has_news(conn: AsyncConnection[TupleRow]) -> bool:
    """Tell whether an idle connection has something to read: then it was closed by the server."""
    poll = select.poll()
    poll.register(conn.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))
