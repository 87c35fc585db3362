"""Several statements in one round trip, as a request needs them: begin, settings, work, commit.

psycopg's own pipeline sends each statement by itself, going through the event loop each time, which
made a small read a third slower. This uses the same libpq functions and waits once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow

__all__ = ["Command", "Pipeline"]

Command = tuple[bytes, Sequence[bytes | None]]
"""SQL with `$1`-style parameters, and their values as text."""

_MANY = 256
_LOOK_S = 1.0


@dataclass(slots=True)
class Pipeline:
    """Runs commands on one connection and remembers what was prepared on it."""

    conn: psycopg.AsyncConnection[TupleRow]
    _names: dict[bytes, bytes] = field(default_factory=dict)
    _count: int = 0

    @property
    def is_full(self) -> bool:
        """Whether so much was prepared that a new connection is cheaper."""
        return self._count > _MANY

    async def run(self, commands: Sequence[Command]) -> list[PGresult]:
        """Return one result per command; psycopg.Error of the first that failed."""
        pgconn = self.conn.pgconn
        known = dict(self._names)
        try:
            pgconn.enter_pipeline_mode()
            expected = [self._send(pgconn, *command) for command in commands]
            pgconn.pipeline_sync()
            results = await _exchange(pgconn, sum(expected))
            pgconn.exit_pipeline_mode()
        except BaseException:
            # Nobody knows what is still on its way.
            pgconn.finish()
            raise
        failed = next((r for r in results if r.status == ExecStatus.FATAL_ERROR), None)
        if failed is not None:
            # What this round prepared may or may not exist; its names are not used again.
            self._names = known
            raise psycopg.errors.error_from_result(failed, encoding="utf-8")
        return _without_prepares(results, expected)

    def _send(self, pgconn: PGconn, text: bytes, params: Sequence[bytes | None]) -> int:
        """Queue a command; returns how many results it gives."""
        name = self._names.get(text)
        is_new = name is None
        if name is None:
            self._count += 1
            name = self._names[text] = b"g%d" % self._count
            pgconn.send_prepare(name, text)
        pgconn.send_query_prepared(name, params)
        return 2 if is_new else 1


def _without_prepares(results: list[PGresult], expected: list[int]) -> list[PGresult]:
    ends = (sum(expected[: index + 1]) for index in range(len(expected)))
    return [results[end - 1] for end in ends]


async def _exchange(pgconn: PGconn, count: int) -> list[PGresult]:
    """Send what is queued and read `count` results and the end of the pipeline."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    # libpq may close its socket by itself; what the loop knows of it must go under its old number,
    # or the next connection with that number, a browser's for example, is never heard.
    socket = pgconn.socket
    loop.add_reader(socket, readable.set)
    try:
        await _flush(pgconn, socket, readable)
        results = [await _result(pgconn, readable) for _ in range(count)]
        end = await _result(pgconn, readable, is_last=True)
        assert end.status == ExecStatus.PIPELINE_SYNC
    finally:
        loop.remove_reader(socket)
    return results


async def _flush(pgconn: PGconn, socket: int, readable: asyncio.Event) -> None:
    """Send everything; reads meanwhile, or both sides could wait for each other."""
    loop = asyncio.get_running_loop()
    while pgconn.flush():
        loop.add_writer(socket, readable.set)
        try:
            await _news(pgconn, readable)
        finally:
            loop.remove_writer(socket)


async def _news(pgconn: PGconn, readable: asyncio.Event) -> None:
    """Wait until the socket has something; OperationalError when the connection is lost.

    A failed write makes libpq close its socket without a word, and a closed one never becomes
    readable: so its status is looked at before the wait, and now and then during it.
    """
    while not readable.is_set():
        if pgconn.status != ConnStatus.OK:
            raise psycopg.OperationalError("the connection was lost")
        try:
            async with asyncio.timeout(_LOOK_S):
                await readable.wait()
        except TimeoutError:
            break
    readable.clear()
    pgconn.consume_input()


async def _result(pgconn: PGconn, readable: asyncio.Event, *, is_last: bool = False) -> PGresult:
    while pgconn.is_busy():
        await _news(pgconn, readable)
    result = pgconn.get_result()
    if not is_last:
        # Each command's results end with none.
        pgconn.get_result()
    if result is None:
        raise psycopg.OperationalError("the connection was lost")
    return result
