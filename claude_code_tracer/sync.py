"""Collect and ship all there is, once: by the running tracer if there is one, else here."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from claude_code_tracer.clock import Clock
from claude_code_tracer.collector import CollectProgress, Progress
from claude_code_tracer.config import Config
from claude_code_tracer.errors import HaltStage, RetryLater, ServerUnavailable
from claude_code_tracer.health import Health, read_health
from claude_code_tracer.lock import running_pid
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from claude_code_tracer.serving import served, wait_until_running
from claude_code_tracer.worker import Worker

__all__ = ["Sending", "SyncResult", "sync_all"]

Sending = Callable[[int, int], None]
"""Told how many records are sent, and how many there are to send."""

_PATIENCE_S = 60.0
"""How long a server that does not answer is tried before `sync` gives up; nothing is lost."""
_POLL_S = 0.05
_ANSWER_S = 60.0
"""Longer than any request takes (`ship.client.TIMEOUT`)."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one `sync` did."""

    files: int
    records: int
    shipped: int
    masked: int
    bad_spans: int
    parked: int
    unreadable: list[str]


def sync_all(
    config: Config, clock: Clock, progress: Progress, sending: Sending = lambda sent, total: None
) -> SyncResult:
    """Collect every transcript and send every record; return when the outbox is empty.

    `progress` follows the collecting; `sending(sent, total)` then counts records.
    """
    config.home.create()
    if running_pid(config.home.daemon_lock):
        return _ask_the_running(config, clock, progress, sending)
    with served(config), open_pipeline(config, clock) as pipeline:
        pipeline.obey()
        with _shipping(config, pipeline, clock):
            report = pipeline.collector.run_once(progress)
        _ship_all(pipeline, clock, sending)
        return SyncResult(
            files=report.files,
            records=report.records,
            shipped=pipeline.shipper.shipped,
            masked=report.masked,
            bad_spans=report.bad,
            parked=pipeline.outbox.stats().parked_rows,
            unreadable=report.errors,
        )


@contextmanager
def _shipping(config: Config, pipeline: Pipeline, clock: Clock) -> Iterator[None]:
    """Ship what is there already while the body collects; what fails here is said afterwards."""

    def step() -> float:
        return 0.0 if pipeline.shipper.run_once().more else config.settings.ship_idle_s

    worker = Worker("shipper", step, clock, on_gave_up=lambda: None)
    worker.start()
    try:
        yield
    finally:
        worker.stop(_ANSWER_S)


def _ship_all(pipeline: Pipeline, clock: Clock, sending: Sending) -> None:
    never = threading.Event()
    deadline_s = clock.monotonic_s() + _PATIENCE_S
    while True:
        sent = pipeline.shipper.shipped
        sending(sent, sent + pipeline.outbox.queue().rows)
        try:
            more = pipeline.shipper.run_once().more
        except RetryLater as exc:
            if clock.monotonic_s() > deadline_s:
                raise ServerUnavailable(
                    f"{exc}; the records stay queued for the next sync"
                ) from exc
            clock.wait_s(never, exc.after_s or 1.0)
            continue
        if not more:
            return
        deadline_s = clock.monotonic_s() + _PATIENCE_S


def _ask_the_running(
    config: Config, clock: Clock, progress: Progress, sending: Sending
) -> SyncResult:
    """Ask the running tracer for a scan that begins after now and wait for its queue to empty."""
    before = wait_until_running(config)
    asked_at = clock.now()
    os.kill(before.pid, signal.SIGUSR1)
    never = threading.Event()
    while True:
        health = read_health(config.home)
        if health is None:
            raise HaltStage("claude-tracer ended while it was collecting: see `claude-tracer logs`")
        _show(before, health, progress, sending)
        scanned = health.last_scan_at and health.last_scan_at >= asked_at
        if scanned and not health.pending_records and health.shipper.state == "running":
            return _difference(before, health)
        if health.shipper.state == "halted":
            halt = HaltStage(health.shipper.detail or "the shipper stands still")
            halt.exit_code = health.shipper.exit_code  # F63: 77 when the device is signed out
            raise halt
        clock.wait_s(never, _POLL_S)


def _show(before: Health, now: Health, progress: Progress, sending: Sending) -> None:
    if at := now.backfill:
        progress(
            CollectProgress(
                files_done=at.files_done,
                files_total=at.files_total,
                bytes_done=at.bytes_done,
                bytes_total=at.bytes_total,
                records=at.records,
                masked=at.masked,
            )
        )
    elif now.pending_records:
        sent = now.shipped_records - before.shipped_records
        sending(sent, sent + now.pending_records)


def _difference(before: Health, after: Health) -> SyncResult:
    return SyncResult(
        files=after.files - before.files,
        records=after.records - before.records,
        shipped=after.shipped_records - before.shipped_records,
        masked=after.masked - before.masked,
        bad_spans=after.bad_spans - before.bad_spans,
        parked=after.parked_records,
        unreadable=after.unreadable,
    )
