"""What Cursor's edit tools change: as asked for, or as their results say.

The same edit has another name in each store and each year: `StrReplace`, `search_replace`,
`edit_file_v2`. What was only asked for and never confirmed counts as asked.
"""

from __future__ import annotations

import re
from typing import Any

from claude_code_tracer.sources.changes import Change, diff_of_texts, from_patch, lines_of
from claude_code_tracer.sources.values import count, mapping, string

__all__ = ["asked", "confirmed", "edited_file", "is_edit"]

_REPLACE = {"strreplace", "search_replace", "str_replace", "edit", "multiedit"}
_WRITE = {"write", "write_file", "create_file"}
_PATCH = {"applypatch", "apply_patch"}
_OTHER = {"edit_file", "delete", "delete_file", "editnotebook", "edit_notebook", "reapply"}
_VERSION = re.compile(r"_v\d+\Z")
_PATHS = (
    "path",
    "file_path",
    "target_file",
    "relativeWorkspacePath",
    "targetFile",
    "target_notebook",
)
_OLD = ("old_string", "oldString", "old_str", "old_content")
_NEW = ("new_string", "newString", "new_str", "new_content")
_CONTENTS = ("contents", "content", "file_text")
_PATCH_FILE = re.compile(r"^\*\*\* (?:Update|Add|Delete) File: (.+)$", re.MULTILINE)
_MAX_PATCH_FILES = 50


def _kind(name: str) -> str:
    return _VERSION.sub("", name.lower())


def is_edit(name: str) -> bool:
    """Tell whether the tool changes files."""
    return _kind(name) in _REPLACE | _WRITE | _PATCH | _OTHER


def edited_file(name: str, arguments: object) -> str | None:
    """Return the file that the tool changes; of a patch the first one."""
    if not is_edit(name):
        return None
    if patch := _patch_text(name, arguments):
        found = _PATCH_FILE.search(patch)
        return found[1].strip()[:1000] if found else None
    return _first(mapping(arguments), _PATHS)


def asked(name: str, arguments: object) -> Change | None:
    """Return what the call asked to change; None when its arguments do not say."""
    kind, fields = _kind(name), mapping(arguments)
    if kind in _REPLACE:
        return _replacements(fields)
    if kind in _WRITE:
        contents = _first(fields, _CONTENTS)
        return Change([], lines_of(contents), 0) if contents is not None else None
    patch = _patch_text(name, arguments)
    return _from_patch_text(patch) if patch else None


def confirmed(result: object, before: str | None, after: str | None) -> Change | None:
    """Return what changed, from the file before and after or from the result's own diff."""
    if after is not None and before is not None:
        return diff_of_texts(before, after)
    chunks = mapping(mapping(result).get("diff")).get("chunks")
    if type(chunks) is not list or not chunks:
        return None
    hunks = [_chunk(mapping(chunk)) for chunk in chunks]
    change = from_patch(hunks)
    counted = [
        (count(mapping(c).get("linesAdded")), count(mapping(c).get("linesRemoved"))) for c in chunks
    ]
    if change and all(a is not None and r is not None for a, r in counted):
        # What the tool counted holds even where it left lines out of its diff.
        return Change(
            change.hunks, sum(a or 0 for a, _ in counted), sum(r or 0 for _, r in counted)
        )
    return change if any(hunk["lines"] for hunk in hunks) else None


def _chunk(chunk: dict[str, Any]) -> dict[str, Any]:
    text = string(chunk.get("diffString")) or ""
    names = ("oldStart", "oldLines", "newStart", "newLines")
    return {**{name: chunk.get(name) for name in names}, "lines": text.split("\n") if text else []}


def _replacements(fields: dict[str, Any]) -> Change | None:
    edits = fields.get("edits")
    if type(edits) is not list:
        return _replacement(fields)
    changes = [change for edit in edits if (change := _replacement(mapping(edit)))]
    hunks = [hunk for change in changes for hunk in change.hunks]
    added, removed = sum(c.added for c in changes), sum(c.removed for c in changes)
    return Change(hunks, added, removed) if changes else None


def _replacement(fields: dict[str, Any]) -> Change | None:
    old, new = _first(fields, _OLD), _first(fields, _NEW)
    if old is None or new is None:
        return None
    return diff_of_texts(old, new)


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((fields[name] for name in names if type(fields.get(name)) is str), None)


def _patch_text(name: str, arguments: object) -> str | None:
    """Return the patch of `ApplyPatch`, whose input is a bare text or an object with one."""
    if _kind(name) not in _PATCH:
        return None
    fields = mapping(arguments)
    text = arguments if type(arguments) is str else _first(fields, ("patch", "input", "diff"))
    return text or None


def _from_patch_text(patch: str) -> Change | None:
    """Read `*** Update File: ...`, `@@` and lines with their signs."""
    hunks: list[dict[str, Any]] = []
    lines: list[str] = []
    # In a unified diff these name the files; in Cursor's own form they are lines that begin so.
    heads = ("***", "@@") if "*** Begin Patch" in patch else ("***", "@@", "--- ", "+++ ")
    for line in patch.split("\n"):
        if line.startswith(heads):
            if lines and len(hunks) < _MAX_PATCH_FILES:
                hunks.append({"lines": lines})
                lines = []
        elif line[:1] in ("+", "-", " "):
            lines.append(line)
    if lines:
        hunks.append({"lines": lines})
    return from_patch(hunks) if hunks else None
