"""The running tracer: one instance, the embedded server, a collecting and a shipping thread.

It runs in the foreground (`claude-tracer start`); `start --daemon` starts the same thing detached.
SIGTERM and SIGINT stop reading, let the shipper send what it holds for a few seconds, and leave
with 0. What is not sent by then stays in the outbox for the next start. SIGUSR1 asks for a look at
all folders now. A stage that hangs ends the process with 1, for a service manager to start again.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections import deque
from collections.abc import Callable

from claude_code_tracer import __version__
from claude_code_tracer.clock import Clock, Gaps
from claude_code_tracer.collector import CollectProgress, CollectReport, Progress
from claude_code_tracer.config import Config
from claude_code_tracer.draining import drain
from claude_code_tracer.errors import OutboxDamaged, TracerError
from claude_code_tracer.health import write_health
from claude_code_tracer.local.backend import Backend
from claude_code_tracer.lock import InstanceLock
from claude_code_tracer.log import event
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from claude_code_tracer.vitals import Vitals
from claude_code_tracer.worker import Worker

__all__ = ["Daemon"]

_COLLECTOR_STOP_S = 2.0
_SHIPPER_STOP_S = 1.0
"""With these, `drain` and the server's own stop, a SIGTERM takes less than 10 s (F07)."""
_REQUESTS_EVERY_S = 1.0
_TICK_S = 0.5
_HEALTH_EVERY_S = 10.0
_MAX_REBUILDS = 3
_REBUILDS_WINDOW_S = 3600.0
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
        self._vitals = Vitals(config, clock)
        self._gaps = Gaps(clock)
        self._beats = 0
        """Of the collector; they go on while a long pass does."""
        self._rebuilds_s: deque[float] = deque(maxlen=_MAX_REBUILDS)
        """When the outbox was found damaged."""
        self._next_scan_s = float("-inf")
        self._next_requests_s = float("-inf")
        self._next_health_s = float("-inf")

    def run(self) -> None:
        """Run until a signal; a TracerError says why it cannot start or go on."""
        self._config.home.create()
        self._listen_to_signals()
        with InstanceLock(self._config.home.daemon_lock):
            self._write_health("starting")
            try:
                if self._is_served():
                    self._work_on()
            finally:
                self._backend.stop()
                event("daemon", "stopped")
        if self._gave_up:
            raise TracerError("a stage failed again and again, or hangs: see `claude-tracer logs`")

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop_soon())
        signal.signal(signal.SIGUSR1, lambda *_: self._scan_soon())

    def _is_served(self) -> bool:
        """Start the server; False when a signal came meanwhile, which gives the start up (F07)."""
        # From a thread: a handler that sets what this thread waits for may wait for itself.
        threading.Thread(target=self._cancel_start, name="cancel-start", daemon=True).start()
        try:
            self._backend.start()
        except TracerError:
            if not self._stop.is_set():
                raise
        return not self._stop.is_set()

    def _cancel_start(self) -> None:
        self._stop.wait()
        self._backend.cancel()

    def _stop_soon(self) -> None:
        # In a thread: the one that the signal interrupted may hold the lock of what it waits for.
        threading.Thread(target=self._stop.set, name="stop", daemon=True).start()

    def _scan_soon(self) -> None:
        self._next_scan_s = float("-inf")

    def _work_on(self) -> None:
        """Work until told to stop; an outbox that gets damaged is replaced by a new one (F06)."""
        while True:
            try:
                with open_pipeline(self._config, self._clock) as pipeline:
                    self._work(pipeline)
                return
            except OutboxDamaged as exc:
                if self._stop.is_set():  # the next start replaces it
                    return
                self._note_damage(exc)

    def _note_damage(self, exc: OutboxDamaged) -> None:
        consequence = "it was set aside, every transcript is read again"
        event("daemon", "outbox_damaged", level=logging.ERROR, consequence=consequence)
        self._vitals.on_trouble("outbox", f"the outbox was damaged: {consequence}")
        now_s = self._clock.monotonic_s()
        self._rebuilds_s.append(now_s)
        is_last = len(self._rebuilds_s) == _MAX_REBUILDS
        if is_last and now_s - self._rebuilds_s[0] < _REBUILDS_WINDOW_S:
            path = self._config.home.outbox
            raise OutboxDamaged(f"{path} was damaged again and again: check the disk") from exc
        self._scan_soon()

    def _work(self, pipeline: Pipeline) -> None:
        shipper = Worker(
            "shipper",
            lambda: self._ship(pipeline),
            self._clock,
            self._give_up,
            lambda: pipeline.shipper.answers,
        )
        collector = Worker(
            "collector",
            lambda: self._collect(pipeline, shipper),
            self._clock,
            self._give_up,
            lambda: self._beats,
        )
        shipper.start()
        collector.start()
        event("daemon", "started", url=self._backend.url, version=__version__)
        try:
            self._attend(pipeline, collector, shipper)
        except OutboxDamaged:
            pipeline.collector.interrupt()
            collector.stop(_COLLECTOR_STOP_S)
            shipper.stop(_SHIPPER_STOP_S)
            raise
        pipeline.collector.interrupt()
        collector.stop(_COLLECTOR_STOP_S)
        drain(pipeline.outbox, shipper, self._clock)
        shipper.stop(_SHIPPER_STOP_S)

    def _attend(self, pipeline: Pipeline, collector: Worker, shipper: Worker) -> None:
        """Look after the stages until told to stop, or until OutboxDamaged."""
        self._write_health("running", pipeline, collector, shipper)
        if not self._rebuilds_s:
            self._on_ready(self._backend.url)
        said = self._news(pipeline)
        self._gaps.has_gap()  # the server may have taken long to start
        while not self._clock.wait_s(self._stop, _TICK_S):
            self._watch(pipeline, collector, shipper)
            if (news := self._news(pipeline)) != said or self._is_health_due():
                said = news
                self._write_health("running", pipeline, collector, shipper)
        self._write_health("stopping", pipeline, collector, shipper)

    def _watch(self, pipeline: Pipeline, collector: Worker, shipper: Worker) -> None:
        """Look after everything once per tick."""
        self._backend.watch()
        if pipeline.outbox.damage:
            raise pipeline.outbox.damage
        if self._gaps.has_gap():  # F56
            event("daemon", "woke_up", consequence="everything is tried and looked at now")
            pipeline.wake_up()
            self._scan_soon()
            self._next_health_s = float("-inf")
            collector.wake()
            shipper.wake()
        if not all([collector.watch(), shipper.watch()]):
            self._give_up()

    def _collect(self, pipeline: Pipeline, shipper: Worker) -> float:
        settings = self._config.settings
        self._serve_requests(pipeline)
        report, began_at = None, None

        def beat(at: CollectProgress) -> None:
            self._beat(at)
            shipper.wake()  # a long pass is sent while it goes on

        try:
            if self._clock.monotonic_s() < self._next_scan_s:
                report = pipeline.collector.run_hot(beat)
            else:
                began_at = self._clock.now()
                due_s = self._next_scan_s = self._clock.monotonic_s() + settings.poll_scan_s
                report = pipeline.collector.run_once(beat)
                if self._next_scan_s == due_s and pipeline.collector.has_rested():
                    self._next_scan_s += settings.poll_rest_s - settings.poll_scan_s
                self._tell_first(report)
        except BaseException:
            self._scan_soon()  # it was given up: the next step begins it again
            raise
        finally:
            self._vitals.on_pass_end(report, began_at)
        return settings.poll_hot_s

    def _serve_requests(self, pipeline: Pipeline) -> None:
        """Do what commands ask for and follow the server, once a second."""
        if self._clock.monotonic_s() < self._next_requests_s:
            return
        if any([pipeline.obey(), pipeline.follow()]):
            self._vitals.on_obeyed()
            self._scan_soon()
            self._next_health_s = float("-inf")
        self._next_requests_s = self._clock.monotonic_s() + _REQUESTS_EVERY_S

    def _beat(self, at: CollectProgress) -> None:
        self._beats += 1
        self._vitals.on_progress(at)
        if self._progress:
            self._progress(at)

    def _tell_first(self, report: CollectReport) -> None:
        """Say what the first scan found, once."""
        if self._vitals.scanned_at is None:
            self._on_collected(report)
            self._progress = None

    def _ship(self, pipeline: Pipeline) -> float:
        report = pipeline.shipper.run_once()
        return 0.0 if report.more else _SHIP_POLL_S

    def _news(self, pipeline: Pipeline) -> tuple[object, ...]:
        """What `status` and `sync` wait for; a change is written down at the next tick."""
        return self._vitals.scanned_at, self._vitals.collected.records, pipeline.shipper.shipped

    def _is_health_due(self) -> bool:
        return self._clock.monotonic_s() >= self._next_health_s

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
        url = self._backend.url if pipeline else None
        told = self._vitals.health(state, url, self._backend.state(), pipeline, collector, shipper)
        try:
            write_health(self._config.home, told)
        except OSError as exc:  # F49: a full disk ends nothing
            event("daemon", "silent", level=logging.WARNING, reason=exc.strerror)
        self._next_health_s = self._clock.monotonic_s() + _HEALTH_EVERY_S
