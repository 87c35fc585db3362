"""The running tracer: one instance, the embedded server, a collecting and a shipping thread.

It runs in the foreground (`claude-tracer start`); `start --daemon` starts the same thing detached.
SIGTERM and SIGINT stop reading, let the shipper send what it holds for a few seconds, and leave
with 0. What is not sent by then stays in the outbox for the next start. SIGUSR1 asks for a look at
all folders now.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime

from claude_code_tracer import __version__
from claude_code_tracer.clock import Clock
from claude_code_tracer.collector import CollectReport, Progress
from claude_code_tracer.config import Config
from claude_code_tracer.errors import TracerError
from claude_code_tracer.health import Health, StageHealth, write_health
from claude_code_tracer.local.backend import Backend
from claude_code_tracer.lock import InstanceLock
from claude_code_tracer.log import event
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from claude_code_tracer.worker import Worker

__all__ = ["Daemon"]

_COLLECTOR_STOP_S = 2.0
_DRAIN_S = 5.0
"""With the two above and the server's own stop, a SIGTERM takes less than 10 s (F07)."""
_TICK_S = 0.5
_HEALTH_EVERY_S = 5.0
_SHIP_POLL_S = 5.0
"""The collector wakes the shipper; this is for records that wait for a retry."""


class Daemon:
    """Collect and ship until told to stop.

    `on_ready(url)` is called once the dashboard is served; `progress` follows the first scan and
    `on_collected` is called with its report.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        on_ready: Callable[[str], None],
        on_collected: Callable[[CollectReport], None],
        progress: Progress | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._on_ready = on_ready
        self._on_collected = on_collected
        self._progress = progress
        self._stop = threading.Event()
        self._gave_up = False
        self._backend = Backend(config)
        self._started_at = clock.now()
        self._scanned_at: datetime | None = None
        self._next_scan_s = float("-inf")
        self._next_health_s = float("-inf")
        self._collected = CollectReport()

    def run(self) -> None:
        """Run until a signal; a TracerError says why it cannot start or go on."""
        self._config.home.create()
        with InstanceLock(self._config.home.daemon_lock):
            self._listen_to_signals()
            self._write_health("starting")
            try:
                self._backend.start()
                with open_pipeline(self._config, self._clock) as pipeline:
                    self._work(pipeline)
            finally:
                self._backend.stop()
                event("daemon", "stopped")
        if self._gave_up:
            raise TracerError("a stage failed again and again: see `claude-tracer logs`")

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        signal.signal(signal.SIGUSR1, lambda *_: self._scan_soon())

    def _scan_soon(self) -> None:
        self._next_scan_s = float("-inf")

    def _work(self, pipeline: Pipeline) -> None:
        shipper = Worker("shipper", lambda: self._ship(pipeline), self._clock, self._give_up)
        collector = Worker(
            "collector", lambda: self._collect(pipeline, shipper), self._clock, self._give_up
        )
        shipper.start()
        collector.start()
        event("daemon", "started", url=self._backend.url, version=__version__)
        self._write_health("running", pipeline, collector, shipper)
        self._on_ready(self._backend.url)
        said = self._news(pipeline)
        while not self._clock.wait_s(self._stop, _TICK_S):
            self._backend.watch()
            if (news := self._news(pipeline)) != said or self._is_health_due():
                said = news
                self._write_health("running", pipeline, collector, shipper)
        self._write_health("stopping", pipeline, collector, shipper)
        pipeline.collector.interrupt()
        collector.stop(_COLLECTOR_STOP_S)
        self._drain(pipeline)
        shipper.stop(_DRAIN_S)

    def _collect(self, pipeline: Pipeline, shipper: Worker) -> float:
        settings = self._config.settings
        if self._clock.monotonic_s() < self._next_scan_s:
            report = pipeline.collector.run_hot()
        else:
            began_at = self._clock.now()
            self._next_scan_s = self._clock.monotonic_s() + settings.poll_scan_s
            report = pipeline.collector.run_once(self._progress)
            if self._scanned_at is None:
                self._on_collected(report)
                self._progress = None
            self._scanned_at = began_at
        if report.records:
            shipper.wake()
        self._collected += report
        return settings.poll_hot_s

    def _ship(self, pipeline: Pipeline) -> float:
        report = pipeline.shipper.run_once()
        return 0.0 if report.more else _SHIP_POLL_S

    def _news(self, pipeline: Pipeline) -> tuple[object, ...]:
        """What `status` and `sync` wait for; a change is written down at the next tick."""
        return self._scanned_at, self._collected.records, pipeline.shipper.shipped

    def _is_health_due(self) -> bool:
        return self._clock.monotonic_s() >= self._next_health_s

    def _drain(self, pipeline: Pipeline) -> None:
        deadline_s = self._clock.monotonic_s() + _DRAIN_S
        nothing = threading.Event()
        while pipeline.outbox.stats().pending_rows and self._clock.monotonic_s() < deadline_s:
            self._clock.wait_s(nothing, 0.05)

    def _give_up(self) -> None:
        self._gave_up = True
        self._stop.set()

    def _write_health(
        self,
        state: str,
        pipeline: Pipeline | None = None,
        collector: Worker | None = None,
        shipper: Worker | None = None,
    ) -> None:
        starting = StageHealth(state="starting")
        stats = pipeline.outbox.stats() if pipeline else None
        health = Health(
            pid=os.getpid(),
            version=__version__,
            state=state,
            url=self._backend.url if pipeline else None,
            started_at=self._started_at,
            written_at=self._clock.now(),
            last_scan_at=self._scanned_at,
            files=self._collected.files,
            records=self._collected.records,
            masked=self._collected.masked,
            bad_spans=self._collected.bad,
            unreadable=self._collected.errors[:10],
            pending_records=stats.pending_rows if stats else 0,
            parked_records=stats.parked_rows if stats else 0,
            shipped_records=pipeline.shipper.shipped if pipeline else 0,
            price_version=pipeline.price_version if pipeline else None,
            collector=collector.health if collector else starting,
            shipper=shipper.health if shipper else starting,
            backend=self._backend.state(),
        )
        write_health(self._config.home, health)
        self._next_health_s = self._clock.monotonic_s() + _HEALTH_EVERY_S
