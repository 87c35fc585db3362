"""Read a diff with line numbers in front of the lines: what pi keeps of an edit."""

from __future__ import annotations

import re
from typing import Any

from claude_code_tracer.sources.changes import Change, from_patch

__all__ = ["from_numbered_diff"]

_LINE = re.compile(r"([+ -])( *\d{1,9}) (.*)", re.DOTALL)


def from_numbered_diff(text: str) -> Change | None:
    """Return what `-  12 old`, `+  12 new`, `   13 same`, `...` say; None when there is no line.

    Old and equal lines bear their number in the old file, new ones theirs in the new.
    """
    hunks: list[dict[str, Any]] = []
    is_open = False
    shift = 0
    for line in text.split("\n"):
        found = _LINE.fullmatch(line)
        if not found:
            is_open = False
            continue
        sign, number = found[1], int(found[2])
        if not is_open:
            old = number - shift if sign == "+" else number
            hunks.append({"oldStart": old, "newStart": old + shift, "lines": []})
            is_open = True
        hunks[-1]["lines"].append(sign + found[3])
        shift += (sign == "+") - (sign == "-")
    for hunk in hunks:
        signs = [line[0] for line in hunk["lines"]]
        hunk["oldLines"] = len(signs) - signs.count("+")
        hunk["newLines"] = len(signs) - signs.count("-")
    return from_patch(hunks) if hunks else None
