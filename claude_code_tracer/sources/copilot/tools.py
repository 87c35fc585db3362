"""Tool calls of Copilot: asked for in an answer, started, finished; joined by their id."""

from __future__ import annotations

import re
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.changes import Change, diff_of_texts, lines_of
from claude_code_tracer.sources.copilot.state import CopilotReading
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.reading import arguments_of, call_key
from claude_code_tracer.sources.unified_diff import from_unified_diff
from claude_code_tracer.sources.values import mapping, string, when

__all__ = ["ask_tool", "finish_tool", "start_tool"]

_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.{1,1000})$", re.MULTILINE)
_HEAD_CHARS = 4000

_EDITS = frozenset({"apply_patch", "create", "edit", "insert", "str_replace_editor", "write"})


def ask_tool(
    reading: CopilotReading, record: Record, request: dict[str, Any], index: int, key: str | None
) -> Part:
    """Add a call that an answer asks for."""
    name = string(request.get("name")) or "unknown"
    arguments = arguments_of(request.get("arguments"))
    change = _proposed(name, mapping(arguments))
    id = reading.ask_tool(
        record,
        call_key(record, request.get("toolCallId"), index),
        record_id("message", key or f"@{record.start}"),
        name,
        arguments,
        at=when(record.value.get("timestamp")),
        file_path=_path(arguments) if name in _EDITS else None,
        change=change,
        session=reading.session_of(record),
    )
    return Part("tool_call", tool_call=id)


def start_tool(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    """Add that a call has begun; the answer has said what it is, unless a person asked for it."""
    reading.tell(record.start)
    call = call_key(record, data.get("toolCallId"), 0)
    at = when(record.value.get("timestamp"))
    if call in reading.memory.tools:
        reading.tool_call(reading.session_of(record), record.start, call, started_at=at)
        return
    name = string(data.get("toolName")) or "unknown"
    arguments = arguments_of(data.get("arguments"))
    reading.ask_tool(
        record,
        call,
        None,
        name,
        arguments,
        at=at,
        file_path=_path(arguments) if name in _EDITS else None,
        change=_proposed(name, mapping(arguments)),
        session=reading.session_of(record),
    )


def finish_tool(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    """Add what came back."""
    reading.tell(record.start)
    reading.model_answered(data.get("model"), record)
    call = call_key(record, data.get("toolCallId"), 0)
    opened = reading.memory.tools.get(call)
    result = data.get("result")
    details = string(mapping(result).get("detailedContent"))
    is_edit = opened is not None and opened.name in _EDITS
    reading.answer_tool(
        record,
        call,
        _result(result, data.get("error")),
        is_error=data.get("success") is False,
        at=when(record.value.get("timestamp")),
        change=from_unified_diff(details) if details and is_edit else None,
        session=reading.session_of(record),
    )


def _result(result: object, error: object) -> str:
    texts = (
        string(result) or string(mapping(result).get("content")),
        string(error) or string(mapping(error).get("message")),
    )
    return "\n".join(text for text in texts if text)


def _path(arguments: object) -> str | None:
    """Return the first file that an edit names; a patch names it in its text."""
    if type(arguments) is str:
        found = _PATCHED.search(arguments[:_HEAD_CHARS])
        return found[1].strip() if found else None
    fields = mapping(arguments)
    return string(fields.get("path")) or string(fields.get("file_path"))


def _proposed(name: str, fields: dict[str, Any]) -> Change | None:
    """Return what an edit would change, in case its result does not say."""
    if name not in _EDITS:
        return None
    content = string(fields.get("file_text")) or string(fields.get("content"))
    old, new = string(fields.get("old_str")), string(fields.get("new_str"))
    if content is not None:
        return Change([], lines_of(content), 0)
    if old is not None or new is not None:
        return diff_of_texts(old or "", new or "")
    return None
