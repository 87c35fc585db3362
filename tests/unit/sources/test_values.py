"""Foreign values: times, numbers and texts that could be anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.sources import values
from claude_code_tracer.sources.values import MAX_TEXT_BYTES, bounded, clip, count, one_line, when


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01T10:00:00.250Z", datetime(2026, 11, 1, 10, 0, 0, 250000, UTC)),
        ("2026-11-01T10:00:00+02:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01T10:00:00", None),
        ("1970-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1_700_000_000, None),
        ("2" * 5000, None),
    ],
)
def test_f22_a_time_is_aware_utc_or_unknown(text: object, at: datetime | None) -> None:
    found = when(text)
    assert found == at
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "number"),
    [(0, 0), (7, 7), (7.0, 7), (-1, None), (True, None), ("7", None), (1e300, None), (2**60, None)],
)
def test_a_count_is_a_plain_number_or_unknown(value: object, number: int | None) -> None:
    assert count(value) == number


def test_one_line_is_short_and_has_no_line_breaks() -> None:
    assert one_line("  fix\n\tthe  bug ") == "fix the bug"
    assert len(one_line("word " * 1000)) <= 200


def test_a_short_text_is_not_copied() -> None:
    text = "x" * MAX_TEXT_BYTES
    assert clip(text) is text


@pytest.mark.parametrize("char", ["x", "ä", "\N{GRINNING FACE}"])
def test_a_long_text_is_cut_between_characters_and_says_so(char: str) -> None:
    text = char * (MAX_TEXT_BYTES // len(char.encode()) + 1000)
    cut = clip(text)
    kept, note = cut.rsplit("\n", 1)
    assert set(kept) == {char}
    assert len(kept.encode()) <= MAX_TEXT_BYTES
    assert note.startswith("[") and note.endswith("bytes left out]")


def test_small_json_is_not_copied() -> None:
    value = {"a": [1, {"b": "c"}], "d": None}
    assert bounded(value) is value


def test_how_much_json_holds_a_value_changes_nothing_but_the_time() -> None:
    for value in ({"a": "b", "c": 1}, {"a": [1, {"b": "c"}]}, [], "text"):
        assert bounded(value, 100) is value
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    assert bounded({"down": deep}, 300) == bounded({"down": deep}) != {"down": deep}


@pytest.mark.parametrize(
    "value",
    [
        {"a": "x" * 1_000_000},
        ["x" * 1000] * 10_000,
        list(range(1_000_000)),
        {f"key {i}": i for i in range(100_000)},
        {"x" * 1_000_000: 1},
    ],
    ids=["text", "texts", "numbers", "keys", "long key"],
)
def test_large_json_is_cut(value: Any) -> None:
    assert _size(bounded(value)) < 2 * MAX_TEXT_BYTES


def test_f20_deep_json_is_cut() -> None:
    deep: Any = "bottom"
    for _ in range(900):
        deep = {"down": [deep]}
    assert "nested too deep" in repr(bounded(deep))


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(len(key) + _size(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(str(value))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_nothing_raises_on_any_value(value: Any) -> None:
    for take in (when, count, bounded, values.string, values.mapping, values.identifier):
        take(value)
