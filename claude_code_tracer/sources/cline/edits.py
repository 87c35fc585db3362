"""What an edit changed, in the three ways these tools write it: blocks, patches, whole files."""

from __future__ import annotations

import re
from typing import Any

from claude_code_tracer.sources.changes import Change, diff_of_texts, lines_of
from claude_code_tracer.sources.unified_diff import from_unified_diff
from claude_code_tracer.sources.values import string

__all__ = ["EDITS", "input_change", "shown_change"]

EDITS = frozenset(
    ("editedExistingFile", "appliedDiff", "insertContent", "searchAndReplace", "newFileCreated")
)
"""Tools of `ui_messages.json` that change a file."""

_SEARCH = re.compile(r"(?:-{5,9}|<{5,9}) ?SEARCH>?\n")
_MIDDLE = re.compile(r"^={5,9}$\n?", re.MULTILINE)
_END = re.compile(r"^(?:\+{5,9}|>{5,9}) ?REPLACE>?$", re.MULTILINE)
_HINTS = re.compile(r"\A(?::(?:start|end)_line: ?\d+\n)*(?:-{5,9}\n)?")
_PATCH = "*** Begin Patch"
_OLD = ("old_text", "old_string", "old_str")
_NEW = ("new_text", "new_string", "new_str")


def shown_change(tool: str, info: dict[str, Any]) -> Change | None:
    """Return what an edit that was shown to the person changes; None when it does not say."""
    if tool not in EDITS:
        return None
    text = string(info.get("diff")) or string(info.get("content"))
    if text is None:
        return None
    found = _blocks(text) or from_unified_diff(text) or _patch(text)
    if found is None and tool == "newFileCreated":
        return Change([], lines_of(text), 0)
    return found


def input_change(fields: dict[str, Any]) -> Change | None:
    """Return what the arguments of an SDK tool would change; None when it edits nothing."""
    old = next((text for key in _OLD if type(text := fields.get(key)) is str), None)
    new = next((text for key in _NEW if type(text := fields.get(key)) is str), None)
    if old is not None and new is not None:
        return diff_of_texts(old, new)
    return next(
        (patch for text in fields.values() if type(text) is str and (patch := _patch(text))), None
    )


def _blocks(text: str) -> Change | None:
    """Read SEARCH/REPLACE blocks."""
    changes = []
    at = 0
    while start := _SEARCH.search(text, at):
        middle = _MIDDLE.search(text, start.end())
        end = _END.search(text, middle.end()) if middle else None
        if middle is None or end is None:
            break
        old = _HINTS.sub("", text[start.end() : middle.start()], count=1)
        changes.append(diff_of_texts(old, text[middle.end() : end.start()]))
        at = end.end()
    if not changes:
        return None
    hunks = [hunk for change in changes for hunk in change.hunks]
    return Change(hunks, sum(c.added for c in changes), sum(c.removed for c in changes))


def _patch(text: str) -> Change | None:
    """Count the lines of a patch in OpenAI's format; it has no line numbers to show."""
    at = text.find(_PATCH)
    if at < 0:
        return None
    lines = text[at:].split("\n")
    return Change(
        [],
        sum(line.startswith("+") for line in lines),
        sum(line.startswith("-") for line in lines),
    )
