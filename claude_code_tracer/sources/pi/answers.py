"""What the model answered, which tools ran, and what an answer cost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.changes import Change, diff_of_texts, lines_of
from claude_code_tracer.sources.draft import Part, Usage
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.numbered_diff import from_numbered_diff
from claude_code_tracer.sources.pi.state import PiReading, content_parts, entry_key, entry_time
from claude_code_tracer.sources.reading import call_key
from claude_code_tracer.sources.saved import digest
from claude_code_tracer.sources.values import bounded, count, identifier, mapping, string, usd, when

__all__ = ["add_answer", "add_execution", "add_result", "add_side_call"]

_OWN, _COPY = 0, 2
_STOPS = {"aborted": "interrupted", "error": "api_error"}


def add_answer(reading: PiReading, record: Record, message: dict[str, Any]) -> None:
    """Add an answer of the model, its tool calls and what it cost."""
    key = entry_key(record, message)
    stop, error = message.get("stopReason"), string(message.get("errorMessage"))
    flags = [_STOPS[stop]] if type(stop) is str and stop in _STOPS else []
    parts = _answer_parts(reading, record, message, key)
    is_said = bool(parts) or not flags
    if error and flags:
        parts.append(Part("text", error, data={"injected": "error"}))
    model = identifier(message.get("responseModel")) or identifier(message.get("model"))
    reading.memory.model = model or reading.memory.model
    id = reading.add(
        record,
        "assistant",
        "answer" if is_said else "notice",
        parts,
        at=entry_time(record, message),
        key=key,
        native_id=identifier(record.value.get("id")),
        model=model,
        flags=flags,
    )
    _add_model_call(reading, record, message, key, id, model, is_failed=bool(flags))


def _answer_parts(
    reading: PiReading, record: Record, message: dict[str, Any], key: str
) -> list[Part]:
    content = message.get("content")
    at = entry_time(record, message)
    parts = []
    for index, block in enumerate(content if type(content) is list else [content]):
        fields = mapping(block)
        kind = fields.get("type")
        text = block if type(block) is str else fields.get("text")
        if kind == "toolCall":
            call = _ask(reading, record, key, fields, index, at)
            parts.append(Part("tool_call", tool_call=call))
        elif kind == "thinking" or type(text) is str:
            said = string(fields.get("thinking") if kind == "thinking" else text)
            if said:  # a redacted thought has no text: an empty block tells nobody anything
                parts.append(Part("thinking" if kind == "thinking" else "text", said))
        elif block is not None and kind != "redactedThinking":
            parts.append(Part("unknown", data=bounded(block)))
    return parts


def _ask(
    reading: PiReading,
    record: Record,
    key: str,
    block: dict[str, Any],
    index: int,
    at: datetime | None,
) -> str:
    name = string(block.get("name")) or "unknown"
    fields = mapping(block.get("arguments"))
    change = _proposed(name, fields)
    return reading.ask_tool(
        record,
        call_key(record, block.get("id"), index),
        record_id("message", key),
        name,
        block.get("arguments"),
        at=at,
        file_path=string(fields.get("path")) or string(fields.get("file_path")) if change else None,
        change=change,
    )


def _proposed(name: str, fields: dict[str, Any]) -> Change | None:
    """Return what an edit would change, in case its result does not say."""
    if name == "write":
        return Change([], lines_of(string(fields.get("content")) or ""), 0)
    if name != "edit":
        return None
    edits = fields.get("edits")
    changes = [
        diff_of_texts(string(edit.get("oldText")) or "", string(edit.get("newText")) or "")
        for edit in map(mapping, edits if type(edits) is list else [fields])
    ]
    return Change(
        [hunk for change in changes for hunk in change.hunks],
        sum(change.added for change in changes),
        sum(change.removed for change in changes),
    )


def add_result(reading: PiReading, record: Record, message: dict[str, Any]) -> None:
    """Add what a tool gave back."""
    diff = string(mapping(message.get("details")).get("diff"))
    reading.tell(record.start)
    reading.answer_tool(
        record,
        call_key(record, message.get("toolCallId"), 0),
        _text(message.get("content")),
        is_error=message.get("isError") is True,
        at=entry_time(record, message),
        change=from_numbered_diff(diff) if diff else None,
    )
    usage = mapping(message.get("usage"))
    if usage:  # a tool that asked models itself does not say which
        key = f"tool-{string(message.get('toolCallId')) or ''}-{entry_key(record, message)}"
        _add_call(reading, record, usage, key, at=entry_time(record, message))


def _text(content: object) -> str:
    texts = []
    for part in content_parts(content):
        if part.kind == "image":
            texts.append(f"[image: {part.data['media_type']}, {part.data['bytes']} bytes]")
        elif part.text:
            texts.append(part.text)
    return "\n".join(texts)


def add_execution(reading: PiReading, record: Record, message: dict[str, Any]) -> None:
    """Add a command that the person ran with `!`: a tool call that the model did not ask for."""
    key = entry_key(record, message)
    at = entry_time(record, message)
    name = "python" if message.get("role") == "pythonExecution" else "bash"
    is_cancelled = message.get("cancelled") is True
    code = message.get("exitCode")
    is_failed = type(code) is int and code != 0
    call = f"{name}-{key}"
    input = {"command": string(message.get("command")) or string(message.get("code"))}
    id = reading.ask_tool(record, call, record_id("message", key), name, input, at=at)
    part = Part("tool_call", tool_call=id, data={"injected": "run by the person"})
    flags = ["interrupted"] if is_cancelled else []
    reading.add(record, "user", "injected", [part], at=at, key=key, flags=flags)
    output = string(message.get("output")) or ""
    reading.answer_tool(record, call, output, is_error=is_cancelled or is_failed, at=at)


def _add_model_call(
    reading: PiReading,
    record: Record,
    message: dict[str, Any],
    key: str,
    id: str,
    model: str | None,
    *,
    is_failed: bool,
) -> None:
    """Add the API response; one that failed before it cost anything is none."""
    usage = mapping(message.get("usage"))
    if not usage or (is_failed and not _is_some(_usage(usage))):
        return
    native_id = identifier(message.get("responseId"))
    at = entry_time(record, message)
    _add_call(reading, record, usage, key, at=at, message=id, model=model, native_id=native_id)


def add_side_call(reading: PiReading, record: Record, value: dict[str, Any]) -> None:
    """Add what an entry cost that is no answer: a summary, or a call for the program's own sake."""
    usage = mapping(value.get("usage"))
    if not _is_some(_usage(usage)):
        return
    kind, at = string(value.get("kind")), when(value.get("timestamp"))
    key = digest(repr((value.get("type"), kind, value.get("timestamp"), bounded(usage))), 16)
    model = identifier(value.get("model")) or reading.memory.model
    _add_call(reading, record, usage, key, at=at, model=model)


