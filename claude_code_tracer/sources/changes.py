"""What an edit changed: hunks and how many lines came and went."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

import msgspec

from claude_code_tracer.sources.values import clip, count

__all__ = ["Change", "diff_of_texts", "from_patch", "lines_of", "nothing"]

_MAX_COMPARED = 400
"""Larger differing parts are not compared line by line: that is quadratic."""

_MAX_DIFF_CHARS = 128 * 1024


class Change(msgspec.Struct, frozen=True, gc=False):
    """Hunks as `model.ToolCall.diff` wants them, and the lines they add and remove."""

    hunks: list[dict[str, Any]]
    added: int
    removed: int


def nothing() -> Change:
    """Return the change of an edit that was refused or failed."""
    return Change([], 0, 0)


def lines_of(text: str) -> int:
    """Return how many lines a file with this content has."""
    return text.count("\n") + (not text.endswith("\n")) if text else 0


def from_patch(patch: object) -> Change | None:
    """Return what a `structuredPatch` says; None when it is none."""
    if type(patch) is not list or not all(type(hunk) is dict for hunk in patch):
        return None
    added = removed = 0
    hunks = []
    left = _MAX_DIFF_CHARS
    for hunk in patch:
        raw = hunk.get("lines")
        lines = [line for line in raw if type(line) is str] if type(raw) is list else []
        signs = "".join([line[:1] for line in lines])
        added += signs.count("+")
        removed += signs.count("-")
        left -= sum(map(len, lines))
        if left > 0:
            hunks.append(_hunk(hunk, lines))
    return Change(hunks, added, removed)


def _hunk(hunk: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    return {
        "old_start": count(hunk.get("oldStart")),
        "old_lines": count(hunk.get("oldLines")),
        "new_start": count(hunk.get("newStart")),
        "new_lines": count(hunk.get("newLines")),
        "lines": lines,
    }


def diff_of_texts(old: str, new: str) -> Change:
    """Return the change from `old` to `new`, with line numbers counted from their start."""
    before, after = _lines(old), _lines(new)
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    gone = before[head : len(before) - tail]
    come = after[head : len(after) - tail]
    lines = _compare(gone, come)
    added = sum(line[0] == "+" for line in lines)
    removed = sum(line[0] == "-" for line in lines)
    if not lines or sum(map(len, lines)) > _MAX_DIFF_CHARS:
        return Change([], added, removed)
    hunk = {
        "old_start": head + 1,
        "old_lines": len(gone),
        "new_start": head + 1,
        "new_lines": len(come),
        "lines": lines,
    }
    return Change([hunk], added, removed)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")  # L6: splitlines() also splits at U+2028, which is inside a line
    return lines[:-1] if lines[-1] == "" else lines


def _common(a: list[str], b: list[str]) -> int:
    for i, (left, right) in enumerate(zip(a, b, strict=False)):
        if left != right:
            return i
    return min(len(a), len(b))


def _compare(gone: list[str], come: list[str]) -> list[str]:
    # Lines of which none stayed need no comparison: its result would be this, too.
    if len(gone) + len(come) > _MAX_COMPARED or set(gone).isdisjoint(come):
        return [*("-" + clip(line) for line in gone), *("+" + clip(line) for line in come)]
    lines: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, gone, come, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += (" " + line for line in gone[i1:i2])
            continue
        lines += ("-" + line for line in gone[i1:i2])
        lines += ("+" + line for line in come[j1:j2])
    return lines
