"""What goes wrong around the tracer during a soak."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from random import Random

import psutil
import psycopg

from tests.e2e.world import World
from tests.soak.victims import BACKEND, GATEWAY, POSTMASTER, TRACER, kill, processes

__all__ = ["ROUGH", "SMOOTH", "Faults"]

LOCK, PAUSE = "locked table", "paused gateway"
SMOOTH = (POSTMASTER, BACKEND, LOCK, PAUSE)
"""Faults after which tracer and gateway are the same processes as before."""
ROUGH = (TRACER, GATEWAY, *SMOOTH)
_LOCK_S = 12.0
"""Longer than a statement may take: requests end with 57014."""
_PAUSE_S = 6.0


class Faults:
    """Begins faults of some kinds and ends those that take a while."""

    def __init__(self, world: World, rng: Random) -> None:
        self.count: Counter[str] = Counter()
        self._world = world
        self._rng = rng
        self._end: Callable[[], object] | None = None
        self._end_s = 0.0

    def begin(self, kinds: tuple[str, ...], tracer: int) -> None:
        """Begin one fault, unless the last one still lasts."""
        if self._end:
            return
        kind = self._rng.choice(kinds)
        if kind == LOCK:
            self.count[kind] += self._lock()
        elif kind == PAUSE:
            self.count[kind] += self._pause(tracer)
        else:
            self.count[kind] += kill(kind, tracer, self._rng)

    def end_in_time(self) -> None:
        """End a fault that lasted long enough."""
        if self._end and time.monotonic() >= self._end_s:
            self.end()

    def end(self) -> None:
        """End a fault that lasts."""
        end, self._end = self._end, None
        if end:
            end()

    def _lock(self) -> bool:
        """Let nobody write messages for a while: the server answers 500."""
        try:
            connection = self._world.connect()
            connection.execute("begin")
            connection.execute("set local lock_timeout = '2s'")
            connection.execute("lock table public.messages in access exclusive mode")
        except psycopg.Error:  # the server is away just now
            return False
        self._until(_LOCK_S, connection.close)
        return True

    def _pause(self, tracer: int) -> bool:
        """Let the gateway hear nothing for a while."""
        gateway = processes(tracer).get(GATEWAY)
        if gateway is None:
            return False
        gateway.suspend()

        def resume() -> None:
            with contextlib.suppress(psutil.NoSuchProcess):
                gateway.resume()

        self._until(_PAUSE_S, resume)
        return True

    def _until(self, seconds: float, end: Callable[[], object]) -> None:
        self._end, self._end_s = end, time.monotonic() + seconds
