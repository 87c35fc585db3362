"""What a terminal is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from claude_code_tracer.cli.render import ago, cost, count, safe


@pytest.mark.parametrize(
    "hostile", ["\x1b]52;c;AAAA\x07", "\x1b[2J", "\u202etxt.exe", "a\rb", "\x9b31m", "\u2066x"]
)
def test_s29_text_cannot_steer_the_terminal(hostile: str) -> None:
    clean = safe(hostile)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in clean)
    assert not set(clean) & set("\u202e\u2066\r")
    assert "\N{REPLACEMENT CHARACTER}" in clean


def test_safe_keeps_lines_and_cuts_with_an_ellipsis() -> None:
    assert safe("one\n\ttwo") == "one\n\ttwo"
    assert safe("abcdef", 4) == "abc…"


def test_unknown_is_never_zero() -> None:
    assert (cost(None), count(None), ago(None)) == ("?", "?", "?")
    assert (cost("0.00000000"), count(0)) == ("$0.00", "0")
    assert cost("12.346", unpriced=2) == "$12.35+"


def test_numbers_are_short() -> None:
    assert [count(n) for n in (999, 1200, 3_400_000, 5_000_000_000)] == [
        "999",
        "1.2k",
        "3.4M",
        "5.0G",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s ago"), (90, "1 min ago"), (7300, "2 h ago")]
)
def test_recent_times_are_relative(seconds: int, text: str) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert ago(now - timedelta(seconds=seconds), now) == text
    assert ago((now - timedelta(seconds=seconds)).isoformat(), now) == text
