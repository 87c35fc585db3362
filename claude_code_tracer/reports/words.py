"""Amounts in words, as sheets and the status line write them. Unknown is said, and never 0."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

__all__ = ["DASH", "duration", "integer", "usd"]

DASH = "-"


def usd(cost: Decimal | float | None, unpriced_calls: int = 0) -> str:
    """Return a cost to the cent; `+` when calls without a known price are missing from it."""
    if cost is None:
        return "unknown"
    return f"${cost:,.2f}" + ("+" if unpriced_calls else "")


def integer(count: int | None) -> str:
    """Return a count with its thousands apart."""
    return DASH if count is None else f"{count:,}"


def duration(time: timedelta) -> str:
    """Return hours and minutes: `2h 24m`, `7m`."""
    hours, minutes = divmod(max(int(time.total_seconds() // 60), 0), 60)
    return f"{hours}h {minutes}m" if hours else f"{minutes}m"
