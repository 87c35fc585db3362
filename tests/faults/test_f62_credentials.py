"""F62 to F65, F67, F83: what the server thinks of who is asking. Collecting goes on in any case."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import HaltStage, ServerTooOld, ServerUnavailable, SignedOut
from claude_code_tracer.paths import write_private_file
from claude_code_tracer.reads import Reader
from claude_code_tracer.rpc import Server
from claude_code_tracer.ship.credentials import Credentials, read_credentials
from tests.faults.pipeline import Pipeline, running
from tests.faults.real_server import RealServer, sending_to
from tests.faults.scripted_server import Step, scripted
from tests.faults.sending import CREDENTIALS, MockServer, over, ship_patiently, write

# The official client passes on what its own parts call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The '.*' parameter is deprecated")


@pytest.fixture
def remote() -> MockServer:
    return MockServer()


@pytest.fixture
def pipeline(tmp_path: Path, remote: MockServer) -> Iterator[Pipeline]:
    """A pipeline whose client reads `credentials.json`, as the tracer's does."""
    with running(tmp_path) as pipeline:
        home = pipeline.config.home
        _log_in(pipeline, CREDENTIALS.device_token)
        with over(pipeline, lambda: read_credentials(home), remote.transport):
            yield pipeline


def _log_in(pipeline: Pipeline, token: str) -> None:
    credentials = replace(CREDENTIALS, device_token=token)
    write_private_file(pipeline.config.home.credentials, json.dumps(asdict(credentials)).encode())


def _advance(pipeline: Pipeline, seconds: float) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    pipeline.clock.advance_s(seconds)


def test_f62_token_that_was_replaced_is_read_again_and_tried_once_more(
    pipeline: Pipeline, remote: MockServer
) -> None:
    write(pipeline, "1")
    pipeline.ship()
    remote.accepts = "ctd_new"
    _log_in(pipeline, "ctd_new")
    write(pipeline, "2")
    pipeline.ship()
    assert remote.tokens == ["ctd_secret", "ctd_secret", "ctd_new"]
    assert remote.memory.texts == ["1", "2"]


def test_f62_token_that_is_the_same_is_not_tried_once_more(
    pipeline: Pipeline, remote: MockServer
) -> None:
    remote.accepts = "ctd_new"
    write(pipeline, "1")
    with pytest.raises(SignedOut):
        pipeline.shipper.run_once()
    assert remote.tokens == ["ctd_secret"]
    _log_in(pipeline, "ctd_wrong")
    with pytest.raises(SignedOut):
        pipeline.shipper.run_once()
    assert remote.tokens == ["ctd_secret", "ctd_wrong"]


def test_f63_signed_out_ships_nothing_and_collects_on(
    pipeline: Pipeline, remote: MockServer
) -> None:
    remote.accepts = "ctd_new"
    for number in range(20):
        write(pipeline, str(number))
        with pytest.raises(SignedOut, match="run `claude-tracer login`") as caught:
            pipeline.shipper.run_once()
        assert caught.value.exit_code == 77 and "secret" not in str(caught.value)
    assert remote.tokens == ["ctd_secret"], "a server that said no is not asked every time"
    assert pipeline.outbox.stats().pending_rows == 40
    pipeline.config.home.credentials.unlink()
    with pytest.raises(SignedOut):
        pipeline.shipper.run_once()
    _log_in(pipeline, "ctd_new")
    pipeline.ship()
    assert len(remote.memory.texts) == 20


def test_f64_days_offline_keep_the_credentials(pipeline: Pipeline, remote: MockServer) -> None:
    file = pipeline.config.home.credentials
    before = file.read_bytes(), file.stat().st_ino
    until = pipeline.clock.now() + timedelta(days=3)
    number = 0
    while pipeline.clock.now() < until:
        remote.script = [httpx.ConnectError]
        write(pipeline, str(number))
        number += 1
        with pytest.raises(ServerUnavailable) as caught:
            pipeline.shipper.run_once()
        assert caught.value.after_s
        _advance(pipeline, caught.value.after_s + 600)
    assert (file.read_bytes(), file.stat().st_ino) == before
    pipeline.ship()
    assert len(remote.memory.texts) == number
    assert set(remote.tokens) == {"ctd_secret"}


