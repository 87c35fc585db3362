"""F78: Realtime goes away, or says nothing. What was missed is asked for; it is tried for ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from claude_code_tracer import live, reads
from claude_code_tracer.errors import SignedOut
from claude_code_tracer.follow import new_messages
from claude_code_tracer.reads import Reader
from claude_code_tracer.ship.credentials import Credentials
from tests.contract import harness
from tests.contract.harness import Gateway
from tests.faults.real_server import RealServer

pytestmark = [
    pytest.mark.slow,
    # The official clients pass on what their own parts call deprecated.
    pytest.mark.filterwarnings("ignore:The '.*' parameter is deprecated"),
    pytest.mark.filterwarnings("ignore:ConnectionClosed.* is deprecated"),
]

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class _Outlet:
    """A gateway of its own on the shared database, which can go away and come back."""

    def __init__(self, server: RealServer, home: Path) -> None:
        self._server = server
        self._home = home
        self._running = ExitStack()
        self.gateway = self.open()

    def open(self, port: int = 0) -> Gateway:
        conninfo = self._server.database.conninfo
        running = harness.gateway(conninfo, self._home, port=port)
        self.gateway = self._running.enter_context(running)
        return self.gateway

    def close(self) -> None:
        self._running.close()

    @property
    def credentials(self) -> Credentials:
        token = self._server.person.device_token
        return Credentials(self.gateway.url, self.gateway.keys.publishable, token)


@pytest.fixture
def outlet(server: RealServer, tmp_path: Path) -> Iterator[_Outlet]:
    outlet = _Outlet(server, tmp_path / "outlet")
    try:
        yield outlet
    finally:
        outlet.close()


@contextlib.contextmanager
def _slammed_door(port: int) -> Iterator[threading.Semaphore]:
    """Take every connection to `port` and end it at once; released once for each of them."""
    knocks = threading.Semaphore(0)
    door = socket.create_server(("127.0.0.1", port))

    def slam() -> None:
        with contextlib.suppress(OSError):
            while True:
                door.accept()[0].close()
                knocks.release()

    thread = threading.Thread(target=slam, daemon=True)
    thread.start()
    try:
        yield knocks
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join()


def _ingest(server: RealServer, session: str) -> None:
    """Store a session of one message by way of the shared gateway."""
    answer = httpx.post(
        f"{server.gateway.url}/rest/v1/rpc/ingest",
        headers=harness.ingest_headers(server.gateway, server.person),
        json={"batch": harness.batch(session, messages=1)},
    )
    assert answer.status_code == 200


async def _next_session(messages: AsyncIterator[tuple[dict[str, Any], dict[str, Any]]]) -> str:
    session, _ = await asyncio.wait_for(anext(messages), 30)
    return str(session["native_id"])


def test_f78_connection_that_is_lost_for_long_is_made_again_and_nothing_is_missed(
    server: RealServer, outlet: _Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_RECONNECT_S", 0.02)

    async def follow() -> None:
        with Reader(outlet.credentials) as reader:
            async with aclosing(new_messages(reader, _LONG_AGO)) as messages:
                _ingest(server, "before")
                assert await _next_session(messages) == "before"
                waiting = asyncio.create_task(_next_session(messages))
                port = outlet.gateway.port
                outlet.close()
                with _slammed_door(port) as knocks:
                    for _ in range(12):  # the library's own client gives up after 5
                        assert await asyncio.to_thread(knocks.acquire, timeout=20)
                    _ingest(server, "meanwhile")
                    assert not waiting.done()
                outlet.open(port)
                assert await waiting == "meanwhile"
                _ingest(server, "after")
                assert await _next_session(messages) == "after"

    asyncio.run(follow())


def test_f78_what_nobody_announced_is_found_by_looking(
    server: RealServer, outlet: _Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REFETCH_S", 0.1)

    async def follow() -> None:
        with Reader(outlet.credentials) as reader:
            async with aclosing(new_messages(reader, _LONG_AGO)) as messages:
                _ingest(server, "announced")
                assert await _next_session(messages) == "announced"
                server.mine("""
                    with s as (update public.sessions set updated_at = now()
                               where owner_id = %s returning id, owner_id)
                    insert into public.messages
                      (session_id, id, owner_id, position, revision, role, kind, native_id)
                    select id, gen_random_uuid(), owner_id, 99, 99, 'user', 'prompt', 'silent'
                    from s
                """)
                _, message = await asyncio.wait_for(anext(messages), 30)
                assert message["position"] == 99

    asyncio.run(follow())


def test_f78_database_that_is_restarted_under_the_gateway_does_not_end_it(
    server: RealServer, outlet: _Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REFETCH_S", 0.1)
    everybody = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
    others = f"{everybody} and pid <> pg_backend_pid()"

    async def follow() -> None:
        with Reader(outlet.credentials) as reader:
            async with aclosing(new_messages(reader, _LONG_AGO)) as messages:
                for number in range(5):
                    _ingest(server, f"session {number}")
                    assert await _next_session(messages) == f"session {number}"
                    server.execute(others, server.database.name)

    asyncio.run(follow())


def test_f78_device_that_is_revoked_ends_it_and_says_so(
    server: RealServer, outlet: _Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_CONNECTION_S", 0.0)
    monkeypatch.setattr(live, "_RECONNECT_S", 0.02)

    async def follow() -> None:
        with Reader(outlet.credentials) as reader:
            async with aclosing(new_messages(reader, _LONG_AGO)) as messages:
                _ingest(server, "before")
                assert await _next_session(messages) == "before"
                server.mine("delete from public.devices where owner_id = %s")
                monkeypatch.setattr(reads, "_RENEW_BEFORE_S", 1e9)
                with pytest.raises(SignedOut, match="does not know this device"):
                    await _next_session(messages)

    asyncio.run(follow())
