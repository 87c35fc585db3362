"""The main thread: what it does about a stage that hangs, a full disk, and the word to stop."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.collector import CollectProgress, CollectReport
from claude_code_tracer.config import Config
from claude_code_tracer.daemon import Daemon
from claude_code_tracer.draining import drain
from claude_code_tracer.errors import RetryLater, StorageFull
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from claude_code_tracer.worker import Worker
from tests.faults import pipeline as small
from tests.faults.pipeline import line, make_config
from tests.transcripts import Conversation


class Told:
    """What a tracer told whoever started it."""

    def __init__(self) -> None:
        self.progress: list[CollectProgress] = []
        self.reports: list[CollectReport] = []


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = make_config(tmp_path)
    credentials = {"url": "http://127.0.0.1:1", "publishable_key": "k", "device_token": "t"}
    config.home.credentials.write_text(json.dumps(credentials))
    return config


@pytest.fixture
def pipeline(config: Config, clock: FakeClock) -> Iterator[Pipeline]:
    with open_pipeline(config, clock) as pipeline:
        yield pipeline


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def daemon(config: Config, clock: FakeClock, told: Told) -> Daemon:
    return Daemon(
        config,
        clock,
        on_ready=lambda url: None,
        on_collected=told.reports.append,
        progress=told.progress.append,
    )


def idle(name: str, clock: FakeClock) -> Worker:
    return Worker(name, lambda: 1.0, clock, lambda: None)


def test_a_stage_that_hangs_for_long_ends_the_tracer(
    daemon: Daemon, pipeline: Pipeline, clock: FakeClock
) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def hang() -> float:
        has_begun.set()
        assert may_end.wait(10)
        return 3600.0

    collector, shipper = Worker("collector", hang, clock, lambda: None), idle("shipper", clock)
    collector.start()
    assert has_begun.wait(10)
    for minutes in range(16):
        assert not daemon._stop.is_set(), minutes
        daemon._watch(pipeline, collector, shipper)
        clock.advance_s(60)
    assert daemon._stop.is_set() and daemon._gave_up
    assert collector.health.state == "stuck"
    may_end.set()
    assert collector.stop(10)


def test_f49_a_health_file_that_cannot_be_written_ends_nothing(
    daemon: Daemon, config: Config
) -> None:
    config.home.health.mkdir()
    daemon._write_health("running")
    config.home.health.rmdir()
    daemon._write_health("running")
    assert json.loads(config.home.health.read_bytes())["state"] == "running"


def test_the_first_scan_is_followed_and_told_once(
    tmp_path: Path, daemon: Daemon, pipeline: Pipeline, clock: FakeClock, told: Told
) -> None:
    Conversation(tmp_path, "aaaaaaaa-0909-4909-8909-090909090909").prompt("one")
    shipper = idle("shipper", clock)
    daemon._collect(pipeline, shipper)
    assert [at.files_done for at in told.progress][-1] == 1
    assert [report.files for report in told.reports] == [1]
    seen = len(told.progress)
    Conversation(tmp_path, "bbbbbbbb-0909-4909-8909-090909090909").prompt("two")
    clock.advance_s(3600)
    daemon._collect(pipeline, shipper)
    assert (len(told.progress), len(told.reports)) == (seen, 1)
    assert daemon._vitals.collected.files == 2


def test_f49_what_a_pass_did_before_the_disk_was_full_counts(
    tmp_path: Path,
    daemon: Daemon,
    pipeline: Pipeline,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in (1, 2):
        Conversation(tmp_path, f"{number:08x}-0909-4909-8909-090909090909").prompt("x")
    monkeypatch.setattr(pipeline.outbox, "_max_bytes", 1)  # the second batch does not fit
    with pytest.raises(StorageFull):
        daemon._collect(pipeline, idle("shipper", clock))
    assert daemon._vitals.collected.files == 1
    assert daemon._vitals.collected.records == pipeline.outbox.queue().rows > 0
    assert daemon._vitals.scanned_at is None


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[small.Pipeline]:
    """A pipeline with rows that wait."""
    with small.running(tmp_path, batch_rows=2) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(line(n) for n in range(20)))
        pipeline.collect()
        yield pipeline


class Stepping(FakeClock):
    """Does something at every wait, as a thread would meanwhile."""

    def __init__(self, work: Worker | None = None) -> None:
        super().__init__()
        self.waits = 0
        self.work = work

    def wait_s(self, event: threading.Event, seconds: float) -> bool:
        self.waits += 1
        if self.work:
            self.work._one_step()
        return super().wait_s(event, seconds)


def _shipping(waiting: small.Pipeline, clock: FakeClock) -> Worker:
    def step() -> float:
        waiting.shipper.run_once()
        return 0.0

    return Worker("shipper", step, clock, lambda: None)


def test_f07_what_waits_is_sent_before_the_end(waiting: small.Pipeline) -> None:
    clock = Stepping()
    clock.work = _shipping(waiting, clock)
    drain(waiting.outbox, clock.work, clock)
    assert waiting.outbox.queue().rows == 0
    assert len(waiting.server.texts) == 20


def test_f08_a_server_that_takes_nothing_is_not_waited_for(waiting: small.Pipeline) -> None:
    clock = Stepping()
    rows = waiting.outbox.queue().rows
    drain(waiting.outbox, _shipping(waiting, clock), clock)
    assert 1.5 <= clock.monotonic_s() < 2.0
    assert waiting.outbox.queue().rows == rows


def test_f08_a_server_that_takes_little_is_not_waited_for_long(waiting: small.Pipeline) -> None:
    clock = Stepping()
    worker = _shipping(waiting, clock)

    def now_and_then() -> float:
        if clock.waits % 20 == 0:
            waiting.shipper.run_once()
        return 0.0

    worker._step = now_and_then
    clock.work = worker
    drain(waiting.outbox, worker, clock)
    assert 4.0 <= clock.monotonic_s() < 4.5
    assert waiting.outbox.queue().rows > 0


def test_f07_a_shipper_in_a_pause_is_not_waited_for(waiting: small.Pipeline) -> None:
    def pause() -> float:
        raise RetryLater("no answer", after_s=300)

    clock = Stepping()
    worker = Worker("shipper", pause, clock, lambda: None)
    worker._one_step()
    drain(waiting.outbox, worker, clock)
    assert clock.waits == 0
