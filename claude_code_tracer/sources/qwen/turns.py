"""The records of the conversation itself: `user`, `assistant`, `tool_result`."""

from __future__ import annotations

from typing import Any

from claude_code_tracer.model import MessageKind
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.genai import (
    content_items,
    content_parts,
    edit_change,
    edited_file,
    has_failed,
    result_text,
    user_parts,
)
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.qwen.reading import Reading, time_of, uuid_of
from claude_code_tracer.sources.qwen.usage import add_answer_usage
from claude_code_tracer.sources.values import identifier, mapping, string

__all__ = ["add_assistant", "add_tool_result", "add_user"]

_TYPED = {None, "mid_turn_user_message", "realtime_message"}
"""Subtypes of `user` that a person typed or said; notifications, timers and goals are others."""


def add_user(reading: Reading, record: Record) -> None:
    """Add a prompt, or what was put into the conversation in the person's role."""
    value = record.value
    display = mapping(value.get("systemPayload")).get("displayText")
    items = _items(value)
    for item in items:
        _add_response(reading, record, mapping(item), {})
    parts, is_typed = user_parts(items, display if type(display) is str else None)
    if items and not parts:
        return
    subtype = value.get("subtype")
    is_person = (subtype is None or type(subtype) is str) and subtype in _TYPED
    is_person = is_person and value.get("provenance") in (None, "real_user")
    is_person = is_person and not reading.is_agent and not value.get("externalInputKind")
    kind: MessageKind = "prompt" if is_person and is_typed else "injected"
    reading.message(record, "user", kind, parts)
    text = next((part.text for part in parts if part.text and part.data is None), None)
    if text and (kind == "prompt" or reading.is_agent):
        reading.first_prompt(record, text)


def add_assistant(reading: Reading, record: Record) -> None:
    """Add an answer, or a further piece of it, and what it cost."""
    value = record.value
    items = _items(value)
    parts = content_parts(items)
    for index, item in enumerate(items):
        fields = mapping(mapping(item).get("functionCall"))
        if fields:
            parts.append(Part("tool_call", tool_call=_add_call(reading, record, fields, index)))
    model = identifier(value.get("model"))
    message = reading.message(record, "assistant", "answer", parts, model=model)
    add_answer_usage(reading, record, message, model)


def _add_call(reading: Reading, record: Record, fields: dict[str, Any], index: int) -> str:
    name = string(fields.get("name")) or "unknown"
    return reading.draft.tool_call(
        reading.session,
        record.start,
        identifier(fields.get("id")) or f"{uuid_of(record) or ''}@{record.start}#{index}",
        message=reading.message_id(record),
        position=record.start,
        name=name,
        input=fields.get("args"),
        started_at=time_of(record),
        file_path=edited_file(name, fields.get("args"), None),
    )


def add_tool_result(reading: Reading, record: Record) -> None:
    """Add what came back from a tool; it makes no message of its own."""
    outcome = mapping(record.value.get("toolCallResult"))
    items = _items(record.value)
    answered = [item for item in items if mapping(item).get("functionResponse")]
    for item in answered:
        _add_response(reading, record, mapping(item), outcome)
    call = identifier(outcome.get("callId"))
    if call and not answered:
        display = outcome.get("resultDisplay")
        _add_result(reading, record, call, None, items or display, outcome)


def _add_response(
    reading: Reading, record: Record, item: dict[str, Any], outcome: dict[str, Any]
) -> None:
    response = mapping(item.get("functionResponse"))
    call = identifier(response.get("id")) or identifier(outcome.get("callId"))
    if response and call:
        is_its = outcome.get("callId") in (None, response.get("id"))
        name = string(response.get("name"))
        _add_result(reading, record, call, name, [item], outcome if is_its else {})


def _add_result(
    reading: Reading,
    record: Record,
    call: str,
    name: str | None,
    result: object,
    outcome: dict[str, Any],
) -> None:
    display = outcome.get("resultDisplay")
    text = result_text(result)
    if not text and type(display) is str:
        text = display
    failed = has_failed(outcome.get("status"), result)
    if outcome.get("errorType") and failed is None:
        failed = True
    reading.draft.tool_call(
        reading.session,
        record.start,
        call,
        result=text,
        is_error=failed,
        ended_at=time_of(record),
        file_path=string(mapping(display).get("filePath")),  # else the call said it
        change=edit_change(name, failed, None, display, None),
    )


def _items(value: dict[str, Any]) -> list[Any]:
    message = value.get("message")
    fields = mapping(message)
    if not fields:
        return content_items(message)
    return content_items(fields.get("parts")) or content_items(fields.get("content"))
