"""The gateway as a process: how it starts, ends, and outlives its PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import websockets

from claude_code_tracer.config import Config
from claude_code_tracer.local.migrate import migrate
from claude_code_tracer.local.postgres import Postgres
from tests.contract import harness
from tests.contract.harness import Gateway

NOWHERE = "host=/nonexistent user=authenticator dbname=postgres"


def nowhere(user: str) -> str:
    return NOWHERE


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway whose PostgreSQL is not there."""
    with harness.gateway(nowhere, tmp_path / "home") as gateway:
        yield gateway


@pytest.mark.parametrize("how", ["end of input", "SIGTERM"])
def test_it_ends_within_two_seconds_and_says_goodbye(lonely: Gateway, how: str) -> None:
    async def test() -> int | None:
        url = f"ws://127.0.0.1:{lonely.port}/realtime/v1/websocket?apikey={lonely.keys.publishable}"
        async with websockets.connect(url) as client:
            if how == "SIGTERM":
                lonely.process.send_signal(signal.SIGTERM)
            else:
                assert lonely.process.stdin
                lonely.process.stdin.close()
            with contextlib.suppress(websockets.ConnectionClosed):
                await asyncio.wait_for(client.recv(), 5)
            return client.close_code

    began = time.monotonic()
    assert asyncio.run(test()) == 1012  # service restart: come again
    assert lonely.process.wait(5) == 0
    assert time.monotonic() - began < 2


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [
                *(sys.executable, "-m", "claude_code_tracer.local.gateway"),
                *("--port", port, "--conninfo", NOWHERE),
            ],
            env={"HOME": str(tmp_path), "CLAUDE_TRACER_HOME": str(tmp_path / "home")},
            input=b"",
            capture_output=True,
            timeout=30,
        )
    assert done.returncode == 78
    assert done.stdout == b""
    assert port in done.stderr.decode().splitlines()[-1]


def test_it_listens_on_this_machine_only(lonely: Gateway) -> None:
    sockets = psutil.Process(lonely.process.pid).net_connections("inet")
    listening = [tuple(s.laddr) for s in sockets if s.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", lonely.port)]


def test_without_postgresql_it_says_so_and_stays(lonely: Gateway) -> None:
    headers = {"apikey": lonely.keys.publishable}
    with httpx.Client(base_url=lonely.url, headers=headers) as api:
        assert api.get("/health").json()["database"] == "unavailable"
        read = api.get("/rest/v1/sessions")
        assert (read.status_code, read.json()["code"]) == (503, "PGRST000")
        assert set(read.json()) == {"code", "details", "hint", "message"}
        token = api.post("/auth/v1/token?grant_type=refresh_token", json={"refresh_token": "x"})
        assert (token.status_code, token.json()["error_code"]) == (503, "unexpected_failure")
        assert api.get("/config.json").status_code == 200


def test_keys_are_private_and_stay(lonely: Gateway, tmp_path: Path) -> None:
    keys = tmp_path / "home" / "keys"
    assert {file.stat().st_mode & 0o777 for file in keys.iterdir()} == {0o600}
    assert keys.stat().st_mode & 0o777 == 0o700
    config = httpx.get(f"{lonely.url}/config.json").json()
    expected = {"url": lonely.url, "publishableKey": lonely.keys.publishable, "local": True}
    assert config == expected


def test_it_hears_again_after_postgresql_was_killed(tracer_config: Config, tmp_path: Path) -> None:
    postgres = Postgres(tracer_config)
    postgres.start()
    try:
        migrate(postgres.conninfo)
        with harness.connect(postgres.conninfo) as connection:
            person = harness.create_person(connection)
        with harness.gateway(postgres.conninfo, tmp_path / "home") as gateway:
            _survive(gateway, postgres, person)
    finally:
        postgres.stop()


def _survive(gateway: Gateway, postgres: Postgres, person: harness.Person) -> None:
    headers = harness.ingest_headers(gateway, person)
    with httpx.Client(base_url=gateway.url, headers=headers) as api:
        token = api.post("/functions/v1/device-session").json()["access_token"]
        signed_in = {"Authorization": f"Bearer {token}"}
        assert api.get("/rest/v1/workspaces", headers=signed_in).status_code == 200
        assert postgres.pid
        os.kill(postgres.pid, signal.SIGKILL)
        harness.wait_until(lambda: not postgres.is_alive())
        # Its children may outlive it by a moment and still answer.
        harness.wait_until(lambda: api.get("/rest/v1/workspaces", headers=signed_in).is_error)
        for _ in range(10):
            answer = api.get("/rest/v1/workspaces", headers=signed_in)
            assert (answer.status_code, answer.json()["code"]) == (503, "PGRST000")
        postgres.start()
        assert api.get("/rest/v1/workspaces", headers=signed_in).status_code == 200
        workspace = api.get("/rest/v1/workspaces", headers=signed_in).json()[0]["id"]
        assert asyncio.run(_hears(gateway, api, token, workspace))


async def _hears(gateway: Gateway, api: httpx.Client, token: str, workspace: str) -> bool:
    """Tell whether an ingest is announced; the first ones may come before it listens again."""
    url = f"ws://127.0.0.1:{gateway.port}/realtime/v1/websocket?apikey={gateway.keys.publishable}"
    config = {"config": {"private": True}, "access_token": token}
    join = {"topic": f"realtime:workspace:{workspace}", "event": "phx_join", "payload": config}
    async with websockets.connect(url) as client:
        await client.send(json.dumps(join | {"ref": "1"}))
        assert json.loads(await client.recv())["payload"]["status"] == "ok"
        for number in range(30):
            batch = {"batch": harness.batch(f"after {number}")}
            sent = await asyncio.to_thread(api.post, "/rest/v1/rpc/ingest", json=batch)
            assert sent.status_code == 200
            with contextlib.suppress(TimeoutError):
                message = json.loads(await asyncio.wait_for(client.recv(), 0.3))
                return bool(message["event"] == "broadcast")
    return False
