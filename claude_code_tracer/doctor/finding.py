"""What `doctor` says of one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

__all__ = ["Finding", "lasting", "some"]

_SHOWN = 3
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do when it is not ok."""

    subject: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    advice: str | None = None
    facts: dict[str, Any] | None = None
    """The figures behind `detail`, for scripts."""


def some(texts: Sequence[str], separator: str = ", ") -> str:
    """Return the first few of `texts` and how many more there are."""
    more = len(texts) - _SHOWN
    return separator.join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def lasting(time: timedelta) -> str:
    """Return a length of time in its largest unit: `3 days`, `5 min`."""
    seconds = max(int(time.total_seconds()), 0)
    if seconds >= 2 * _DAY_S:
        return f"{seconds // _DAY_S} days"
    if seconds >= 7200:
        return f"{seconds // 3600} hours"
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"
