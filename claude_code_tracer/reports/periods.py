"""Days, weeks and months as reports name them."""

from __future__ import annotations

import contextlib
import re
from datetime import date, timedelta

__all__ = ["UNKNOWN", "WEEKDAYS", "month_of", "parse_day", "week_of"]

UNKNOWN = "unknown"
"""The name of what has none: the day of a call without a time, the model nobody told."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DAYS_BACK = re.compile(r"([0-9]{1,5})d")
_DATE = re.compile(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})")


def parse_day(text: str, today: date) -> date:
    """Return the day that `text` names: 2026-11-21, 20261121, or 7d (the last seven, with today).

    ValueError when it names none.
    """
    if back := _DAYS_BACK.fullmatch(text):
        days = int(back[1])
        if 0 < days <= today.toordinal():
            return today - timedelta(days=days - 1)
    elif parts := _DATE.fullmatch(text):
        with contextlib.suppress(ValueError):  # no such day in that month
            return date(int(parts[1]), int(parts[3]), int(parts[4]))
    raise ValueError(f"{text!r} is not a day: write YYYY-MM-DD, YYYYMMDD or 7d")


def week_of(day: date, first_weekday: str = WEEKDAYS[0]) -> str:
    """Return the day on which the week of `day` began."""
    return str(day - timedelta(days=(day.weekday() - WEEKDAYS.index(first_weekday)) % 7))


def month_of(day: date) -> str:
    """Return the month of `day`: 2026-11."""
    return f"{day:%Y-%m}"
