"""A thread that does one step after another, and what happens when a step fails.

A stage that halts or waits is tried again by itself and says why meanwhile (I8). A step that dies
of something unforeseen is repeated with backoff; five deaths in a minute give up (F09).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from claude_code_tracer.clock import Clock
from claude_code_tracer.errors import HaltStage, RetryLater, TracerError
from claude_code_tracer.health import StageHealth
from claude_code_tracer.log import crash, event

__all__ = ["Worker"]

_HALTED_RETRY_S = 5.0
_MAX_DEATHS = 5
_DEATHS_WINDOW_S = 60.0
_MAX_BACKOFF_S = 8.0


class Worker:
    """Call `step` again and again in a thread; it returns how many seconds to rest.

    `wake()` ends the rest at once. `on_gave_up` is called from the thread when it stops for good.
    """

    def __init__(
        self, name: str, step: Callable[[], float], clock: Clock, on_gave_up: Callable[[], None]
    ) -> None:
        self._name = name
        self._step = step
        self._clock = clock
        self._on_gave_up = on_gave_up
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._health = StageHealth(state="running")
        self._deaths: deque[float] = deque(maxlen=_MAX_DEATHS)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def health(self) -> StageHealth:
        """What the stage does now."""
        return self._health

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Let the next step begin now."""
        self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """Ask the thread to end after its step and wait; False when it is still busy."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            rest_s = self._one_step()
            if rest_s is None:
                self._on_gave_up()
                return
            self._clock.wait_s(self._wake, rest_s)
            self._wake.clear()

    def _one_step(self) -> float | None:
        try:
            rest_s = self._step()
        except RetryLater as exc:
            self._enter("waiting", str(exc))
            return exc.after_s or 1.0
        except HaltStage as exc:
            self._enter("halted", str(exc))
            return _HALTED_RETRY_S
        except Exception as exc:  # style rule 10: the worker loop; repeated, then fatal
            return self._died(exc)
        self._enter("running", None)
        return rest_s

    def _died(self, exc: Exception) -> float | None:
        now_s = self._clock.monotonic_s()
        self._deaths.append(now_s)
        kind = type(exc).__name__
        detail = str(exc) if isinstance(exc, TracerError) else kind
        self._enter("restarting", f"{detail}: see `claude-tracer logs`")
        crash(self._name, exc)
        full = len(self._deaths) == _MAX_DEATHS
        if full and now_s - self._deaths[0] < _DEATHS_WINDOW_S:
            event(self._name, "gave_up", level=logging.ERROR, error=kind)
            return None
        return float(min(2 ** (len(self._deaths) - 1), _MAX_BACKOFF_S))

    def _enter(self, state: str, detail: str | None) -> None:
        if (state, detail) == (self._health.state, self._health.detail):
            return
        level = logging.INFO if state == "running" else logging.WARNING
        event(self._name, "state", level=level, state=state, detail=detail or "")
        self._health = StageHealth(state=state, detail=detail, since=self._clock.now())
