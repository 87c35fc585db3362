"""F57 to F61, F69, F70, F72: what may happen between us and the server."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random

import httpx
import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import ServerUnavailable
from claude_code_tracer.ship import client as client_module
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.ship.credentials import Credentials
from tests.faults.pipeline import Pipeline, line, running
from tests.faults.scripted_server import ScriptedServer, Step, scripted
from tests.faults.sending import MockServer, NoLuck, over, ship_patiently, write


def _at(server: ScriptedServer) -> Credentials:
    return Credentials(server.url, "pk", "ctd_secret")


def _advance(pipeline: Pipeline, seconds: float) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    pipeline.clock.advance_s(seconds)


def test_f57_three_days_without_a_server(tmp_path: Path) -> None:
    server = MockServer()
    with running(tmp_path) as pipeline, over(pipeline, transport=server.transport):
        write(pipeline, *map(str, range(50)))
        until = pipeline.clock.now() + timedelta(days=3)
        while pipeline.clock.now() < until:
            server.script = [httpx.ConnectError]
            with pytest.raises(ServerUnavailable) as caught:
                pipeline.shipper.run_once()
            assert caught.value.after_s is not None and caught.value.after_s <= 300
            _advance(pipeline, caught.value.after_s)
        assert 3 * 24 * 12 < len(server.tokens) < 3 * 24 * 40
        assert pipeline.outbox.stats().pending_rows == 51
        pipeline.ship()
        assert len(server.memory.texts) == 50


def test_f57_connection_refused(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline, scripted() as server:
        write(pipeline, "1")
        server.close()
        with (
            over(pipeline, _at(server)),
            pytest.raises(ServerUnavailable, match=r"127\.0\.0\.1.*ConnectError"),
        ):
            pipeline.shipper.run_once()
        assert pipeline.outbox.stats().pending_rows == 2


def test_f57_name_that_cannot_be_resolved(tmp_path: Path) -> None:
    nowhere = Credentials("http://tracer.invalid", "pk", "ctd_secret")
    with running(tmp_path) as pipeline, over(pipeline, nowhere):
        write(pipeline, "1")
        with pytest.raises(ServerUnavailable, match=r"no answer from http://tracer\.invalid"):
            pipeline.shipper.run_once()
        assert pipeline.outbox.stats().pending_rows == 2


@pytest.mark.parametrize(
    "step",
    [
        Step("commit_then_drop"),
        Step("reset"),
        Step("reset_mid_body"),
        Step("half_close"),
        Step("html"),
        Step("status", status=503),
        Step("status", status=200, body={"accepted": 99, "refused": []}),
        Step("status", status=200, body={"accepted": 0, "refused": []}),
        Step("status", status=200, body={}),
        Step("status", status=429, headers={"Retry-After": "7"}),
        Step("status", status=500, body={"code": "40001"}),
    ],
    ids=lambda step: f"{step.kind} {step.status if step.kind == 'status' else ''}",
)
def test_f58_f60_f61_f70_unknown_outcome_is_sent_again(tmp_path: Path, step: Step) -> None:
    with running(tmp_path) as pipeline, scripted(step, step) as server:
        write(pipeline, "1", "2", "3")
        with over(pipeline, _at(server)):
            assert len(ship_patiently(pipeline)) == 2
        assert server.memory.texts == ["1", "2", "3"]
        assert len(server.memory.rows) == 4
        assert pipeline.outbox.stats().pending_rows == 0
        assert {request["x-device-token"] for request in server.requests} == {"ctd_secret"}


def test_f58_server_commits_and_answers_too_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT", httpx.Timeout(0.1))
    with running(tmp_path) as pipeline, scripted(Step("delay", delay_s=5)) as server:
        write(pipeline, "1", "2")
        with over(pipeline, _at(server)):
            with pytest.raises(ServerUnavailable, match="ReadTimeout"):
                pipeline.shipper.run_once()
            assert pipeline.outbox.stats().pending_rows == 3
            server.wake()
            _advance(pipeline, 2)
            ship_patiently(pipeline)
        assert server.memory.texts == ["1", "2"]


def test_f58_connecting_and_answering_have_their_own_limits() -> None:
    limits = client_module.TIMEOUT
    assert (limits.connect, limits.read, limits.write, limits.pool) == (5.0, 30.0, 30.0, 30.0)


@pytest.mark.parametrize("commits_first", [False, True])
def test_f59_half_of_the_requests_fail(tmp_path: Path, commits_first: bool) -> None:
    rng = Random(7)
    faults: list[httpx.Response | type[httpx.TransportError]] = [
        httpx.ConnectError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.Response(503),
        httpx.Response(200, html="<html>"),
        httpx.Response(500, json={"code": "40P01"}),
    ]
    server = MockServer(commits_first=commits_first)
    server.script = [rng.choice(faults) if rng.random() < 0.5 else None for _ in range(400)]
    outcomes = [step is None for step in server.script]
    with running(tmp_path, batch_rows=8) as pipeline:
        write(pipeline, *map(str, range(600)))
        with over(pipeline, transport=server.transport, jitter=NoLuck()):
            waits = ship_patiently(pipeline, patience=400)
        assert len(server.memory.texts) == 600
        assert pipeline.outbox.stats().parked_rows == 0
    expected, failures = [], 0
    for is_success in outcomes[: len(server.tokens)]:
        if is_success:
            failures = 0
        else:
            expected.append(min(300, 2**failures))
            failures += 1
    assert waits == expected and max(waits) > 4


def test_f60_connection_is_kept_and_replaced_when_it_broke(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=2) as pipeline, scripted() as server:
        write(pipeline, "1", "2", "3", "4", "5")
        with over(pipeline, _at(server)):
            pipeline.ship()
            assert (len(server.requests), server.connections) == (3, 1)
            server.script = [Step("reset")]
            write(pipeline, "6", session="b")
            assert len(ship_patiently(pipeline)) == 1
        assert server.connections == 2
        assert server.memory.texts == ["1", "2", "3", "4", "5", "6"]


def test_f60_reset_in_the_middle_of_a_large_body(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline, scripted(Step("reset_mid_body")) as server:
        texts = [f"{number} " + "x" * 9000 for number in range(90)]
        content = b"".join(line(number, text=text) for number, text in enumerate(texts))
        (pipeline.folder / "a.jsonl").write_bytes(content)
        pipeline.collect()
        with over(pipeline, _at(server)):
            assert len(ship_patiently(pipeline)) == 1
        assert server.memory.texts == sorted(texts)


def test_f60_server_that_says_goodbye_costs_no_wait(tmp_path: Path) -> None:
    """HTTP/2's GOAWAY cannot come, for we speak HTTP/1.1; this is what it has instead."""
    goodbye = Step("goodbye")
    with (
        running(tmp_path, batch_rows=2) as pipeline,
        scripted(goodbye, goodbye, goodbye) as server,
    ):
        write(pipeline, "1", "2", "3", "4", "5")
        with over(pipeline, _at(server)):
            pipeline.ship()
        assert server.connections == 3
        assert {request[":line"] for request in server.requests} == {
            "POST /rest/v1/rpc/ingest HTTP/1.1"
        }
        assert server.memory.texts == ["1", "2", "3", "4", "5"]


