"""What Amp's tools were asked and gave back, and what its edits changed."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from claude_code_tracer.sources.changes import Change, diff_of_texts, lines_of, nothing
from claude_code_tracer.sources.draft import Draft, Part
from claude_code_tracer.sources.unified_diff import from_unified_diff
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = ["Tools"]

_EDITS = {"create_file", "edit_file"}
_FAILED = {"cancelled", "error", "rejected-by-user"}
_RUNNING = {"in-progress", "queued", "blocked-on-user"}
_SHOWN = ("output", "content", "diff")


class Tools:
    """The tool calls of one thread: what was asked waits here for what came back."""

    def __init__(self, draft: Draft, session: str, revision: int) -> None:
        self._draft = draft
        self._session = session
        self._revision = revision
        self._asked: dict[str, Change | None] = {}

    def ask(
        self, call: str, message: str, position: int, fields: dict[str, Any], at: datetime | None
    ) -> Part:
        """Add what the model asked of a tool; an edit counts when it is done."""
        name = string(fields.get("name")) or "unknown"
        arguments = mapping(fields.get("input"))
        change = _proposed(name, arguments)
        if name in _EDITS:
            self._asked[call] = change
        id = self._draft.tool_call(
            self._session,
            self._revision,
            call,
            message=message,
            position=position,
            name=name,
            input=fields.get("input"),
            started_at=at,
            file_path=string(arguments.get("path")) if name in _EDITS else None,
        )
        return Part("tool_call", tool_call=id)

    def give(self, fields: dict[str, Any], at: datetime | None) -> None:
        """Add what came back: `run {status, result | error | reason}`, or Anthropic's own form."""
        call = identifier(fields.get("toolUseID")) or identifier(fields.get("tool_use_id"))
        run = mapping(fields.get("run"))
        status = string(run.get("status"))
        if call is None or status in _RUNNING:
            return
        result = run.get("result") if run else fields.get("content")
        is_error = _has_failed(fields, status, mapping(result))
        text = _text(result)
        if not text and is_error:
            error = run.get("error")
            said = string(error) or string(mapping(error).get("message"))
            text = said or string(run.get("reason")) or status or ""
        self._draft.tool_call(
            self._session,
            self._revision,
            call,
            result=text,
            is_error=is_error,
            ended_at=at,
            change=self._change(call, result, is_error),
        )

    def _change(self, call: str, result: object, is_error: bool) -> Change | None:
        """Return what an edit changed: as its result says, else as it was asked."""
        if call not in self._asked:
            return None
        return nothing() if is_error else _given(result) or self._asked[call]


def _has_failed(fields: dict[str, Any], status: str | None, result: dict[str, Any]) -> bool:
    """Tell whether a call failed; a command is done whatever its exit code is."""
    exit_code = result.get("exitCode")
    is_bad_exit = type(exit_code) is int and exit_code != 0
    return fields.get("is_error") is True or status in _FAILED or is_bad_exit


def _proposed(name: str, fields: dict[str, Any]) -> Change | None:
    """Return what an edit would change."""
    if name == "create_file":
        content = fields.get("content")
        return Change([], lines_of(content), 0) if type(content) is str else None
    old, new = fields.get("old_str"), fields.get("new_str")
    if name == "edit_file" and type(old) is str and type(new) is str:
        return diff_of_texts(old, new)
    return None


def _given(result: object) -> Change | None:
    """Return what an edit's result says it changed."""
    diff = mapping(result).get("diff")
    return from_unified_diff(diff) if type(diff) is str else None


def _text(result: object) -> str:
    """Return what a result shows: Bash has `output`, Read `content`, edits `diff`."""
    if type(result) is str:
        return result
    if type(result) is list:
        return "\n".join(filter(None, map(_item, result)))
    fields = mapping(result)
    for name in _SHOWN:
        if type(fields.get(name)) is str:
            return str(fields[name])
    return json.dumps(bounded(result), ensure_ascii=False) if result is not None else ""


def _item(item: object) -> str:
    text = string(item) or string(mapping(item).get("text"))
    if text:
        return text
    return f"[{mapping(item).get('type')}]" if mapping(item).get("type") else ""
