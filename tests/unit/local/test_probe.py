"""A gateway that hangs without dying is noticed, and one that answers is left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.config import Config
from claude_code_tracer.local.backend import Backend
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.local.probe import Probe

_SERVER = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"port": server.server_port, "pid": os.getpid()}), flush=True)
server.serve_forever()
"""


@pytest.fixture
def server() -> Iterator[tuple[int, int]]:
    """The port and pid of a server that answers."""
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE) as child:
        assert child.stdout
        said = json.loads(child.stdout.readline())
        yield said["port"], said["pid"]
        child.kill()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def probe(clock: FakeClock) -> Iterator[Probe]:
    probe = Probe(clock)
    yield probe
    probe.forget()


def ask(probe: Probe, clock: FakeClock, port: int, times: int) -> bool:
    """Look in as often as a tracer would in so many turns of ten seconds."""
    is_hanging = False
    for _ in range(times):
        for _ in range(10):
            clock.advance_s(1)
            is_hanging = probe.is_hanging(port)
            time.sleep(0.005)  # a server that answers does so meanwhile
    return is_hanging


def test_a_server_that_answers_does_not_hang(
    server: tuple[int, int], probe: Probe, clock: FakeClock
) -> None:
    assert not ask(probe, clock, server[0], times=8)


def test_a_stopped_server_hangs_after_three_questions(
    server: tuple[int, int], probe: Probe, clock: FakeClock
) -> None:
    port, pid = server
    assert not ask(probe, clock, port, times=2)
    os.kill(pid, signal.SIGSTOP)
    assert not ask(probe, clock, port, times=3)
    assert ask(probe, clock, port, times=1)
    os.kill(pid, signal.SIGCONT)
    assert not ask(probe, clock, port, times=2)


def test_nobody_who_listens_is_no_answer_either(probe: Probe, clock: FakeClock) -> None:
    assert ask(probe, clock, 1, times=4)
    probe.forget()
    assert not ask(probe, clock, 1, times=3)


@pytest.mark.slow
def test_a_gateway_that_hangs_is_started_again(tracer_config: Config, clock: FakeClock) -> None:
    backend = Backend(
        tracer_config,
        clock=clock,
        postgres=Postgres(tracer_config, extra={"fsync": "off"}),
        gateway_command=lambda port, conninfo: [sys.executable, "-c", _SERVER],
    )
    backend.start()
    try:
        (before,) = _pids(backend)
        os.kill(before, signal.SIGSTOP)
        deadline_s = time.monotonic() + 30
        while (now := _pids(backend)) == [before] or not now:
            backend.watch()
            clock.advance_s(1)
            assert time.monotonic() < deadline_s
            time.sleep(0.005)
    finally:
        backend.stop()
    assert not _is_there(before)


def _pids(backend: Backend) -> list[int]:
    child = backend._gateway._child
    return [child.pid] if child else []


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
