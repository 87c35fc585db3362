"""`system` records: commands, titles, compressions, rewinds, telemetry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.genai import content_items, content_parts
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.qwen.reading import Reading
from claude_code_tracer.sources.qwen.usage import add_telemetry_usage, flush_calls
from claude_code_tracer.sources.values import identifier, mapping, string

__all__ = ["SKIPPED_SUBTYPES", "add_system"]

SKIPPED_SUBTYPES = frozenset(
    {
        "agent_bootstrap",  # repeats the parent's conversation
        "agent_launch_prompt",  # repeats the first record
        "agent_mention",
        "agent_message",
        "agent_retry",
        "agent_session_ready",
        "attribution_snapshot",
        "branch_checkpoint",
        "code_mode_tool_result",
        "file_history_snapshot",
        "goal_state",
        "goal_turn_end",
        "omni_recall",
        "session_approval_mode",
        "session_artifact_event",
        "session_artifact_snapshot",
        "session_execution_engine",
        "session_model",  # every answer says its own
        "session_notes",
        "session_sources_snapshot",
        "turn_attempt",
        "user_text_elements",  # repeats the prompt
    }
)
"""Bookkeeping of the tool: nothing that happened in the session."""

Handler = Callable[[Reading, Record, dict[str, Any]], None]


def add_system(reading: Reading, record: Record) -> None:
    """Add an event that the tool reports about itself."""
    subtype = record.value.get("subtype")
    payload = mapping(record.value.get("systemPayload"))
    if subtype == "ui_telemetry":
        _add_telemetry(reading, record, payload)
        return
    if type(subtype) is str and subtype in SKIPPED_SUBTYPES:
        return
    handler = _HANDLERS.get(subtype) if type(subtype) is str else None
    if handler:
        handler(reading, record, payload)
    else:
        reading.unknown(record)


def _add_telemetry(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    event = mapping(payload.get("uiEvent"))
    name = string(event.get("event.name")) or ""
    if name.endswith(".api_response"):
        add_telemetry_usage(reading, record, event)
    elif name.endswith(".api_error"):
        text = string(event.get("error_message")) or string(event.get("error"))
        reading.message(
            record, "system", "notice", [Part("text", text)] if text else [], flags=["api_error"]
        )


def _add_title(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    """Take the session's title; the last one counts, whether a person or a model made it."""
    reading.title(record, payload.get("customTitle"), "custom")


def _add_parent(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    parent = identifier(payload.get("parentSessionId"))
    if parent and parent != reading.session:
        reading.fact(record, parent=parent, relation="subagent")


def _add_source(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    kind = string(payload.get("sourceType"))
    if kind and reading.state.see_fact("entrypoint", kind):
        reading.fact(record, entrypoint=kind)


def _add_compression(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    flush_calls(reading, record)  # the call that made the summary
    history = content_items(payload.get("compressedHistory"))
    first = mapping(history[0]) if history else {}
    parts = [part for part in content_parts(content_items(first.get("parts"))) if part.text]
    info = mapping(payload.get("info"))
    if info:
        parts.append(Part("text", data={"info": info}))
    reading.message(record, "system", "compaction", parts)


def _add_command(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    """Add a slash command, or what it showed: the model got neither."""
    data = {"injected": "slash_command"}
    if payload.get("phase") == "result":
        shown = (mapping(item) for item in content_items(payload.get("outputHistoryItems")))
        texts = list(filter(None, (string(item.get("text")) for item in shown)))
        parts = [Part("text", "\n".join(texts), data=data)] if texts else []
    else:
        command = string(payload.get("rawCommand"))
        parts = [Part("text", command, data=data)] if command else []
    if parts:
        reading.message(record, "system", "injected", parts)


def _add_files(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    names = [name for name in content_items(payload.get("filesRead")) if type(name) is str]
    text = "\n".join(names) or string(payload.get("message"))
    if text:
        part = Part("text", text, data={"injected": "at_command"})
        reading.message(record, "system", "injected", [part])


def _add_notification(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    text = string(payload.get("displayText"))
    if text:
        part = Part("text", text, data={"injected": "notification"})
        reading.message(record, "system", "injected", [part])


def _add_rewind(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    reading.rewound(record)
    reading.message(record, "system", "notice", [Part("text", "Rewound.", data=payload or None)])


def _add_turn_result(reading: Reading, record: Record, payload: dict[str, Any]) -> None:
    """Add how a turn ended, when it did not end well."""
    state = payload.get("state")
    text = string(mapping(payload.get("error")).get("message"))
    if state == "cancelled":
        reading.message(record, "system", "notice", [], flags=["interrupted"])
    elif state == "error":
        parts = [Part("text", text)] if text else []
        reading.message(record, "system", "notice", parts, flags=["error"])


_HANDLERS: dict[str, Handler] = {
    "at_command": _add_files,
    "background_task_completed": _add_notification,
    "chat_compression": _add_compression,
    "custom_title": _add_title,
    "parent_session": _add_parent,
    "rewind": _add_rewind,
    "session_source": _add_source,
    "slash_command": _add_command,
    "turn_result": _add_turn_result,
}
