"""F57 to F61, F69 to F72: what may happen between us and the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx
import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import RetryLater, ServerUnavailable
from claude_code_tracer.ship import client as client_module
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.ship.client import IngestClient
from claude_code_tracer.ship.credentials import Credentials
from claude_code_tracer.shipper import Shipper
from tests.faults.pipeline import Pipeline, line, running
from tests.faults.scripted_server import ScriptedServer, Step, scripted


@contextmanager
def _over_a_socket(pipeline: Pipeline, server: ScriptedServer) -> Iterator[None]:
    """Let the pipeline's shipper talk to a real socket."""
    credentials = Credentials(server.url, "pk", "ctd_secret")
    with IngestClient(lambda: credentials, pipeline.clock) as client:
        pipeline.shipper = Shipper(
            pipeline.config, pipeline.outbox, client, pipeline.clock, 1, Random(1)
        )
        yield


def _write(pipeline: Pipeline, *names: str) -> None:
    (pipeline.folder / "a.jsonl").write_bytes(b"".join(map(line, names)))
    pipeline.collect()


def _ship_patiently(pipeline: Pipeline, patience: int = 50) -> int:
    """Ship everything, waiting when told to; return how often that was."""
    waits = 0
    while True:
        try:
            if not pipeline.shipper.run_once().more:
                return waits
        except RetryLater as exc:
            waits += 1
            assert waits < patience and exc.after_s and isinstance(pipeline.clock, FakeClock)
            assert "secret" not in str(exc)
            pipeline.clock.advance_s(exc.after_s)


def test_f57_three_days_without_a_server(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        _write(pipeline, *map(str, range(50)))
        until = pipeline.clock.now() + timedelta(days=3)
        tries = 0
        while pipeline.clock.now() < until:
            pipeline.server.script = [ServerUnavailable("refused")]
            with pytest.raises(ServerUnavailable) as caught:
                pipeline.shipper.run_once()
            assert caught.value.after_s is not None and caught.value.after_s <= 300
            pipeline.clock.advance_s(caught.value.after_s)
            tries += 1
        assert 3 * 24 * 12 < tries < 3 * 24 * 40
        assert pipeline.outbox.stats().pending_rows == 51
        pipeline.server.script = []
        pipeline.ship()
        assert len(pipeline.server.texts) == 50


def test_f57_connection_refused(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline, scripted() as server:
        _write(pipeline, "1")
        server.close()
        with (
            _over_a_socket(pipeline, server),
            pytest.raises(ServerUnavailable, match=r"127\.0\.0\.1.*ConnectError"),
        ):
            pipeline.shipper.run_once()
        assert pipeline.outbox.stats().pending_rows == 2


@pytest.mark.parametrize(
    "step",
    [
        Step("commit_then_drop"),
        Step("reset"),
        Step("half_close"),
        Step("html"),
        Step("status", status=503),
        Step("status", status=200, body={"accepted": 99, "refused": []}),
        Step("status", status=200, body={}),
        Step("status", status=429, headers={"Retry-After": "7"}),
        Step("status", status=500, body={"code": "40001"}),
    ],
    ids=lambda step: f"{step.kind} {step.status if step.kind == 'status' else ''}",
)
def test_f58_f60_f61_f70_unknown_outcome_is_sent_again(tmp_path: Path, step: Step) -> None:
    with running(tmp_path) as pipeline, scripted(step, step) as server:
        _write(pipeline, "1", "2", "3")
        with _over_a_socket(pipeline, server):
            assert _ship_patiently(pipeline) == 2
        assert server.memory.texts == ["1", "2", "3"]
        assert len(server.memory.rows) == 4
        assert pipeline.outbox.stats().pending_rows == 0
        assert {request["x-device-token"] for request in server.requests} == {"ctd_secret"}


def test_f58_server_commits_and_answers_too_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT", httpx.Timeout(0.1))
    with running(tmp_path) as pipeline, scripted(Step("delay", delay_s=5)) as server:
        _write(pipeline, "1", "2")
        with _over_a_socket(pipeline, server):
            with pytest.raises(ServerUnavailable, match="ReadTimeout"):
                pipeline.shipper.run_once()
            assert pipeline.outbox.stats().pending_rows == 3
            server.wake()
            pipeline.clock.advance_s(2)  # type: ignore[attr-defined]
            _ship_patiently(pipeline)
        assert server.memory.texts == ["1", "2"]


def test_f59_every_other_request_fails(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        _write(pipeline, *map(str, range(600)))
        rng = Random(7)
        pipeline.server.script = [
            ServerUnavailable("flapping") if rng.random() < 0.5 else None for _ in range(400)
        ]
        _ship_patiently(pipeline, patience=400)
        assert len(pipeline.server.texts) == 600


def test_f60_connection_is_kept_and_replaced_when_it_broke(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=2) as pipeline, scripted() as server:
        _write(pipeline, "1", "2", "3", "4", "5")
        with _over_a_socket(pipeline, server):
            pipeline.ship()
            assert (len(server.requests), server.connections) == (3, 1)
            server.script = [Step("reset")]
            (pipeline.folder / "b.jsonl").write_bytes(line("6"))
            pipeline.collect()
            assert _ship_patiently(pipeline) == 1
        assert server.connections == 2
        assert server.memory.texts == ["1", "2", "3", "4", "5", "6"]


def test_f69_single_row_that_is_too_large_arrives_cut(tmp_path: Path) -> None:
    with running(tmp_path, batch_bytes=4000) as pipeline:
        content = line("1", text="x" * 20_000) + line("2")
        (pipeline.folder / "a.jsonl").write_bytes(content)
        cut, whole = sorted(pipeline.drain(), reverse=True)
        assert whole == "2" and cut.startswith("xxx") and "cut by claude-tracer" in cut


@pytest.mark.parametrize("after", [7.0, 1e12], ids=["seconds", "absurd"])
def test_f70_retry_after_is_honoured_and_capped(tmp_path: Path, after: float) -> None:
    with running(tmp_path) as pipeline:
        _write(pipeline, "1")
        pipeline.server.script = [Answer(429, retry_after_s=after)]
        with pytest.raises(ServerUnavailable) as caught:
            pipeline.shipper.run_once()
        assert caught.value.after_s == min(after, 300)


@pytest.mark.parametrize("code", ["21000", "54000", "22P05"])
def test_f71_poison_at_every_place_of_a_batch(tmp_path: Path, code: str) -> None:
    with running(tmp_path, batch_rows=16) as pipeline:
        names = [f"{number:02}" for number in range(64)]
        pipeline.server.poison = set(names[::5])
        pipeline.server.poison_code = code
        _write(pipeline, *names)
        pipeline.ship()
        assert pipeline.server.texts == sorted(set(names) - pipeline.server.poison)
        assert pipeline.outbox.stats().parked_rows == len(pipeline.server.poison)
        assert pipeline.outbox.stats().pending_rows == 0


@pytest.mark.parametrize("code", ["57014", "40001", "40P01", "53300", "57P01"])
def test_f72_what_passes_is_tried_again(tmp_path: Path, code: str) -> None:
    with running(tmp_path) as pipeline:
        _write(pipeline, "1", "2", "3")
        pipeline.server.script = [Answer(500, code=code)] * 3
        _ship_patiently(pipeline)
        assert pipeline.server.texts == ["1", "2", "3"]
        assert pipeline.outbox.stats().parked_rows == 0
