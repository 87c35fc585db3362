"""Diffs with line numbers, and times in other clothes than ISO with a zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from claude_code_tracer.sources.numbered_diff import from_numbered_diff
from claude_code_tracer.sources.times import from_epoch_ms, from_epoch_s, from_sqlite


def test_two_hunks_keep_their_numbers() -> None:
    change = from_numbered_diff(
        "   1 a\n-  2 b\n+  2 c\n+  3 d\n     ...\n  90 x\n- 91 y\n  92 z\n     ..."
    )
    assert change and (change.added, change.removed) == (2, 2)
    first, second = change.hunks
    assert (first["old_start"], first["new_start"], first["lines"]) == (
        1,
        1,
        [" a", "-b", "+c", "+d"],
    )
    assert (second["old_start"], second["new_start"]) == (90, 91)
    assert (second["old_lines"], second["new_lines"]) == (3, 2)


def test_a_hunk_may_begin_with_a_new_line() -> None:
    change = from_numbered_diff("+ 5 new\n  5 old")
    assert change and change.hunks[0]["old_start"] == 5
    assert change.hunks[0]["new_start"] == 5


@pytest.mark.parametrize("text", ["", "...", "no diff at all", "+ x y", "+" * 1000])
def test_what_is_no_diff_is_none(text: str) -> None:
    assert from_numbered_diff(text) is None


MOMENT = datetime(2026, 2, 13, 11, 50, 27, 123000, tzinfo=UTC)


def test_epochs() -> None:
    assert from_epoch_s(1770983427.123) == MOMENT
    assert from_epoch_ms(1770983427123) == MOMENT


@pytest.mark.parametrize("value", [None, True, "1770983427", -1, 0, 1e308, 2**70, float("nan")])
def test_absurd_epochs_are_none(value: object) -> None:
    assert from_epoch_s(value) is None
    assert from_epoch_ms(value) is None


@pytest.mark.parametrize(
    "value",
    ["2026-02-13 11:50:27", "2026-02-13T11:50:27", "2026-02-13T11:50:27Z"],
)
def test_sqlite_times_are_utc(value: str) -> None:
    assert from_sqlite(value) == MOMENT.replace(microsecond=0)


@pytest.mark.parametrize("value", [None, 1, "", "2026-02-13", "x" * 19, "2026-02-13 11-50-27"])
def test_other_texts_are_no_times(value: object) -> None:
    assert from_sqlite(value) is None