def _is_some(tokens: Usage) -> bool:
    used = (tokens.input_tokens, tokens.output_tokens, tokens.cache_read_tokens)
    return any(used) or bool(tokens.cache_write_5m_tokens or tokens.cache_write_1h_tokens)


def _add_call(
    reading: PiReading,
    record: Record,
    usage: dict[str, Any],
    key: str,
    *,
    at: datetime | None,
    message: str | None = None,
    model: str | None = None,
    native_id: str | None = None,
) -> None:
    forked_at = reading.memory.forked_at
    reading.model_call(
        reading.native,
        record.start,
        (key,),
        _usage(usage),
        message=message,
        native_id=native_id,
        model=model,
        at=at,
        attribution=_COPY if forked_at and at and at < forked_at else _OWN,
        reported_cost_usd=usd(mapping(usage.get("cost")).get("total")),
    )


def _usage(usage: dict[str, Any]) -> Usage:
    """Return the tokens; what went to the 1-hour cache is a part of `cacheWrite`."""
    write, write_1h = count(usage.get("cacheWrite")), count(usage.get("cacheWrite1h"))
    return Usage(
        input_tokens=count(usage.get("input")),
        output_tokens=count(usage.get("output")),
        cache_read_tokens=count(usage.get("cacheRead")),
        cache_write_5m_tokens=None if write is None else max(write - (write_1h or 0), 0),
        cache_write_1h_tokens=write_1h,
        reasoning_tokens=count(usage.get("reasoning")),
    )
