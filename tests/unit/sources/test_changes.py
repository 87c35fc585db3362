"""What an edit changed."""

from __future__ import annotations

import difflib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.sources.changes import diff_of_texts, from_patch, lines_of


@pytest.mark.parametrize(
    ("old", "new", "added", "removed"),
    [
        ("a\nb", "a\nb\nc", 1, 0),
        ("a\nb\nc", "a\nc", 0, 1),
        ("a\nb\nc", "a\nx\nc", 1, 1),
        ("", "a\nb\n", 2, 0),
        ("a\n", "", 0, 1),
        ("same", "same", 0, 0),
        ("one\u2028line", "one\u2028lime", 1, 1),
    ],
)
def test_lines_that_came_and_went(old: str, new: str, added: int, removed: int) -> None:
    change = diff_of_texts(old, new)
    assert (change.added, change.removed) == (added, removed)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_a_hunk_turns_the_old_lines_into_the_new_ones(old: list[str], new: list[str]) -> None:
    change = diff_of_texts("\n".join(old), "\n".join(new))
    before, after = list(old), list(new)
    if change.hunks:
        hunk = change.hunks[0]
        at = hunk["old_start"] - 1
        kept = [line[1:] for line in hunk["lines"] if line[0] in " +"]
        gone = [line[1:] for line in hunk["lines"] if line[0] in " -"]
        assert before[at : at + hunk["old_lines"]] == gone
        before[at : at + hunk["old_lines"]] = kept
    assert before == after
    least = sum(line[0] in "+-" and line[2:3] != "?" for line in difflib.ndiff(old, new))
    assert change.added + change.removed <= least + 2 * max(len(old), len(new))


def test_large_texts_are_compared_in_linear_time() -> None:
    started = time.process_time()
    change = diff_of_texts("a\nb\n" * 50_000, "b\nc\n" * 50_000)
    assert time.process_time() - started < 2
    assert change.added > 0
    assert change.hunks == []


def test_a_structured_patch_counts_its_own_lines() -> None:
    patch = [
        {"oldStart": 3, "oldLines": 2, "newStart": 3, "newLines": 3, "lines": [" a", "-b", "+c"]},
        {"oldStart": 9, "lines": ["+d", 5, "\\ No newline at end of file"]},
    ]
    change = from_patch(patch)
    assert change is not None
    assert (change.added, change.removed) == (2, 1)
    assert change.hunks[0] == {
        "old_start": 3,
        "old_lines": 2,
        "new_start": 3,
        "new_lines": 3,
        "lines": [" a", "-b", "+c"],
    }
    assert change.hunks[1]["new_lines"] is None


@pytest.mark.parametrize("patch", [None, "text", {}, ["x"], 5])
def test_what_is_no_patch_says_nothing(patch: object) -> None:
    assert from_patch(patch) is None


@pytest.mark.parametrize(("text", "lines"), [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n", 1)])
def test_lines_of_a_new_file(text: str, lines: int) -> None:
    assert lines_of(text) == lines
