"""Read the text that `diff -u` writes: what several tools keep of an edit."""

from __future__ import annotations

import re
from typing import Any

from claude_code_tracer.sources.changes import Change

__all__ = ["from_unified_diff"]

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_MAX_DIFF_CHARS = 128 * 1024


def from_unified_diff(text: str) -> Change | None:
    """Return the change that a unified diff describes; None when it has no hunk.

    The numbers of a hunk's head say where it ends, so that `--- x` inside one stays a removed line.
    """
    hunks: list[dict[str, Any]] = []
    added = removed = 0
    left = _MAX_DIFF_CHARS
    old = new = 0
    lines: list[str] = []
    is_any = False
    for line in text.split("\n"):
        sign = line[:1]
        if old <= 0 and new <= 0:
            if head := _HUNK.match(line):
                is_any = True
                lines = []
                old, new = _lines(head[2]), _lines(head[4])
                if left > 0:
                    hunks.append(_hunk(int(head[1]), old, int(head[3]), new, lines))
            continue
        if sign == "\\":
            continue
        old -= sign != "+"
        new -= sign != "-"
        added += sign == "+"
        removed += sign == "-"
        left -= len(line)
        if left > 0:
            lines.append(line if sign in "+- " and line else " " + line)
    return Change(hunks, added, removed) if is_any else None


def _lines(count: str | None) -> int:
    return 1 if count is None else int(count)


def _hunk(
    old_start: int, old_lines: int, new_start: int, new_lines: int, lines: list[str]
) -> dict[str, Any]:
    return {
        "old_start": old_start,
        "old_lines": old_lines,
        "new_start": new_start,
        "new_lines": new_lines,
        "lines": lines,
    }
