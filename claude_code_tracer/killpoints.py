"""Places where a fault test may kill the process, as a power cut would (TRACER_KILL_AT)."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from claude_code_tracer.errors import ConfigError

__all__ = ["KILL_POINTS", "KillPoints"]

KILL_POINTS = (
    "after_read",
    "after_parse",
    "after_guard",
    "in_put",
    "after_put",
    "before_send",
    "after_send",
    "in_ack",
)


class KillPoints:
    """Kill this process at the n-th pass of one named point: `TRACER_KILL_AT=in_put:3`.

    Without that variable a pass costs one comparison. Every component counts its own passes.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._name, _, count = env.get("TRACER_KILL_AT", "").partition(":")
        if self._name and (self._name not in KILL_POINTS or not count.isdigit()):
            raise ConfigError("TRACER_KILL_AT must look like in_put:3; it is for fault tests only")
        self._left = int(count) if self._name else 0

    def hit(self, name: str) -> None:
        """Pass the point `name`; does not return when it is the one to die at."""
        if name != self._name:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
