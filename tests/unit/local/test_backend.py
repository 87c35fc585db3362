"""The embedded server as a whole, with a stand-in for the gateway."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import httpx
import psutil
import psycopg
import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import ConfigError, TracerError
from claude_code_tracer.local.backend import Backend, stop_orphans
from claude_code_tracer.local.postgres import Postgres

pytestmark = pytest.mark.slow

_GATEWAY = """
import json, os, sys
home, port, conninfo = os.environ["CLAUDE_TRACER_HOME"], int(sys.argv[1]), sys.argv[2]
if port == 78:
    sys.exit(78)
with open(home + "/gateway.pid", "w") as file:
    file.write(f"{os.getpid()} {conninfo}")
if os.path.exists(home + "/broken"):
    sys.exit("broken")
print(json.dumps({"ready": True, "port": port or 4242}), flush=True)
sys.stdin.read()
"""
RUNNING = {"postgres": "running", "gateway": "running"}


def _stand_in(port: int, conninfo: str) -> Sequence[str]:
    return [sys.executable, "-c", _GATEWAY, str(port), conninfo]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def postgres(tracer_config: Config) -> Postgres:
    return Postgres(tracer_config, extra={"fsync": "off"})


@pytest.fixture
def backend(tracer_config: Config, postgres: Postgres, clock: FakeClock) -> Iterator[Backend]:
    backend = Backend(tracer_config, clock=clock, postgres=postgres, gateway_command=_stand_in)
    yield backend
    backend.stop()


def _gateway_pid(config: Config) -> int:
    return int((config.home.root / "gateway.pid").read_text().split()[0])


def _kill(pid: int | None) -> None:
    assert pid
    os.kill(pid, signal.SIGKILL)
    deadline_s = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline_s


def _settle(backend: Backend, expected: dict[str, str]) -> None:
    deadline_s = time.monotonic() + 30
    while (state := backend.watch()) != expected:
        assert time.monotonic() < deadline_s, state
        time.sleep(0.01)


def test_everything_is_there_once_it_started(
    backend: Backend, tracer_config: Config, postgres: Postgres
) -> None:
    assert backend.state() == {"postgres": "stopped", "gateway": "stopped"}
    backend.start()
    assert backend.state() == backend.watch() == RUNNING
    assert backend.url == "http://127.0.0.1:8420"
    credentials = json.loads(tracer_config.home.credentials.read_bytes())
    keys = json.loads(tracer_config.home.signing_key.with_name("api-keys.json").read_bytes())
    assert credentials["url"] == backend.url
    assert credentials["publishable_key"] == keys["publishable"]
    pid, conninfo = (tracer_config.home.root / "gateway.pid").read_text().split(" ", 1)
    assert conninfo == postgres.conninfo("authenticator")
    postgres_pid = postgres.pid
    backend.stop()
    assert backend.state() == {"postgres": "stopped", "gateway": "stopped"}
    assert not psutil.pid_exists(int(pid))
    assert postgres_pid and not psutil.pid_exists(postgres_pid)


def _database_id(postgres: Postgres) -> object:
    with psycopg.connect(postgres.conninfo("supabase_admin")) as connection:
        return connection.execute("select system_identifier from pg_control_system()").fetchone()


def test_a_second_start_finds_the_same_database(
    backend: Backend, tracer_config: Config, postgres: Postgres
) -> None:
    backend.start()
    database_id, before = _database_id(postgres), tracer_config.home.credentials.read_bytes()
    backend.stop()
    again = Backend(tracer_config, gateway_command=_stand_in)
    again.start()
    assert _database_id(Postgres(tracer_config)) == database_id
    assert tracer_config.home.credentials.read_bytes() == before
    again.stop()


def test_any_free_port_is_the_one_that_the_gateway_names(
    tracer_config: Config, postgres: Postgres
) -> None:
    config = replace(tracer_config, settings=replace(tracer_config.settings, port=0))
    backend = Backend(config, postgres=postgres, gateway_command=_stand_in)
    backend.start()
    assert backend.url == "http://127.0.0.1:4242"
    assert json.loads(config.home.credentials.read_bytes())["url"] == backend.url
    backend.stop()


def test_a_taken_port_stops_everything(tracer_config: Config, postgres: Postgres) -> None:
    config = replace(tracer_config, settings=replace(tracer_config.settings, port=78))
    backend = Backend(config, postgres=postgres, gateway_command=_stand_in)
    with pytest.raises(ConfigError, match=r"port 78 .*`--port`"):
        backend.start()
    backend.stop()
    assert not postgres.is_alive()


def test_what_dies_is_started_again(
    backend: Backend, tracer_config: Config, postgres: Postgres, clock: FakeClock
) -> None:
    backend.start()
    gateway_pid = _gateway_pid(tracer_config)
    _kill(postgres.pid)
    assert backend.watch()["postgres"] == "restarting"
    _settle(backend, RUNNING)
    assert _gateway_pid(tracer_config) == gateway_pid
    clock.advance_s(60)
    _kill(gateway_pid)
    postgres_pid = postgres.pid
    assert backend.watch() == {"postgres": "running", "gateway": "restarting"}
    _settle(backend, RUNNING)
    assert postgres.pid == postgres_pid


def test_what_dies_again_and_again_is_started_ever_more_slowly(
    backend: Backend, tracer_config: Config, clock: FakeClock
) -> None:
    backend.start()
    (tracer_config.home.root / "broken").touch()
    _kill(_gateway_pid(tracer_config))
    log = f"the gateway ended with code 1 (broken): see {tracer_config.home.gateway_log}"
    down = {"postgres": "running", "gateway": "failed", "problem": log}
    attempts = []
    for _ in range(100):
        before = tracer_config.home.root.joinpath("gateway.pid").stat().st_mtime_ns
        backend.watch()
        _settle(backend, down)
        if tracer_config.home.root.joinpath("gateway.pid").stat().st_mtime_ns != before:
            attempts.append(round(clock.monotonic_s()))
        clock.advance_s(1)
    assert attempts == [0, 1, 3, 7, 15, 31, 61, 91]
    (tracer_config.home.root / "broken").unlink()
    clock.advance_s(30)
    _settle(backend, RUNNING)


def test_a_database_that_was_moved_aside_is_made_anew(
    backend: Backend, tracer_config: Config, postgres: Postgres
) -> None:
    backend.start()
    before = tracer_config.home.credentials.read_bytes()
    database_id = _database_id(postgres)
    _kill(postgres.pid)
    shutil.move(postgres.place.data, postgres.place.data.with_name("data.damaged"))
    _settle(backend, RUNNING)
    deadline_s = time.monotonic() + 10
    while tracer_config.home.credentials.read_bytes() == before:
        assert time.monotonic() < deadline_s
    assert _database_id(postgres) != database_id


def test_stopping_gives_up_a_restart(backend: Backend, postgres: Postgres) -> None:
    backend.start()
    _kill(postgres.pid)
    backend.watch()
    backend.stop()
    assert not postgres.is_alive()
    assert backend.watch() == {"postgres": "stopped", "gateway": "stopped"}


def test_orphans_are_stopped(tracer_config: Config, postgres: Postgres) -> None:
    stop_orphans(tracer_config)
    postgres.start()
    stop_orphans(tracer_config)
    assert not postgres.is_alive()
    shutil.rmtree(tracer_config.home.root)
    stop_orphans(tracer_config)
    tracer_config.home.create()


def test_a_failure_says_so_before_anything_runs(tracer_config: Config) -> None:
    env = {**tracer_config.env, "CLAUDE_TRACER_PG_BIN": "/nowhere"}
    backend = Backend(replace(tracer_config, env=env), gateway_command=_stand_in)
    with pytest.raises(TracerError, match="CLAUDE_TRACER_PG_BIN names /nowhere"):
        backend.start()
    backend.stop()


def test_the_real_gateway_serves_and_names_a_taken_port(tracer_config: Config) -> None:
    env = {**tracer_config.env, "PYTHONPATH": os.pathsep.join(sys.path)}
    config = replace(tracer_config, env=env, settings=replace(tracer_config.settings, port=0))
    backend = Backend(config)
    backend.start()
    answer = httpx.get(f"{backend.url}/auth/v1/health", trust_env=False)
    port = int(backend.url.rpartition(":")[2])
    taken = Backend(replace(config, settings=replace(config.settings, port=port)))
    with pytest.raises(ConfigError, match=rf"port {port} .*--port"):
        taken.start()
    assert answer.status_code == 200
    backend.stop()