def test_f69_single_row_that_is_too_large_arrives_cut(tmp_path: Path) -> None:
    with running(tmp_path, batch_bytes=4000) as pipeline:
        content = line("1", text="x" * 20_000) + line("2")
        (pipeline.folder / "a.jsonl").write_bytes(content)
        cut, whole = sorted(pipeline.drain(), reverse=True)
        assert whole == "2" and cut.startswith("xxx") and "cut by claude-tracer" in cut


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        ("7", 7),
        ("120", 120),
        ("0", 1),
        ("99999999999999999999", 300),
        ("9" * 400, 300),
        ("-5", 1),
        ("soon", 1),
        ("\u00b2", 1),
        ("+ 90 s", 90),
        ("- 90 s", 1),
        ("+ 9 days", 300),
        ("Thu, 01 Jan 2026 00:01:00 +99999999999999999999", 1),
        ("Thu, 99 Foo 99999 99:99:99 GMT", 1),
    ],
)
def test_f70_retry_after_is_honoured_and_capped(tmp_path: Path, after: str, kept: float) -> None:
    server = MockServer()
    with (
        running(tmp_path) as pipeline,
        over(pipeline, transport=server.transport, jitter=NoLuck()),
    ):
        write(pipeline, "1")
        if after[1:2] == " ":
            seconds = {"+ 90 s": 90, "- 90 s": -90}.get(after, 9 * 86400)
            at = pipeline.clock.now() + timedelta(seconds=seconds)
            after = format_datetime(at.replace(microsecond=0), usegmt=True)
        header = [(b"Retry-After", after.encode("latin-1"))]
        server.script = [httpx.Response(429, headers=header)]
        with pytest.raises(ServerUnavailable, match="429") as caught:
            pipeline.shipper.run_once()
        assert caught.value.after_s == pytest.approx(kept, abs=1)
        _advance(pipeline, kept - 1.5)
        if kept > 2:
            with pytest.raises(ServerUnavailable):
                pipeline.shipper.run_once()
            assert len(server.tokens) == 1, "the server was asked before its time"
        _advance(pipeline, 2.5)
        pipeline.ship()
        assert server.memory.texts == ["1"]


@pytest.mark.parametrize("code", ["57014", "40001", "40P01", "53300", "57P01"])
def test_f72_what_passes_is_tried_again(tmp_path: Path, code: str) -> None:
    with running(tmp_path) as pipeline:
        write(pipeline, "1", "2", "3")
        pipeline.server.script = [Answer(500, code=code)] * 3
        ship_patiently(pipeline)
        assert pipeline.server.texts == ["1", "2", "3"]
        assert pipeline.outbox.stats().parked_rows == 0


def test_f72_timeout_of_a_statement_halves_the_batches(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=64) as pipeline:
        slow = Answer(500, code="57014")
        pipeline.server.check = lambda body: slow if body.count(b'"revision"') > 10 else None
        write(pipeline, *map(str, range(200)))
        ship_patiently(pipeline)
        assert len(pipeline.server.texts) == 200
        assert [rows for rows in pipeline.server.batches if rows > 10][:3] == [64, 32, 16]
        assert pipeline.outbox.stats().parked_rows == 0
