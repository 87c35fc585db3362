"""What OpenCode's tools were asked and gave back, and what its edits changed."""

from __future__ import annotations

from typing import Any

from claude_code_tracer.sources.changes import Change, diff_of_texts, lines_of, nothing
from claude_code_tracer.sources.unified_diff import from_unified_diff
from claude_code_tracer.sources.values import identifier, mapping, string

__all__ = ["agent_session_of", "change_of", "edited_file", "has_failed"]

_EDITS = ("edit", "write", "multiedit", "patch", "apply_patch")


def has_failed(name: str, status: object, facts: dict[str, Any]) -> bool | None:
    """Tell whether a call failed; None while it runs.

    A call of a tool that does not exist "completes" as the tool `invalid`, and a command completes
    whatever its exit code is.
    """
    if status == "error":
        return True
    if status not in ("completed", "success"):
        return None
    exit_code = facts.get("exit")
    is_bad_exit = type(exit_code) is int and exit_code != 0
    return name == "invalid" or (name in ("bash", "shell") and is_bad_exit)


def edited_file(name: str, fields: dict[str, Any]) -> str | None:
    """Return the file that an edit is about."""
    if name not in _EDITS:
        return None
    return string(fields.get("filePath")) or string(fields.get("path"))


def agent_session_of(facts: dict[str, Any]) -> str | None:
    """Return the session of the subagent that a call started."""
    return identifier(facts.get("sessionId")) or identifier(facts.get("sessionID"))


def change_of(
    name: str, fields: dict[str, Any], facts: dict[str, Any], is_error: bool | None
) -> Change | None:
    """Return what a finished edit changed; None when it does not say.

    `fields` is what the tool was asked, `facts` the metadata of its result.
    """
    if name not in _EDITS or is_error is None:
        return None
    if is_error:
        return nothing()
    diffs = [facts.get("diff"), *_diffs_in(facts.get("results")), *_diffs_in(facts.get("files"))]
    texts = [text for text in map(string, diffs) if text]
    if texts and (change := from_unified_diff(texts[0] if facts.get("diff") else "\n".join(texts))):
        return change
    both = mapping(facts.get("filediff"))
    before, after = both.get("before"), both.get("after")
    if type(before) is str and type(after) is str:
        return diff_of_texts(before, after)
    return _asked(name, fields, facts)


def _diffs_in(items: object) -> list[Any]:
    if type(items) is not list:
        return []
    return [mapping(item).get("diff") or mapping(item).get("patch") for item in items]


def _asked(name: str, fields: dict[str, Any], facts: dict[str, Any]) -> Change | None:
    """Return what an edit was asked to change, for versions that keep no diff of the result."""
    if name == "write":
        content = fields.get("content")
        is_new = facts.get("exists") is False
        return Change([], lines_of(content), 0) if type(content) is str and is_new else None
    old, new = fields.get("oldString"), fields.get("newString")
    is_once = fields.get("replaceAll") is not True
    if name == "edit" and is_once and type(old) is str and type(new) is str:
        return diff_of_texts(old, new)
    return None
