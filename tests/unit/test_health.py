"""What the running tracer says about itself, and that saying it costs little."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.collect_report import CollectProgress, CollectReport, SourceReport
from claude_code_tracer.config import Config
from claude_code_tracer.errors import HaltStage, NotRunning
from claude_code_tracer.health import Health, read_health, running_health, write_health
from claude_code_tracer.lock import InstanceLock
from claude_code_tracer.outbox import Parked
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from claude_code_tracer.rate import Rate
from claude_code_tracer.vitals import Vitals
from claude_code_tracer.worker import Worker
from tests.faults.pipeline import make_config
from tests.faults.scripted_server import ScriptedServer, scripted
from tests.transcripts import Conversation


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted() as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, server: ScriptedServer) -> Config:
    config = make_config(tmp_path)
    credentials = {"url": server.url, "publishable_key": "k", "device_token": "t"}
    config.home.credentials.write_text(json.dumps(credentials))
    return config


@pytest.fixture
def pipeline(config: Config, clock: FakeClock) -> Iterator[Pipeline]:
    with open_pipeline(config, clock) as pipeline:
        yield pipeline


@pytest.fixture
def vitals(config: Config, clock: FakeClock) -> Vitals:
    return Vitals(config, clock)


def transcript(home: Path, name: str, *prompts: str) -> Path:
    talk = Conversation(home, f"{name * 8}-1234-4234-8234-123456789012")
    for prompt in prompts:
        talk.prompt(prompt)
    return talk.path


def look(vitals: Vitals, pipeline: Pipeline) -> Health:
    return vitals.health("running", "http://x", {}, pipeline)


def collect(vitals: Vitals, pipeline: Pipeline, clock: FakeClock) -> None:
    report = pipeline.collector.run_once(vitals.on_progress)
    vitals.on_pass_end(report, clock.now())


def ship(pipeline: Pipeline) -> None:
    while pipeline.shipper.run_once().more:
        pass


def test_a_tracer_that_starts_says_so(vitals: Vitals) -> None:
    health = vitals.health("starting", None, {})
    assert (health.state, health.collector.state, health.shipper.state) == (
        "starting",
        "starting",
        "starting",
    )
    assert health.queue.limit_bytes > 0
    assert health.sources == {} and health.backfill is None and health.last_error is None


def test_each_source_has_its_counts_times_and_lag(
    tmp_path: Path, vitals: Vitals, pipeline: Pipeline, clock: FakeClock
) -> None:
    transcript(tmp_path, "a", "one", "two")
    path = transcript(tmp_path, "b", "three")
    path.write_bytes(path.read_bytes() + b"broken\n")
    collect(vitals, pipeline, clock)
    read_at = clock.now()
    source = look(vitals, pipeline).sources["claude_code"]
    assert (source.files, source.parked, source.unreadable) == (2, 1, 0)
    assert source.records == look(vitals, pipeline).records > 0
    assert source.last_record_at == read_at
    clock.advance_s(30)
    assert look(vitals, pipeline).sources["claude_code"].lag_s == 30.0
    ship(pipeline)
    source = look(vitals, pipeline).sources["claude_code"]
    assert (source.lag_s, source.last_record_at) == (0.0, read_at)


def test_a_clock_set_back_makes_no_negative_lag(
    tmp_path: Path, vitals: Vitals, pipeline: Pipeline, clock: FakeClock
) -> None:
    transcript(tmp_path, "a", "one")
    collect(vitals, pipeline, clock)
    clock.jump_s(-8 * 3600)
    assert look(vitals, pipeline).sources["claude_code"].lag_s == 0.0


def test_the_queue_tells_rows_bytes_and_since_when(
    tmp_path: Path, vitals: Vitals, pipeline: Pipeline, clock: FakeClock
) -> None:
    transcript(tmp_path, "a", "one")
    collect(vitals, pipeline, clock)
    queue = look(vitals, pipeline).queue
    assert queue.rows == look(vitals, pipeline).pending_records > 0
    assert queue.bytes > 0 and queue.oldest_at == clock.now()
    ship(pipeline)
    queue = look(vitals, pipeline).queue
    assert (queue.rows, queue.bytes, queue.oldest_at) == (0, 0, None)


def test_unread_news_counts_from_when_it_was_written(
    vitals: Vitals, pipeline: Pipeline, clock: FakeClock
) -> None:
    written_at = clock.now().timestamp() - 100
    so_far = CollectReport(records=1, sources={"codex": SourceReport(records=1)})
    progress = CollectProgress(0, 2, 0, 10, 1, 0, so_far, {"codex": written_at})
    vitals.on_progress(progress)
    assert look(vitals, pipeline).sources["codex"].lag_s == 100.0
    vitals.on_pass_end(None, None)
    assert look(vitals, pipeline).sources["codex"].lag_s == 0.0


def test_a_pass_that_runs_shows_how_far_it_is_and_how_long_yet(
    vitals: Vitals, pipeline: Pipeline, clock: FakeClock
) -> None:
    def progress(done: int) -> CollectProgress:
        so_far = CollectReport(files=done, bytes=done * 1_000_000, records=done * 10, masked=done)
        return CollectProgress(done, 100, done * 1_000_000, 100_000_000, done * 10, done, so_far)

    vitals.on_progress(progress(0))
    at = look(vitals, pipeline).backfill
    assert at and (at.files_done, at.files_total, at.eta_s) == (0, 100, None)
    clock.advance_s(10)
    vitals.on_progress(progress(20))
    health = look(vitals, pipeline)
    assert health.backfill and health.backfill.eta_s == 40.0
    assert (health.backfill.masked, health.backfill.bytes_done) == (20, 20_000_000)
    assert (health.records, health.rates.mb_per_s, health.rates.records_per_s) == (200, 2.0, 20.0)
    vitals.on_pass_end(progress(100).so_far, clock.now())
    health = look(vitals, pipeline)
    assert health.backfill is None
    assert (health.records, health.masked, health.last_scan_at) == (1000, 100, clock.now())


def test_a_pass_that_was_given_up_keeps_its_counts(vitals: Vitals, pipeline: Pipeline) -> None:
    so_far = CollectReport(files=1, records=7)
    vitals.on_progress(CollectProgress(1, 2, 5, 9, 7, 0, so_far))
    vitals.on_pass_end(None, None)
    health = look(vitals, pipeline)
    assert (health.records, health.last_scan_at) == (7, None)


def test_what_is_set_aside_is_told_by_its_reason(
    vitals: Vitals, pipeline: Pipeline, clock: FakeClock
) -> None:
    for number in range(12):
        parked = [Parked(f"reason {number}", start=start) for start in range(number + 1)]
        pipeline.outbox.park([], parked)
        assert look(vitals, pipeline).parked_records == (number + 1) * (number + 2) // 2
    parked_now = look(vitals, pipeline).parked
    assert list(parked_now.items())[:2] == [("reason 11", 12), ("reason 10", 11)]
    assert len(parked_now) == 10
    pipeline.outbox.drop_parked(None)
    clock.advance_s(60)
    assert look(vitals, pipeline).parked == {}


def test_the_last_error_outlives_the_trouble(
    vitals: Vitals, pipeline: Pipeline, clock: FakeClock
) -> None:
    def halt() -> float:
        raise HaltStage("the disk is full: make room")

    def fine() -> float:
        return 1.0

    collector = Worker("collector", halt, clock, lambda: None)
    shipper = Worker("shipper", fine, clock, lambda: None)
    collector._one_step()
    halted = vitals.health("running", None, {}, pipeline, collector, shipper)
    assert halted.collector.state == "halted"
    collector._step = fine
    clock.advance_s(60)
    collector._one_step()
    health = vitals.health("running", None, {}, pipeline, collector, shipper)
    assert health.collector.state == "running"
    assert health.last_error == halted.last_error
    assert health.last_error and health.last_error.stage == "collector"
    down = {"postgres": "failed", "problem": "it does not start"}
    later = vitals.health("running", None, down, pipeline, collector, shipper).last_error
    assert later and (later.stage, later.text) == ("server", "it does not start")


def test_asking_takes_no_look_at_every_row(vitals: Vitals, pipeline: Pipeline) -> None:
    asked: list[str] = []
    look(vitals, pipeline)  # counts what is set aside, once
    pipeline.outbox._db.set_trace_callback(asked.append)
    look(vitals, pipeline)
    pipeline.outbox._db.set_trace_callback(None)
    plans = [
        str(row[3])
        for statement in asked
        for row in pipeline.outbox._db.execute(f"explain query plan {statement}")
    ]
    assert len(asked) == 2
    assert not [statement for statement in asked if "count" in statement]
    assert plans == ["SCAN record", "SEARCH parked"]  # the first by its number, and the last one


def test_a_rate_is_that_of_the_last_minute() -> None:
    clock = FakeClock()
    rate = Rate(clock)
    assert rate.per_s == 0.0
    clock.advance_s(1000)  # before it began
    rate.update(0)
    for second in range(1, 121):
        clock.advance_s(1)
        rate.update(second * 10)
    assert rate.per_s == 10.0
    for _ in range(30):
        clock.advance_s(1)
        rate.update(1200)
    assert rate.per_s == 5.0
    clock.advance_s(60)
    rate.update(1200)
    assert rate.per_s == 0.0


def test_a_rate_remembers_little_however_often_it_is_told() -> None:
    clock = FakeClock()
    rate = Rate(clock)
    for number in range(10_000):
        clock.advance_s(0.1)
        rate.update(number)
    assert len(rate._told) < 70
    assert rate.per_s == pytest.approx(10.0, rel=0.02)


def test_a_total_that_begins_anew_is_no_negative_speed() -> None:
    clock = FakeClock()
    rate = Rate(clock, 100.0)
    clock.advance_s(10)
    rate.update(1)
    assert rate.per_s == 0.0


def test_the_file_is_private_and_read_only_while_its_tracer_runs(
    config: Config, vitals: Vitals
) -> None:
    said = vitals.health("running", "http://x", {"postgres": "running"})
    write_health(config.home, said)
    assert stat.S_IMODE(config.home.health.stat().st_mode) == 0o600
    assert read_health(config.home) is None
    with pytest.raises(NotRunning, match="start --daemon"):
        running_health(config.home)
    with InstanceLock(config.home.daemon_lock):
        assert running_health(config.home) == said
        assert said.pid == os.getpid()
        config.home.health.write_bytes(b"\0" * 100)
        assert read_health(config.home) is None


def test_a_file_of_an_older_version_is_still_read(config: Config, vitals: Vitals) -> None:
    old = json.loads(json.dumps({"pid": os.getpid(), "version": "0.1", "state": "running"}))
    at = vitals.health("running", None, {}).written_at.isoformat()
    old |= {"started_at": at, "written_at": at, "collector": {"state": "running"}}
    old |= {"shipper": {"state": "waiting"}, "a later field": 1}
    config.home.health.write_text(json.dumps(old))
    with InstanceLock(config.home.daemon_lock):
        health = running_health(config.home)
    assert health.shipper.state == "waiting" and health.sources == {}
    assert health.started_at - health.written_at == timedelta(0)
