"""F56: after a long sleep, or when the wall clock was set, everything is tried at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock, Gaps
from claude_code_tracer.daemon import Daemon
from claude_code_tracer.errors import ServerUnavailable
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.worker import Worker
from tests.faults.pipeline import MemoryServer, line, make_config, running
from tests.faults.scripted_server import ScriptedServer, Step, scripted
from tests.transcripts import Conversation

NIGHT_S = 8 * 3600.0


@pytest.mark.parametrize(
    ("pass_by", "is_gap"),
    [
        (lambda clock: clock.advance_s(60), False),
        (lambda clock: clock.advance_s(61), True),
        (lambda clock: clock.jump_s(NIGHT_S), True),  # monotonic time stood still
        (lambda clock: clock.jump_s(-NIGHT_S), False),
        (lambda clock: None, False),
    ],
    ids=["a tick", "a late tick", "a night", "a clock set back", "nothing"],
)
def test_f56_a_gap_is_noticed_by_either_clock(
    pass_by: Callable[[FakeClock], None], is_gap: bool
) -> None:
    clock = FakeClock()
    gaps = Gaps(clock)
    pass_by(clock)
    assert gaps.has_gap() is is_gap
    assert not gaps.has_gap()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pipeline(tmp_path: Path, server: ScriptedServer, clock: FakeClock) -> Iterator[Pipeline]:
    config = make_config(tmp_path)
    credentials = {"url": server.url, "publishable_key": "k", "device_token": "t"}
    config.home.credentials.write_text(json.dumps(credentials))
    with open_pipeline(config, clock) as pipeline:
        yield pipeline


def daemon_of(tmp_path: Path, clock: FakeClock) -> tuple[Daemon, Worker, Worker]:
    """Return a tracer whose main thread is this one, and stages that do not run."""
    daemon = Daemon(
        make_config(tmp_path), clock, on_ready=lambda url: None, on_collected=lambda report: None
    )
    collector, shipper = (
        Worker(name, lambda: 0.0, clock, lambda: None) for name in ("collector", "shipper")
    )
    return daemon, collector, shipper


def test_f56_a_night_ends_a_pause_asks_on_a_new_connection_and_searches_all(
    tmp_path: Path, pipeline: Pipeline, server: ScriptedServer, clock: FakeClock
) -> None:
    daemon, collector, shipper = daemon_of(tmp_path, clock)
    Conversation(tmp_path, "aaaaaaaa-5656-4656-8656-565656565656").prompt("before the night")
    daemon._collect(pipeline, shipper)
    server.script.append(Step("status", 503, headers={"Retry-After": "300"}))
    with pytest.raises(ServerUnavailable):
        pipeline.shipper.run_once()
    Conversation(tmp_path, "bbbbbbbb-5656-4656-8656-565656565656").prompt("in the night")
    daemon._watch(pipeline, collector, shipper)
    with pytest.raises(ServerUnavailable):  # nothing was slept through: the pause is kept
        pipeline.shipper.run_once()
    assert (len(server.requests), server.connections) == (1, 1)
    clock.jump_s(NIGHT_S)
    daemon._watch(pipeline, collector, shipper)
    daemon._collect(pipeline, shipper)
    while pipeline.shipper.run_once().more:
        pass
    assert server.connections == 2
    prompts = {row.get("native_id") for (name, _), row in server.memory.rows.items()}
    assert len([name for name, _ in server.memory.rows if name == "sessions"]) == 2, prompts


def test_f56_a_stage_that_rests_begins_at_once(tmp_path: Path, pipeline: Pipeline) -> None:
    clock = FakeClock()
    daemon, collector, shipper = daemon_of(tmp_path, clock)
    clock.jump_s(NIGHT_S)
    daemon._watch(pipeline, collector, shipper)
    assert collector._wake.is_set() and shipper._wake.is_set()


@pytest.mark.parametrize("jump_s", [-NIGHT_S, NIGHT_S, -400 * 86400.0, 400 * 86400.0])
def test_f56_a_clock_that_jumps_loses_nothing_and_stops_nothing(
    tmp_path: Path, jump_s: float
) -> None:
    with running(tmp_path) as pipeline:
        clock = pipeline.clock
        assert isinstance(clock, FakeClock)
        path = pipeline.folder / "a.jsonl"
        path.write_bytes(line("1") + b'{"id": "2", "te')
        assert pipeline.drain() == ["1"]
        clock.jump_s(jump_s)
        with path.open("ab") as file:
            file.write(b'xt": "two"}\n')
        (pipeline.folder / "b.jsonl").write_bytes(line("3"))
        assert pipeline.drain() == ["1", "3", "two"]
        with path.open("ab") as file:
            file.write(line("4"))
        pipeline.collector.run_hot()
        pipeline.ship()
        assert pipeline.server.texts == ["1", "3", "4", "two"]


@pytest.mark.parametrize("jump_s", [-NIGHT_S, NIGHT_S])
def test_f56_a_pause_is_as_long_as_it_was_whatever_the_wall_clock_says(
    tmp_path: Path, jump_s: float
) -> None:
    server = MemoryServer(script=[Answer(503, retry_after_s=100.0)])
    with running(tmp_path, server=server) as pipeline:
        clock = pipeline.clock
        assert isinstance(clock, FakeClock)
        (pipeline.folder / "a.jsonl").write_bytes(line("1"))
        pipeline.collect()
        with pytest.raises(ServerUnavailable):
            pipeline.shipper.run_once()
        clock.jump_s(jump_s)
        with pytest.raises(ServerUnavailable) as pause:
            pipeline.shipper.run_once()
        assert pause.value.after_s == 100.0
        clock.advance_s(100)
        pipeline.ship()
        assert server.texts == ["1"]
