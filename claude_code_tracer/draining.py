"""What is sent after the word to stop: as much as the server takes in a few seconds (F07, F08)."""

from __future__ import annotations

import threading

from claude_code_tracer.clock import Clock
from claude_code_tracer.outbox import Outbox
from claude_code_tracer.worker import Worker

__all__ = ["drain"]

_LONGEST_S = 4.0
_NO_ANSWER_S = 1.5
_POLL_S = 0.05


def drain(outbox: Outbox, shipper: Worker, clock: Clock) -> None:
    """Let the shipper send what waits, as long as it runs and the server takes some."""
    shipper.wake()
    nothing = threading.Event()
    deadline_s, hopeless_s = clock.monotonic_s() + _LONGEST_S, clock.monotonic_s() + _NO_ANSWER_S
    left = outbox.queue().rows
    while left and shipper.health.state == "running":
        clock.wait_s(nothing, _POLL_S)
        before, left = left, outbox.queue().rows
        if left < before:
            hopeless_s = clock.monotonic_s() + _NO_ANSWER_S
        if clock.monotonic_s() >= min(deadline_s, hopeless_s):
            return
