"""Does the gateway still answer? Asked now and then, and never waited for.

A process may hang without dying: stopped, swapped out, or caught in a loop. The question is a plain
request on a socket of its own; whoever asks goes on and looks for the answer the next time.
"""

from __future__ import annotations

import contextlib
import socket

from claude_code_tracer.clock import Clock

__all__ = ["Probe"]

_EVERY_S = 10.0
"""Also how long an answer may take."""
_FAILURES = 3
_REQUEST = b"GET /config.json HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
"""It costs no query."""


class Probe:
    """Ask one server on this machine again and again; call `is_hanging` about once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._question: socket.socket | None = None
        self._failures = 0
        self._next_s = clock.monotonic_s() + _EVERY_S

    def is_hanging(self, port: int) -> bool:
        """Tell whether three questions in a row got no answer; ask the next one when it is due."""
        if self._question is not None and self._is_answered(self._question):
            self._end()
            self._failures = 0
        if self._clock.monotonic_s() >= self._next_s:
            self._next_s = self._clock.monotonic_s() + _EVERY_S
            self._failures += self._question is not None
            self._end()
            self._question = _ask(port)
        return self._failures >= _FAILURES

    def forget(self) -> None:
        """Begin anew, with another process."""
        self._end()
        self._failures = 0
        self._next_s = self._clock.monotonic_s() + _EVERY_S

    def _is_answered(self, question: socket.socket) -> bool:
        try:
            return question.recv(1) != b""
        except OSError:  # also: not yet
            return False

    def _end(self) -> None:
        if self._question is not None:
            self._question.close()
        self._question = None


def _ask(port: int) -> socket.socket:
    """Send the question; one that cannot be sent is one that gets no answer."""
    question = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    question.settimeout(1.0)  # the kernel answers for a process that hangs
    with contextlib.suppress(OSError):
        question.connect(("127.0.0.1", port))
        question.sendall(_REQUEST % port)
    question.setblocking(False)
    return question
