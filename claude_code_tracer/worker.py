"""A thread that does one step after another, and what happens when a step fails.

A stage that halts or waits is tried again by itself and says why meanwhile (I8). A step that dies
of something unforeseen is repeated with backoff; five deaths in a minute give up (F09). A step that
neither ends nor gets on is `stuck`: nobody can end a thread, so its process is restarted.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from claude_code_tracer.clock import Clock
from claude_code_tracer.errors import HaltStage, RetryLater, TracerError
from claude_code_tracer.health import LastError, StageHealth
from claude_code_tracer.log import crash, event, place_of

__all__ = ["Worker"]

_HALTED_RETRY_S = 5.0
_MAX_DEATHS = 5
_DEATHS_WINDOW_S = 60.0
_MAX_BACKOFF_S = 8.0
_STUCK_S = 300.0
_HOPELESS_S = 900.0


class Worker:
    """Call `step` again and again in a thread; it returns how many seconds to rest.

    `wake()` ends the rest at once. `on_gave_up` is called from the thread when it stops for good.
    `pulse()` is anything that changes while a long step gets on; `watch` compares it.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        clock: Clock,
        on_gave_up: Callable[[], None],
        pulse: Callable[[], object] = lambda: None,
    ) -> None:
        self._name = name
        self._step = step
        self._clock = clock
        self._on_gave_up = on_gave_up
        self._pulse = pulse
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._health = StageHealth(state="running")
        self._last_error: LastError | None = None
        self._deaths: deque[float] = deque(maxlen=_MAX_DEATHS)
        self._steps = 0
        self._is_resting = True
        self._signs: tuple[object, ...] = ()
        """Of life, at the last `watch`; a step that neither ends nor beats leaves them the same."""
        self._signs_since_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def health(self) -> StageHealth:
        """What the stage does now."""
        return self._health

    @property
    def last_error(self) -> LastError | None:
        """What went wrong last, also after it has recovered."""
        return self._last_error

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

    def watch(self) -> bool:
        """Look whether the step gets on, about once a second; False when all hope is lost."""
        now_s = self._clock.monotonic_s()
        signs = (self._steps, self._pulse())
        if self._is_resting or signs != self._signs:
            if self._health.state == "stuck":
                self._enter("running", None)
            self._signs, self._signs_since_s = signs, now_s
        silent_s = now_s - self._signs_since_s
        if silent_s >= _STUCK_S and self._health.state != "stuck":
            event(self._name, "stuck", level=logging.ERROR, at=place_of(self._thread.ident))
            self._enter("stuck", _stuck_detail())
        return silent_s < _HOPELESS_S

    def _run(self) -> None:
        while not self._stop.is_set():
            self._is_resting = False
            rest_s = self._one_step()
            self._steps += 1
            self._is_resting = True
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
            self._enter("halted", str(exc), exc.exit_code)
            return _HALTED_RETRY_S
        except Exception as exc:  # style rule 10: the worker loop; repeated, then fatal
            return self._died(exc)
        self._enter("running", None)
        return rest_s

    def _died(self, exc: Exception) -> float | None:
        if self._stop.is_set():  # nobody waited for the end of this step
            event(self._name, "cut_short", error=type(exc).__name__)
            return 0.0
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

    def _enter(self, state: str, detail: str | None, exit_code: int = 1) -> None:
        before, now = self._health, self._clock.now()
        if (state, detail) == (before.state, before.detail):
            return
        level = logging.INFO if state == "running" else logging.WARNING
        event(self._name, "state", level=level, state=state, detail=detail or "")
        since = before.since if state == before.state else now
        self._health = StageHealth(state=state, detail=detail, since=since, exit_code=exit_code)
        if detail:
            self._last_error = LastError(stage=self._name, text=detail, at=now)


def _stuck_detail() -> str:
    stuck, hopeless = int(_STUCK_S / 60), int(_HOPELESS_S / 60)
    return (
        f"no progress for {stuck} minutes; after {hopeless} claude-tracer ends itself, nothing is "
        "lost: see `claude-tracer logs` for where it hangs, or run `claude-tracer restart` now"
    )
