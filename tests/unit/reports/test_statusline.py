"""The status line: what is said, what is collected, and whatever else may come in."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.reports.statusline import statusline
from tests.unit.reports.making import NOW, at, slots

SAID = {
    "session_id": "0d5f",
    "transcript_path": "/home/ada/.claude/projects/p/0d5f.jsonl",
    "model": {"id": "claude-opus-4-5", "display_name": "Opus 4.5"},
    "cost": {"total_cost_usd": 0.4231},
    "context_window": {"used_percentage": 42.4, "context_window_size": 200_000},
    "rate_limits": {
        "five_hour": {"used_percentage": 41, "resets_at": NOW.timestamp() + 5000},
        "seven_day": {"used_percentage": 12.6, "resets_at": NOW.timestamp() + 400_000},
    },
}


def test_all_that_is_known_stands_in_one_line() -> None:
    rows = slots("2026-11-20 23:30", cost="9") + slots("2026-11-21 10:00", cost="1.25")
    assert statusline(SAID, rows, NOW, UTC) == (
        "Opus 4.5 | $0.42 session | $1.25 today | $1.25 block, 1h 23m left"
        " | ctx 42% | 5h 41% | 7d 13%"
    )


def test_without_a_server_only_what_claude_code_says() -> None:
    assert statusline(SAID, None, NOW, UTC) == (
        "Opus 4.5 | $0.42 session | ctx 42% | 5h 41% | 1h 23m left | 7d 13%"
    )


def test_the_block_is_found_when_claude_code_does_not_tell_its_end() -> None:
    rows = slots("2026-11-21 09:10", cost="1") + slots("2026-11-21 11:10", cost=None)
    line = statusline({"model": {"id": "m"}}, rows, NOW, UTC)
    assert line == "m | $1.00+ today | $1.00+ block, 2h 0m left"


def test_the_official_end_of_the_five_hours_decides_what_belongs_to_them() -> None:
    rows = slots("2026-11-21 07:50", cost="5") + slots("2026-11-21 08:20", cost="1")
    limits = {"rate_limits": {"five_hour": {"resets_at": at("2026-11-21 13:00").timestamp()}}}
    assert statusline(limits, rows, NOW, UTC) == "$6.00 today | $1.00 block, 1h 0m left"


def test_other_tools_count_for_the_day_but_not_for_the_block() -> None:
    rows = slots("2026-11-21 11:00", cost="2", source="codex")
    assert statusline({}, rows, NOW, UTC) == "$2.00 today"


def test_today_is_the_day_where_the_person_is() -> None:
    rows = slots("2026-11-20 16:30", cost="1") + slots("2026-11-20 14:30", cost="5")
    assert "$1.00 today" in statusline({}, rows, NOW, timezone(timedelta(hours=8)))


def test_a_day_without_calls_cost_nothing_and_an_unknown_cost_is_unknown() -> None:
    assert statusline({}, [], NOW, UTC) == "$0.00 today"
    assert "unknown today" in statusline({}, slots("2026-11-21 11:00", cost=None), NOW, UTC)


@pytest.mark.parametrize(
    ("window", "part"),
    [
        ({"current_usage": {"input_tokens": 500, "cache_read_input_tokens": 1500},
          "context_window_size": 10_000}, "ctx 20%"),
        ({"current_usage": None, "context_window_size": 10_000}, ""),
        ({"used_percentage": None}, ""),
        ({"used_percentage": 105}, "ctx 105%"),
        ({"used_percentage": -3}, "ctx 0%"),
        ({"current_usage": {"input_tokens": 5}, "context_window_size": 0}, ""),
    ],
)  # fmt: skip
def test_the_context_is_taken_or_worked_out(window: dict[str, Any], part: str) -> None:
    nothing = "claude-tracer: nothing known yet"
    assert statusline({"context_window": window}, None, NOW, UTC) == (part or nothing)


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "text",
        {"model": "Opus", "cost": 3, "context_window": [], "rate_limits": None},
        {"model": {"display_name": "\x1b\u202e \n"}, "cost": {"total_cost_usd": True}},
        {"cost": {"total_cost_usd": 10**400}},
        {"cost": {"total_cost_usd": float("nan")}},
        {"cost": {"total_cost_usd": -1}},
        {"rate_limits": {"five_hour": {"resets_at": 1e300}, "seven_day": {"resets_at": "soon"}}},
        {"rate_limits": {"five_hour": {"resets_at": "9999-12-31T23:59:59-23:59"}}},
    ],
)
def test_odd_values_are_left_out(said: object) -> None:
    assert statusline(said, None, NOW, UTC) == "claude-tracer: nothing known yet"


def test_text_cannot_steer_the_terminal_or_fill_it() -> None:
    line = statusline({"model": {"display_name": "a\x1b[2Jb\u202e" * 50}}, None, NOW, UTC)
    assert line.isprintable()
    assert len(line) <= 40


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SAID, _JSON)) | _JSON)
def test_whatever_is_said_there_is_one_line(said: object) -> None:
    line = statusline(said, slots("2026-11-21 11:00"), NOW, UTC)
    assert line and "\n" not in line


@given(st.dictionaries(st.sampled_from(["used_percentage", "resets_at"]), _JSON))
def test_whatever_a_limit_holds_there_is_one_line(limit: dict[str, object]) -> None:
    said = {"rate_limits": {"five_hour": limit, "seven_day": limit}, "context_window": limit}
    assert "today" in statusline(said, [], NOW, UTC)
