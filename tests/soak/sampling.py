"""Memory and descriptors of two processes over time, and whether they grow."""

from __future__ import annotations

import contextlib
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from tests.soak.victims import GATEWAY, TRACER, processes

__all__ = ["Growth", "Sample", "Sampler", "growth_of"]

_MB = 1024 * 1024
_FDS_NOISE = 3
"""A connection more or less is no growth."""


@dataclass(frozen=True)
class Sample:
    """One look at one process."""

    at_s: float
    kind: str
    pid: int
    rss_mb: float
    pss_mb: float
    fds: int


@dataclass(frozen=True)
class Growth:
    """What became of one process over the time it was looked at."""

    minutes: float
    rss_mb_per_hour: float
    pss_mb_per_hour: float
    rss_mb_max: float
    fds_min: int
    fds_max: int
    has_more_fds: bool


class Sampler:
    """Look at tracer and gateway, and write it all down."""

    def __init__(self, path: Path) -> None:
        self.samples: list[Sample] = []
        self._began_s = time.monotonic()
        self._file = path.open("w", newline="")
        self._csv = csv.writer(self._file)
        self._csv.writerow(Sample.__dataclass_fields__)

    def look(self, tracer: int) -> None:
        """Take one sample of each process that runs."""
        running = processes(tracer)
        for kind in (TRACER, GATEWAY):
            with contextlib.suppress(KeyError, psutil.NoSuchProcess):
                self._note(kind, running[kind])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _note(self, kind: str, process: psutil.Process) -> None:
        memory = process.memory_full_info()
        pss = getattr(memory, "pss", memory.uss)
        sample = Sample(
            time.monotonic() - self._began_s,
            kind,
            process.pid,
            memory.rss / _MB,
            pss / _MB,
            process.num_fds(),
        )
        self.samples.append(sample)
        self._csv.writerow(vars(sample).values())
        self._file.flush()


def growth_of(samples: Sequence[Sample], kind: str, warm_up_s: float) -> Growth | None:
    """Return what became of the longest-lived process of a kind; None if none lived long enough.

    Its first `warm_up_s` seconds do not count: caches fill.
    """
    own = [sample for sample in samples if sample.kind == kind]
    lives = [[s for s in own if s.pid == pid] for pid in dict.fromkeys(s.pid for s in own)]
    life = max(lives, key=lambda life: life[-1].at_s - life[0].at_s, default=[])
    warm = [sample for sample in life if sample.at_s - life[0].at_s >= warm_up_s]
    if len(warm) < 10:
        return None
    times = [sample.at_s / 3600 for sample in warm]
    third = len(warm) // 3
    return Growth(
        minutes=(warm[-1].at_s - warm[0].at_s) / 60,
        rss_mb_per_hour=_slope(times, [sample.rss_mb for sample in warm]),
        pss_mb_per_hour=_slope(times, [sample.pss_mb for sample in warm]),
        rss_mb_max=max(sample.rss_mb for sample in warm),
        fds_min=min(sample.fds for sample in warm),
        fds_max=max(sample.fds for sample in warm),
        has_more_fds=median(sample.fds for sample in warm[-third:])
        > median(sample.fds for sample in warm[:third]) + _FDS_NOISE,
    )


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the slope of the line that fits best (least squares)."""
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
