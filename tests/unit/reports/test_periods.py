"""Days as people write them, and the weeks they belong to."""

from __future__ import annotations

from datetime import date

import pytest

from claude_code_tracer.reports.periods import month_of, parse_day, week_of

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-02-03", "2026-02-03"),
        ("20260203", "2026-02-03"),
        ("1d", "2026-11-21"),
        ("7d", "2026-11-15"),
        ("30d", "2026-10-23"),
    ],
)
def test_a_day_is_read(text: str, day: str) -> None:
    assert str(parse_day(text, TODAY)) == day


@pytest.mark.parametrize(
    "text",
    ["", "7", "d", "0d", "-7d", "\u0667d", "2026-13-01", "2026-02-30", "2026-1101", "tomorrow"],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a day: write YYYY-MM-DD"):
        parse_day(text, TODAY)


@pytest.mark.parametrize(
    ("first", "week"),
    [("monday", "2026-11-16"), ("sunday", "2026-11-15"), ("saturday", "2026-11-21")],
)
def test_a_week_is_named_after_its_first_day(first: str, week: str) -> None:
    assert week_of(TODAY, first) == week
    assert month_of(TODAY) == "2026-11"
