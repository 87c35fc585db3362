"""A request that is on its way while its sender does something else."""

from __future__ import annotations

import threading
from collections.abc import Callable

from claude_code_tracer.ship.classify import Answer

__all__ = ["InFlight"]


class InFlight:
    """Send `body` from a thread of its own; `answer` waits for what comes back.

    The thread holds up nobody's end: a server that never answers is left behind (F08).
    """

    def __init__(self, send: Callable[[bytes], Answer], body: bytes) -> None:
        self._send = send
        self._body = body
        self._outcome: Answer | BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="in-flight", daemon=True)
        self._thread.start()

    def answer(self) -> Answer:
        """Return the answer, or raise what sending raised."""
        self._thread.join()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None, "the thread ended with an answer or an error"
        return self._outcome

    def _run(self) -> None:
        try:
            self._outcome = self._send(self._body)
        except BaseException as exc:  # handed over, so that it is raised where it is waited for
            self._outcome = exc
