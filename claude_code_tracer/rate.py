"""How fast a total grows, over the last minute."""

from __future__ import annotations

from collections import deque

from claude_code_tracer.clock import Clock

__all__ = ["Rate"]

_WINDOW_S = 60.0
_STEP_S = 1.0
"""Totals told in quicker succession replace each other: a minute is 60 of them, not thousands."""


class Rate:
    """Tell it the total now and then; `per_s` is the growth per second, 0 when it stands still."""

    def __init__(self, clock: Clock, total: float = 0.0) -> None:
        self._clock = clock
        self._told: deque[tuple[float, float]] = deque([(clock.monotonic_s(), total)])
        """When, and which total; the first one is where the window begins."""

    def update(self, total: float) -> None:
        """Take note of what the total is now."""
        now_s = self._clock.monotonic_s()
        if len(self._told) == 1 and total == self._told[0][1]:
            self._told.pop()  # it has not begun
        elif len(self._told) > 1 and now_s - self._told[-2][0] < _STEP_S:
            self._told.pop()
        self._told.append((now_s, total))
        while len(self._told) > 2 and now_s - self._told[1][0] >= _WINDOW_S:
            self._told.popleft()

    @property
    def per_s(self) -> float:
        """The growth per second between the ends of the window."""
        (began_s, first), (ended_s, last) = self._told[0], self._told[-1]
        return max(0.0, (last - first) / (ended_s - began_s)) if ended_s > began_s else 0.0
