"""What an edit changed: Codex's own patch text, and the changes that it reports afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from claude_code_tracer.sources.changes import Change, lines_of
from claude_code_tracer.sources.values import mapping, string

__all__ = ["Patch", "patch_in", "reported"]

_BEGIN = "*** Begin Patch"
_FILE = re.compile(r"\*\*\* (Add|Update|Delete) File: (.+)")
_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_SIGNS = ("+", "-", " ")
_KINDS = ("add", "delete", "update")
_MAX_FILES = 200
_MAX_DIFF_CHARS = 128 * 1024


@dataclass(slots=True)
class Patch:
    """Hunks of one or more files, and how many lines they add and remove."""

    paths: list[str] = field(default_factory=list)
    added: int = 0
    removed: int | None = 0
    """None when a file was deleted and nothing says how long it was."""
    _found: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _left: int = _MAX_DIFF_CHARS

    @property
    def hunks(self) -> list[dict[str, Any]]:
        """Return the hunks; when there are several files, each says its own."""
        is_one = len(self.paths) == 1
        return [hunk if is_one else {**hunk, "path": path} for path, hunk in self._found]

    @property
    def change(self) -> Change:
        """Return it as the schema has it."""
        return Change(self.hunks, self.added, self.removed or 0)

    def add_hunk(self, path: str, lines: list[str], old: int = 1, new: int = 1) -> None:
        """Add lines of one place of a file; those that would be too many are only counted."""
        if not lines:
            return
        added = sum(line[:1] == "+" for line in lines)
        removed = sum(line[:1] == "-" for line in lines)
        self.added += added
        self.removed = None if self.removed is None else self.removed + removed
        self._left -= sum(map(len, lines))
        if self._left <= 0:
            return
        same = len(lines) - added - removed
        hunk = {
            "old_start": old,
            "old_lines": same + removed,
            "new_start": new,
            "new_lines": same + added,
            "lines": lines,
        }
        self._found.append((path, hunk))


def patch_in(text: str) -> Patch | None:
    """Return the patch that stands in `text`: a tool's input or a shell command; else None."""
    at = text.find(_BEGIN)
    if at < 0:
        return None
    patch = Patch()
    path, lines = "", list[str]()
    for line in text[at:].split("\n")[1:]:
        if line[:1] in _SIGNS and line:
            lines.append(line)
            continue
        if line.startswith(("@@", "***")):
            patch.add_hunk(path, lines)
            lines = []
        if line.startswith("*** End Patch"):
            break
        if head := _FILE.fullmatch(line.rstrip()):
            path = head[2][:1000]
            patch.paths.append(path)
            if head[1] == "Delete":
                patch.removed = None
    else:
        patch.add_hunk(path, lines)
    return patch if patch.paths else None


def reported(changes: object) -> Patch | None:
    """Return what an event says was changed, file by file; None when it says nothing."""
    files = mapping(changes)
    if not files:
        return None
    patch = Patch()
    for path, value in islice(files.items(), _MAX_FILES):
        patch.paths.append(path[:1000])
        _add_file(patch, path, mapping(value))
    return patch


def _add_file(patch: Patch, path: str, change: dict[str, Any]) -> None:
    kind = change.get("type")
    if kind not in _KINDS if type(kind) is str else True:  # before 0.44: {"add": {..}}
        kind = next((name for name in _KINDS if name in change), None)
        change = mapping(change.get(kind or ""))
    content = string(change.get("content")) or ""
    if kind == "add":
        patch.add_hunk(path, ["+" + line for line in _lines(content)], old=0)
    elif kind == "delete":
        patch.add_hunk(path, ["-" + line for line in _lines(content)], new=0)
    else:
        _add_unified(patch, path, string(change.get("unified_diff")) or "")


def _lines(content: str) -> list[str]:
    return content.split("\n")[: lines_of(content)]


def _add_unified(patch: Patch, path: str, diff: str) -> None:
    lines: list[str] = []
    old = new = 0
    for line in diff.split("\n"):
        if head := _HUNK.match(line):
            patch.add_hunk(path, lines, old, new)
            lines, old, new = [], int(head[1]), int(head[3])
        elif new or old:
            lines += [line] if line[:1] in _SIGNS and line else []
    patch.add_hunk(path, lines, old, new)