_ASK = """
import sys
from claude_code_tracer.rpc import Server
from claude_code_tracer.ship.credentials import Credentials
credentials = Credentials(*sys.stdin.read().split())
for _ in range(10):
    with Server(credentials) as server:
        server.select("workspaces", select="id")
        server.select("sessions", select="id")
print("fine")
"""


def _ask_as_a_command(credentials: Credentials) -> str:
    """Ask ten times in a process of its own, signing in each time."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK],
        input=" ".join(asdict(credentials).values()),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_f65_daemon_and_commands_that_sign_in_together_do_not_disturb_each_other(
    server: RealServer, tmp_path: Path
) -> None:
    """There is no refresh token to use twice: each has a session of its own from the device's."""
    known = server.credentials
    with (
        Reader(known) as reader,
        sending_to(server, tmp_path, batch_rows=5) as pipeline,
        ThreadPoolExecutor() as pool,
    ):
        first = reader.access_token()
        write(pipeline, *map(str, range(100)))
        commands = [pool.submit(_ask_as_a_command, known) for _ in range(2)]
        waits = ship_patiently(pipeline)
        assert [command.result() for command in commands] == ["fine\n", "fine\n"]
        assert waits == []
        assert len(server.texts()) == 100
        assert reader.access_token() == first
        assert len(reader.sessions(9)) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "PGRST202"), (404, "42P01"), (404, "42883"), (404, "PGRST205"), (406, "PGRST106")],
)
def test_f67_server_schema_that_is_older_halts_and_says_so(
    pipeline: Pipeline, remote: MockServer, status: int, code: str
) -> None:
    answer = {"code": code, "message": "Could not find the function", "details": None}
    write(pipeline, "1")
    for _ in range(3):
        remote.script = [httpx.Response(status, json=answer)]
        with pytest.raises(ServerTooOld, match=rf"{code}.*apply its migrations") as caught:
            pipeline.shipper.run_once()
    assert caught.value.exit_code == 78
    assert len(remote.tokens) == 1
    write(pipeline, "2")
    assert pipeline.outbox.stats().parked_rows == 0
    remote.script = []
    _advance(pipeline, 300)
    pipeline.ship()
    assert remote.memory.texts == ["1", "2"]


def test_f67_wrong_server_halts_and_says_so(pipeline: Pipeline, remote: MockServer) -> None:
    write(pipeline, "1")
    remote.script = [httpx.Response(404, html="<h1>Not Found</h1>")]
    with pytest.raises(HaltStage, match=r"not our server.*check the url"):
        pipeline.shipper.run_once()
    assert pipeline.outbox.stats().pending_rows == 2


def test_f83_token_of_the_future_names_the_clock(pipeline: Pipeline, remote: MockServer) -> None:
    future = {"code": "PGRST303", "message": "JWT issued at future", "details": None}
    write(pipeline, "1")
    remote.script = [httpx.Response(401, json=future)]
    with pytest.raises(SignedOut, match="is this machine's clock right"):
        pipeline.shipper.run_once()
    assert pipeline.outbox.stats().pending_rows == 2
    _advance(pipeline, 300)
    pipeline.ship()
    assert remote.memory.texts == ["1"]


@pytest.mark.parametrize("client", ["light", "official"])
def test_f83_commands_name_the_clock(client: str) -> None:
    session = {"access_token": "a.b.c", "expires_in": 3600, "expires_at": 1}
    future = {"code": "PGRST303", "message": "JWT issued at future", "details": None, "hint": None}
    with scripted(
        Step("status", status=200, body=session), Step("status", status=401, body=future)
    ) as scene:
        credentials = Credentials(scene.url, "pk", "ctd_secret")
        with pytest.raises(ServerUnavailable, match="is this machine's clock right"):
            if client == "light":
                with Server(credentials) as server:
                    server.select("sessions")
            else:
                with Reader(credentials) as reader:
                    reader.sessions(1)


def test_f83_server_whose_clock_is_another_is_signed_in_to_once() -> None:
    """What counts is how long a token lasts, not when the server thinks that it ends."""
    session = {"access_token": "a.b.c", "expires_in": 3600, "expires_at": 1}
    answers = [Step("status", status=200, body=body) for body in (session, {}, {})]
    with scripted(*answers) as scene:
        with Reader(Credentials(scene.url, "pk", "ctd_secret")) as reader:
            assert {reader.access_token() for _ in range(3)} == {"a.b.c"}
        assert len(scene.requests) == 1
