"""The entries of a pi transcript: who said what, and what the program noted in between."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from claude_code_tracer.model import MessageKind
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.pi.answers import (
    add_answer,
    add_execution,
    add_result,
    add_side_call,
)
from claude_code_tracer.sources.pi.state import (
    PiReading,
    content_parts,
    entry_key,
    entry_time,
    session_in,
)
from claude_code_tracer.sources.values import count, identifier, mapping, string, when

__all__ = ["SKIPPED", "read_entry"]

SKIPPED = frozenset(
    {
        "context_edit",
        "credential_pin",
        "custom",
        "label",
        "mode_change",
        "service_tier_change",
        "thinking_level_change",
        "ttsr_injection",
    }
)
"""State of the program and of extensions: nothing that happened in the conversation."""


def read_entry(reading: PiReading, record: Record) -> None:
    """Add what one line says."""
    kind = record.value.get("type")
    if type(kind) is not str:
        _add_unknown(reading, record)
    elif kind not in SKIPPED:
        _HANDLERS.get(kind, _add_unknown)(reading, record)


def _add_unknown(reading: PiReading, record: Record) -> None:
    reading.add_unknown(record, when(record.value.get("timestamp")))


def _add_header(reading: PiReading, record: Record) -> None:
    """Take the facts of the session, and of which one it is a branch."""
    value = record.value
    facts = {"cwd": value.get("cwd")}
    if parent := _parent_of(value):
        reading.memory.forked_at = when(value.get("timestamp"))
        if reading.file.parent is None:
            facts |= {"parent": parent, "relation": "fork"}
    reading.tell(record.start, **facts)
    _add_title(reading, record)


def _parent_of(value: dict[str, Any]) -> str | None:
    """Return the native id of the session that a header names by its path."""
    name = string(value.get("parentSession")) or string(value.get("branchedFrom"))
    last = re.split(r"[/\\]", name)[-1].removesuffix(".jsonl") if name else ""
    return identifier(session_in(last))


def _add_message(reading: PiReading, record: Record) -> None:
    message = mapping(record.value.get("message"))
    role = message.get("role")
    handler = _ROLES.get(role) if type(role) is str else None
    if handler:
        handler(reading, record, message)
    else:
        reading.add_unknown(record, entry_time(record, message), entry_key(record, message))


def _add_prompt(reading: PiReading, record: Record, message: dict[str, Any]) -> None:
    parts = content_parts(message.get("content"))
    is_own = message.get("synthetic") is not True and message.get("attribution") != "agent"
    is_main = is_own and reading.file.parent is None
    is_typed = is_main and any(part.kind != "unknown" for part in parts)
    reading.tell_prompt(record.start, next((part.text for part in parts if part.text), None))
    _add(reading, record, message, "prompt" if is_typed else "injected", parts)


def _add_injected(reading: PiReading, record: Record, message: dict[str, Any]) -> None:
    """Add what an extension put into the conversation."""
    parts = content_parts(message.get("content"))
    if parts and (custom := string(message.get("customType"))):
        parts[0].data = {"injected": custom[:200]}
    _add(reading, record, message, "injected", parts)


def _add_instructions(reading: PiReading, record: Record, message: dict[str, Any]) -> None:
    """Add a system prompt: all of it at first, later what of it changed."""
    texts = [part.text for part in content_parts(message.get("content"))]
    texts += map(string, mapping(message.get("sections")).values())
    text = "\n\n".join(filter(None, texts))
    part = Part("text", text, data={"injected": "instructions"})
    _add(reading, record, message, "injected", [part] if text else [])


def _add_custom_message(reading: PiReading, record: Record) -> None:
    _add_injected(reading, record, record.value)


def _add_summary(reading: PiReading, record: Record, message: dict[str, Any]) -> None:
    """Add the summary that replaced older context, or the one of a branch that was left."""
    text = string(message.get("summary"))
    before = count(message.get("tokensBefore"))
    data = None if before is None else {"tokensBefore": before}
    _add(reading, record, message, "compaction", [Part("text", text, data=data)])


def _add_compaction(reading: PiReading, record: Record) -> None:
    _add_summary(reading, record, record.value)
    add_side_call(reading, record, record.value)


def _add_usage(reading: PiReading, record: Record) -> None:
    """Take what the program used a model for on its own, such as keeping the cache warm."""
    reading.tell(record.start)
    add_side_call(reading, record, record.value)


def _add_model_change(reading: PiReading, record: Record) -> None:
    model = string(record.value.get("modelId")) or string(record.value.get("model"))
    reading.memory.model = identifier(model) or reading.memory.model
    parts = [Part("text", f"model: {model[:200]}")] if model else []
    _add(reading, record, record.value, "notice", parts)


def _add_info(reading: PiReading, record: Record) -> None:
    """Take the name that the person gave to the session."""
    reading.tell_title(record.start, record.value.get("name"), "custom")


def _add_title(reading: PiReading, record: Record) -> None:
    """Take a title of oh-my-pi: of its header, of the line it keeps for it, or a change of it."""
    value = record.value
    source = value.get("titleSource", value.get("source", "auto"))
    is_given = source == "user"
    reading.tell_title(record.start, value.get("title"), "custom" if is_given else "generated")


def _add_agent(reading: PiReading, record: Record) -> None:
    """Take what kind of agent the session is of."""
    reading.tell(record.start, agent_type=record.value.get("agent"))


def _add_reset(reading: PiReading, record: Record) -> None:
    _add(reading, record, record.value, "notice", [Part("text", "context cleared")])


def _add(
    reading: PiReading,
    record: Record,
    message: dict[str, Any],
    kind: MessageKind,
    parts: list[Part],
) -> None:
    """Add a message that the model did not write."""
    reading.add(
        record,
        "user" if kind in ("prompt", "injected") else "system",
        kind,
        parts,
        at=entry_time(record, message),
        key=entry_key(record, message),
        native_id=identifier(record.value.get("id")),
    )


_ROLES: dict[str, Callable[[PiReading, Record, dict[str, Any]], None]] = {
    "assistant": add_answer,
    "bashExecution": add_execution,
    "branchSummary": _add_summary,
    "compactionSummary": _add_summary,
    "custom": _add_injected,
    "developer": _add_injected,
    "hookMessage": _add_injected,
    "pythonExecution": add_execution,
    "system": _add_instructions,
    "toolResult": add_result,
    "user": _add_prompt,
}

_HANDLERS: dict[str, Callable[[PiReading, Record], None]] = {
    "branch_summary": _add_compaction,
    "compaction": _add_compaction,
    "custom_message": _add_custom_message,
    "message": _add_message,
    "model_change": _add_model_change,
    "model_usage": _add_usage,
    "reset_boundary": _add_reset,
    "session": _add_header,
    "session_info": _add_info,
    "session_init": _add_agent,
    "title": _add_title,
    "title_change": _add_title,
    "usage": _add_usage,
}
