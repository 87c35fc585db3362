"""`usage statusline`: reads what Claude Code says, asks the server if one answers at once."""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from datetime import UTC, timedelta, tzinfo

from claude_code_tracer.clock import SystemClock
from claude_code_tracer.config import environment
from claude_code_tracer.errors import TracerError
from claude_code_tracer.reports.rows import Question
from claude_code_tracer.reports.statusline import STATUS_DAYS, statusline
from claude_code_tracer.timezones import machine_timezone, zone_named
from claude_code_tracer.usage import collected_quickly

__all__ = ["print_statusline"]

_STDIN = 0
_STDOUT = 1
_STDIN_S = 1.0
_STDIN_BYTES = 1_000_000


def print_statusline() -> None:
    """Print the line, whatever stdin holds and whatever runs; what fails is left out."""
    now = SystemClock().now()
    said, rows = _parsed(_read(_STDIN)), None
    zone: tzinfo = UTC
    try:
        env = environment()
        zone = zone_named(machine_timezone(env))
        since = (now - timedelta(days=STATUS_DAYS)).date()
        rows = collected_quickly(env, Question(dimensions=("slot", "source"), since=since))
    except (TracerError, OSError, ValueError, RuntimeError):
        pass  # it says less; `claude-tracer status` says why
    line = statusline(said, rows, now, zone)
    with contextlib.suppress(OSError):
        os.write(_STDOUT, line.encode("utf-8", "replace") + b"\n")


def _read(stdin: int) -> bytes:
    """Read to the end, but not for ever: a person may have typed this, or a pipe stay open."""
    text, end_s = b"", time.monotonic() + _STDIN_S
    with contextlib.suppress(OSError):
        while len(text) < _STDIN_BYTES and not os.isatty(stdin):
            if not select.select([stdin], [], [], max(end_s - time.monotonic(), 0))[0]:
                break
            part = os.read(stdin, _STDIN_BYTES)
            if not part:
                break
            text += part
    return text


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
