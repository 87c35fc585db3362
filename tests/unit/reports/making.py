"""Rows for the tests of reports, as `api.get_usage` gives them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from claude_code_tracer.reports.rows import Row

__all__ = ["NOW", "OPUS", "SONNET", "at", "row", "slots"]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OPUS = "claude-opus-4-5-20251101"
SONNET = "claude-sonnet-4-5-20250929"


def at(text: str) -> datetime:
    """Return the UTC time of `2026-11-21 10:05`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def row(
    day: str | None = None, model: str | None = OPUS, cost: str | None = "0.5", **own: Any
) -> Row:
    """Return one call of ten tokens of each kind."""
    facts: dict[str, Any] = {
        "day": date.fromisoformat(day) if day else None,
        "model": model,
        "source": "claude_code",
        "calls": 1,
        "unpriced_calls": 0 if cost else 1,
        "input_tokens": 10,
        "output_tokens": 10,
        "cache_read_tokens": 10,
        "cache_write_5m_tokens": 10,
        "cost_usd": Decimal(cost) if cost else None,
    }
    return Row(**facts | own)


def slots(*times: str | datetime, **own: Any) -> list[Row]:
    """Return the rows by quarter-hour of calls made at these times."""
    moments = [at(time) if isinstance(time, str) else time for time in times]
    return [
        row(slot=_quarter(moment), first_at=moment, last_at=moment, **own) for moment in moments
    ]


def _quarter(moment: datetime) -> datetime:
    start = moment.replace(minute=0, second=0, microsecond=0)
    return start + timedelta(minutes=moment.minute // 15 * 15)
