"""What the health file says, put together from what the stages know. Cheap enough for every tick.

The collecting thread tells what it does; the main thread asks. Nothing here counts rows in the
outbox one by one, however many wait.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime

from claude_code_tracer import __version__
from claude_code_tracer.clock import Clock
from claude_code_tracer.collector import CollectProgress, CollectReport
from claude_code_tracer.config import Config
from claude_code_tracer.health import (
    Backfill,
    Health,
    LastError,
    QueueHealth,
    Rates,
    SourceHealth,
    StageHealth,
)
from claude_code_tracer.outbox import Outbox, Queue
from claude_code_tracer.pipeline import Pipeline
from claude_code_tracer.rate import Rate
from claude_code_tracer.worker import Worker

__all__ = ["Vitals"]

_SHOWN = 10
_RECOUNT_S = 60.0
_MB = 1_000_000
_STARTING = StageHealth(state="starting")


class Vitals:
    """Keep what was done since the start; `health` is how things stand now."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._clock = clock
        self._limit_bytes = config.settings.outbox_max_bytes
        self._started_at = clock.now()
        self._scanned_at: datetime | None = None
        self._collected: tuple[CollectReport, CollectProgress | None] = CollectReport(), None
        """What ended passes did, and how far the running one is; replaced as one."""
        self._records = Rate(clock)
        self._bytes = Rate(clock)
        self._sent = Rate(clock)
        self._seen: dict[str, int] = {}
        self._read_at: dict[str, datetime] = {}
        self._all_sent: dict[str, int] = {}
        """How many records of a tool there were when the queue was empty last."""
        self._parked: dict[str, int] = {}
        self._last_parked = -1
        self._recount_s = float("-inf")
        self._trouble: LastError | None = None

    @property
    def scanned_at(self) -> datetime | None:
        """When the last complete look at all folders began."""
        return self._scanned_at

    @property
    def collected(self) -> CollectReport:
        """What was read since the start, the running pass included."""
        done, at = self._collected
        return done + at.so_far if at else done

    def on_progress(self, at: CollectProgress) -> None:
        """Take note of how far the running pass is."""
        self._collected = self._collected[0], at

    def on_pass_end(self, report: CollectReport | None, scan_began_at: datetime | None) -> None:
        """Take note of what a pass did; None: it was given up, and what it said last counts."""
        done, at = self._collected
        if report is None and at is not None:
            report = at.so_far
        elif report is not None and scan_began_at is not None:
            self._scanned_at = scan_began_at
        self._collected = (done + report if report else done), None

    def on_trouble(self, stage: str, text: str) -> None:
        """Take note of what went wrong and was repaired."""
        self._trouble = LastError(stage=stage, text=text, at=self._clock.now())

    def on_obeyed(self) -> None:
        """Take note that pointers may have been forgotten."""
        self._recount_s = float("-inf")

    def health(
        self,
        state: str,
        url: str | None,
        backend: Mapping[str, str],
        pipeline: Pipeline | None = None,
        collector: Worker | None = None,
        shipper: Worker | None = None,
    ) -> Health:
        """Return how the tracer is."""
        now = self._clock.now()
        collected, at = self.collected, self._collected[1]
        queue = pipeline.outbox.queue() if pipeline else Queue(0, 0, None)
        sent = pipeline.shipper.shipped if pipeline else 0
        parked = self._count_parked(pipeline.outbox) if pipeline else {}
        self._records.update(collected.records)
        self._bytes.update(collected.bytes)
        self._sent.update(sent)
        return Health(
            pid=os.getpid(),
            version=__version__,
            state=state,
            url=url,
            started_at=self._started_at,
            written_at=now,
            last_scan_at=self._scanned_at,
            files=collected.files,
            records=collected.records,
            masked=collected.masked,
            bad_spans=collected.bad,
            unreadable=collected.errors[:_SHOWN],
            pending_records=queue.rows,
            parked_records=sum(parked.values()),
            shipped_records=sent,
            parked=dict(sorted(parked.items(), key=lambda item: -item[1])[:_SHOWN]),
            sources=self._sources(collected, at, queue, now),
            queue=QueueHealth(
                rows=queue.rows,
                bytes=queue.bytes,
                limit_bytes=self._limit_bytes,
                oldest_at=queue.oldest_at,
            ),
            rates=Rates(
                records_per_s=round(self._records.per_s, 1),
                mb_per_s=round(self._bytes.per_s / _MB, 3),
                sent_per_s=round(self._sent.per_s, 1),
            ),
            backfill=self._backfill(at),
            last_error=self._last_error(backend, collector, shipper),
            price_version=pipeline.price_version if pipeline else None,
            collector=collector.health if collector else _STARTING,
            shipper=shipper.health if shipper else _STARTING,
            backend=dict(backend),
        )

    def _sources(
        self, collected: CollectReport, at: CollectProgress | None, queue: Queue, now: datetime
    ) -> dict[str, SourceHealth]:
        records = {name: source.records for name, source in collected.sources.items()}
        for name, count in records.items():
            if count != self._seen.get(name, 0):
                self._read_at[name] = now
        self._seen = records
        if not queue.rows:
            self._all_sent = records
        unread = at.unread if at else {}
        return {
            name: SourceHealth(
                files=source.files,
                records=source.records,
                masked=source.masked,
                parked=source.bad,
                unreadable=source.unreadable,
                last_record_at=self._read_at.get(name),
                lag_s=self._lag_s(name, unread.get(name), queue, now),
            )
            for name, source in collected.sources.items()
        }

    def _lag_s(self, name: str, unread_at: float | None, queue: Queue, now: datetime) -> float:
        """Return what `SourceHealth.lag_s` is defined as; a clock set back gives 0."""
        since = [] if unread_at is None else [unread_at]
        if queue.oldest_at and self._seen.get(name, 0) > self._all_sent.get(name, 0):
            since.append(queue.oldest_at.timestamp())
        return round(max([0.0, *(now.timestamp() - moment for moment in since)]), 1)

    def _backfill(self, at: CollectProgress | None) -> Backfill | None:
        if at is None or not at.bytes_total:
            return None
        left, rate = at.bytes_total - at.bytes_done, self._bytes.per_s
        return Backfill(
            files_done=at.files_done,
            files_total=at.files_total,
            bytes_done=at.bytes_done,
            bytes_total=at.bytes_total,
            records=at.records,
            masked=at.masked,
            eta_s=round(left / rate, 1) if rate else None,
        )

    def _count_parked(self, outbox: Outbox) -> dict[str, int]:
        """Count again when something was parked since, and for the rest once a minute."""
        now_s, last = self._clock.monotonic_s(), outbox.last_parked()
        if last != self._last_parked or now_s >= self._recount_s:
            self._parked = outbox.parked_reasons()
            self._last_parked, self._recount_s = last, now_s + _RECOUNT_S
        return self._parked

    def _last_error(self, backend: Mapping[str, str], *workers: Worker | None) -> LastError | None:
        problem = backend.get("problem")
        if problem and (self._trouble is None or self._trouble.text != problem):
            self._trouble = LastError(stage="server", text=problem, at=self._clock.now())
        told = [self._trouble, *(worker.last_error for worker in workers if worker)]
        return max((error for error in told if error), key=lambda error: error.at, default=None)
