"""Collect and ship all there is, once: by the running tracer if there is one, else here."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass

from claude_code_tracer.clock import Clock
from claude_code_tracer.collector import Progress
from claude_code_tracer.config import Config
from claude_code_tracer.errors import HaltStage, RetryLater, ServerUnavailable
from claude_code_tracer.health import Health, read_health
from claude_code_tracer.lock import running_pid
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from claude_code_tracer.serving import served, wait_until_running

__all__ = ["SyncResult", "sync_all"]

_PATIENCE_S = 60.0
"""How long a server that does not answer is tried before `sync` gives up; nothing is lost."""
_POLL_S = 0.05


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


def sync_all(config: Config, clock: Clock, progress: Progress) -> SyncResult:
    """Collect every transcript and send every record; return when the outbox is empty."""
    config.home.create()
    if running_pid(config.home.daemon_lock):
        return _ask_the_running(config, clock)
    with served(config), open_pipeline(config, clock) as pipeline:
        report = pipeline.collector.run_once(progress)
        _ship_all(pipeline, clock)
        return SyncResult(
            files=report.files,
            records=report.records,
            shipped=pipeline.shipper.shipped,
            masked=report.masked,
            bad_spans=report.bad,
            parked=pipeline.outbox.stats().parked_rows,
            unreadable=report.errors,
        )


def _ship_all(pipeline: Pipeline, clock: Clock) -> None:
    never = threading.Event()
    deadline_s = clock.monotonic_s() + _PATIENCE_S
    while True:
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


def _ask_the_running(config: Config, clock: Clock) -> SyncResult:
    """Ask the running tracer for a scan that begins after now and wait for its queue to empty."""
    before = wait_until_running(config)
    asked_at = clock.now()
    os.kill(before.pid, signal.SIGUSR1)
    never = threading.Event()
    while True:
        health = read_health(config.home)
        if health is None:
            raise HaltStage("claude-tracer ended while it was collecting: see `claude-tracer logs`")
        scanned = health.last_scan_at and health.last_scan_at >= asked_at
        if scanned and not health.pending_records and health.shipper.state == "running":
            return _difference(before, health)
        if health.shipper.state == "halted":
            raise HaltStage(health.shipper.detail or "the shipper stands still")
        clock.wait_s(never, _POLL_S)


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
