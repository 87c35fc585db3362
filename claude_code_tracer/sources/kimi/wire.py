"""Kimi CLI's wire messages: `{timestamp, message: {type, payload}}`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.changes import Change, diff_of_texts
from claude_code_tracer.sources.draft import Part, Usage
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.kimi.state import KimiReading, content_parts, text_of
from claude_code_tracer.sources.reading import arguments_of
from claude_code_tracer.sources.times import from_epoch_s
from claude_code_tracer.sources.values import count, identifier, mapping, string

__all__ = ["SKIPPED", "read_message"]

SKIPPED = frozenset(
    {
        "ApprovalRequest",
        "ApprovalRequestResolved",
        "ApprovalResponse",
        "BtwBegin",
        "BtwEnd",
        "CompactionBegin",
        "HookRequest",
        "HookResolved",
        "HookTriggered",
        "MCPLoadingBegin",
        "MCPLoadingEnd",
        "QuestionRequest",
        "QuestionResponse",
        "ToolCallPart",  # a piece of arguments that the call repeats
        "ToolCallRequest",
        "TurnEnd",
    }
)
"""Questions of the program to its surface, and progress: the call and its result say the rest."""

_Payload = dict[str, Any]


def read_message(reading: KimiReading, record: Record, message: dict[str, Any]) -> None:
    """Add what one message says."""
    kind = message.get("type")
    at = from_epoch_s(record.value.get("timestamp"))
    handler = _HANDLERS.get(kind) if type(kind) is str else None
    if handler:
        handler(reading, record, mapping(message.get("payload")), at)
    elif type(kind) is not str or kind not in SKIPPED:
        reading.add_unknown(record, at)


def _prompt(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    reading.ask(record, content_parts(payload.get("user_input")), is_typed=True, at=at)


def _step(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    reading.memory.answer = None


def _interrupt(
    reading: KimiReading, record: Record, payload: _Payload, at: datetime | None
) -> None:
    reading.memory.answer = None
    reading.note(record, "step interrupted", at, "interrupted")


def _compact(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    """Add that the context was compacted; the summary is only in `context.jsonl`."""
    reading.add(record, "system", "compaction", [], at=at)


def _notify(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    texts = (string(payload.get("title")), string(payload.get("body")))
    reading.note(record, "\n".join(filter(None, texts)), at)


def _plan(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    if text := string(payload.get("content")):
        part = Part("text", text, data={"injected": "plan"})
        reading.add(record, "user", "injected", [part], at=at)


def _content(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    for part in content_parts([payload])[:1]:
        reading.say(record, part, at)


def _call(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    function = mapping(payload.get("function"))
    call = reading.ask_tool(
        record,
        reading.call_asked(record, payload.get("id")),
        record_id("message", reading.answer_key(record)),
        string(function.get("name")) or "unknown",
        arguments_of(function.get("arguments")),
        at=at,
    )
    reading.say(record, Part("tool_call", tool_call=call), at)


def _result(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    value = payload.get("return_value")
    if type(value) is not dict:
        value = mapping(payload.get("result"))
    output = text_of(value.get("output")) or string(value.get("message")) or ""
    is_error = value.get("is_error") is True
    call = reading.call_answered(record, payload.get("tool_call_id"))
    path, change = _shown(value.get("display"))
    reading.tell(record.start)
    reading.answer_tool(record, call, output, is_error=is_error, at=at, change=change)
    if path:
        reading.tool_call(reading.native, record.start, call, file_path=path)


def _shown(display: object) -> tuple[str | None, Change | None]:
    """Return which file a result shows a diff of, and the diff."""
    blocks = [mapping(block) for block in display] if type(display) is list else []
    diffs = [block for block in blocks if block.get("type") == "diff"]
    if not diffs:
        return None, None
    changes = [
        diff_of_texts(string(block.get("old_text")) or "", string(block.get("new_text")) or "")
        for block in diffs
    ]
    change = Change(
        [hunk for change in changes for hunk in change.hunks],
        sum(change.added for change in changes),
        sum(change.removed for change in changes),
    )
    return string(diffs[0].get("path")), change


def _status(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    usage = mapping(payload.get("token_usage"))
    tokens = Usage(
        input_tokens=count(usage.get("input_other")),
        output_tokens=count(usage.get("output")),
        cache_read_tokens=count(usage.get("input_cache_read")),
        cache_write_5m_tokens=count(usage.get("input_cache_creation")),
    )
    native_id = identifier(payload.get("message_id"))
    written = record.value.get("timestamp")
    reading.bill(record, tokens, at=at, written=written, native_id=native_id)


def _nested(reading: KimiReading, record: Record, payload: _Payload, at: datetime | None) -> None:
    """Count what a subagent used that has no file of its own; newer ones have one, and an id."""
    event = mapping(payload.get("event"))
    if event.get("type") == "StatusUpdate" and not string(payload.get("agent_id")):
        answer, reading.memory.answer = reading.memory.answer, None
        _status(reading, record, mapping(event.get("payload")), at)
        reading.memory.answer = answer


_HANDLERS: dict[str, Callable[[KimiReading, Record, _Payload, datetime | None], None]] = {
    "CompactionEnd": _compact,
    "ContentPart": _content,
    "Notification": _notify,
    "PlanDisplay": _plan,
    "StatusUpdate": _status,
    "SteerInput": _prompt,
    "StepBegin": _step,
    "StepInterrupted": _interrupt,
    "SubagentEvent": _nested,
    "ToolCall": _call,
    "ToolResult": _result,
    "TurnBegin": _prompt,
}
