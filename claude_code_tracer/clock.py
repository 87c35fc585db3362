"""Time as a value that is passed in, so that no stage reads it behind our back."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "FakeClock", "Gaps", "SystemClock"]


class Clock(Protocol):
    """Wall time (aware UTC), monotonic seconds, and a wait that can be cut short."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go backwards."""
        ...

    def wait_s(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; True when it is set."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wait_s(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


class Gaps:
    """Notice that a machine slept between two looks, or that its wall clock was set (F56).

    Monotonic time stands still while a machine sleeps, on some systems, so both are compared.
    """

    def __init__(self, clock: Clock, longest_s: float = 60.0) -> None:
        self._clock = clock
        self._longest_s = longest_s
        self._last = clock.now(), clock.monotonic_s()

    def has_gap(self) -> bool:
        """Tell whether more than `longest_s` lie between this look and the last one."""
        (last_at, last_s), self._last = self._last, (self._clock.now(), self._clock.monotonic_s())
        at, now_s = self._last
        return max((at - last_at).total_seconds(), now_s - last_s) > self._longest_s


class FakeClock:
    """A clock for tests: it stands still until `advance_s` or `wait_s` moves it."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def wait_s(self, event: threading.Event, seconds: float) -> bool:
        self.advance_s(seconds)
        return event.is_set()

    def advance_s(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._elapsed_s += seconds

    def jump_s(self, seconds: float) -> None:
        """Set the wall clock, or sleep: `seconds` go by that monotonic time knows nothing of."""
        self._start += timedelta(seconds=seconds)
