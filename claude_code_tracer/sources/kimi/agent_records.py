"""Kimi Code's records: `{type, ..., time}`, what it restores a session from.

A prompt comes twice: when the person sends it (`turn.prompt`) and when the model gets it
(`context.append_message`, together with what the program puts in).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.changes import Change, diff_of_texts, lines_of
from claude_code_tracer.sources.draft import Part, Usage
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.kimi.state import KimiReading, content_parts, text_of
from claude_code_tracer.sources.reading import arguments_of
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import count, identifier, mapping, string

__all__ = ["SKIPPED", "SKIPPED_EVENTS", "read_record"]

SKIPPED = frozenset(
    {
        "context.compaction_slot",
        "context.mark_last_user_prompt_blocked",
        "context.output_offloaded",
        "context.pruning",
        "context.undone",
        "context.update_token_count",
        "cron.add",
        "cron.cursor",
        "cron.delete",
        "file_history.checkpoint",
        "file_history.tracked",
        "full_compaction.begin",
        "full_compaction.cancel",
        "full_compaction.complete",
        "goal.clear",
        "goal.create",
        "goal.update",
        "interaction.request",
        "interaction.resolved",
        "interruptionReminder.recorded",
        "llm.tools_snapshot",
        "mcp.tools_discovered",
        "metadata",
        "micro_compaction.apply",
        "permission.record_approval_result",
        "permission.set_mode",
        "plan.revision",
        "plugin.session_start",
        "prompt.aborted",
        "prompt.accepted",
        "prompt.completed",
        "prompt.steered",
        "runtime.set_binding",
        "subagent.cancelled",
        "subagent.completed",
        "subagent.failed",
        "subagent.spawned",
        "subagent.started",
        "task.started",
        "task.terminated",
        "task.waitDelivered",
        "token_counting.measured",
        "token_counting.rebased",
        "token_counting.truncated",
        "token_counting.turn_recorded",
        "tools.register_user_tool",
        "tools.reset_active_tools",
        "tools.set_active_tools",
        "tools.unregister_user_tool",
        "tools.update_store",
        "turn.step.interrupted",
    }
)
"""State of the program: nothing that happened in the conversation, or what a tool call says."""

_JOURNALS = ("agent.", "human.agent.")
"""Newer versions log the engine's own events too: each message a second time, after the turn."""

SKIPPED_EVENTS = frozenset({"step.end"})
"""Its usage is in `usage.record`, with the model."""

_EDITS = ("Edit", "MultiEdit", "Write")


def read_record(reading: KimiReading, record: Record) -> None:
    """Add what one record says."""
    kind = record.value.get("type")
    at = from_epoch_ms(record.value.get("time"))
    handler = _HANDLERS.get(kind) if type(kind) is str else None
    if handler:
        handler(reading, record, at)
    elif type(kind) is not str or not (kind in SKIPPED or kind.startswith(_JOURNALS)):
        reading.add_unknown(record, at)


# The session -----------------------------------------------------------------------------------


def _configure(reading: KimiReading, record: Record, at: datetime | None) -> None:
    value = record.value
    disclosed = mapping(value.get("environmentDisclosure"))
    reading.tell(record.start, cwd=string(value.get("cwd")) or disclosed.get("cwd"))
    _choose(reading, record, at)


def _choose(reading: KimiReading, record: Record, at: datetime | None) -> None:
    """Take the model that answers: as the person calls it, else as the provider does."""
    value = record.value
    model = identifier(value.get("modelAlias")) or identifier(value.get("model"))
    reading.memory.model = model or reading.memory.model


def _fork(reading: KimiReading, record: Record, at: datetime | None) -> None:
    """Take that all records until here are copies; they do not say of which session."""
    reading.tell(record.start, relation="fork")


def _note(reading: KimiReading, record: Record, at: datetime | None) -> None:
    reading.note(record, record.value["type"], at)


def _cancel(reading: KimiReading, record: Record, at: datetime | None) -> None:
    reading.memory.answer = None
    reading.note(record, "turn cancelled", at, "interrupted")


def _end(reading: KimiReading, record: Record, at: datetime | None) -> None:
    """Add that a turn failed; that it was cancelled has been said."""
    reading.memory.answer = None
    reason = string(record.value.get("reason"))
    if reason and reason not in ("cancelled", "completed"):
        reading.note(record, f"turn ended: {reason[:200]}", at, "api_error")


def _retry(reading: KimiReading, record: Record, at: datetime | None) -> None:
    """Add that the model did not answer, and is asked again."""
    reason = string(record.value.get("errorMessage")) or string(record.value.get("errorName"))
    reading.note(record, reason or "step retried", at, "api_error")


def _compact(reading: KimiReading, record: Record, at: datetime | None) -> None:
    value = record.value
    text = string(value.get("summary")) or string(value.get("contextSummary"))
    names = ("tokensBefore", "tokensAfter")
    facts = {name: n for name in names if (n := count(value.get(name))) is not None}
    part = Part("text", text, data=facts or None)
    reading.add(record, "system", "compaction", [part], at=at)


# The conversation ------------------------------------------------------------------------------


def _prompt(reading: KimiReading, record: Record, at: datetime | None) -> None:
    parts = content_parts(record.value.get("input"))
    reading.expect_second(parts)
    is_typed = _is_typed(record.value)
    reading.ask(record, _as_typed(record.value, parts), is_typed=is_typed, at=at)


def _is_typed(fields: dict[str, Any]) -> bool:
    origin = mapping(fields.get("origin"))
    return origin.get("kind") in (None, "user") or origin.get("trigger") == "user-slash"


def _as_typed(fields: dict[str, Any], parts: list[Part]) -> list[Part]:
    """Return what the person typed before what the program put there for the skills it names."""
    origin = mapping(fields.get("origin"))
    typed, skills = parts, origin.get("skillActivations")
    if origin.get("trigger") == "user-slash":
        name = string(origin.get("skillName")) or string(origin.get("commandName")) or "?"
        said = string(origin.get("skillArgs")) or string(origin.get("commandArgs")) or ""
        typed, put_in = [Part("text", f"/{name} {said}".strip())], parts
    else:
        bodies = len(skills) if type(skills) is list else 0
        typed, put_in = parts[bodies:], parts[:bodies]
    for part in put_in:
        part.data = part.data or {"injected": "skill"}
    return typed + put_in


def _append(reading: KimiReading, record: Record, at: datetime | None) -> None:
    message = mapping(record.value.get("message"))
    parts = content_parts(message.get("content"))
    role = message.get("role")
    if role == "assistant":
        _answer(reading, record, message, parts, at)
    elif role == "tool":
        call = reading.call_answered(record, message.get("toolCallId"))
        failed = message.get("isError") is True
        reading.tell(record.start)
        reading.answer_tool(record, call, text_of(message.get("content")), is_error=failed, at=at)
    elif not reading.is_second(parts):
        origin = mapping(message.get("origin"))
        name = string(origin.get("variant")) or string(origin.get("kind"))
        is_typed = role == "user" and _is_typed(message)
        for part in [] if is_typed else parts[:1]:
            part.data = part.data or {"injected": (name or "context")[:200]}
        reading.ask(record, _as_typed(message, parts), is_typed=is_typed, at=at)


def _answer(
    reading: KimiReading,
    record: Record,
    message: dict[str, Any],
    parts: list[Part],
    at: datetime | None,
) -> None:
    """Add a whole answer: a session taken over from Kimi CLI has no loop events."""
    reading.memory.answer = None
    calls = message.get("toolCalls")
    for fields in map(mapping, calls if type(calls) is list else []):
        function = mapping(fields.get("function")) or fields
        call = _ask(reading, record, fields.get("id"), function, function.get("arguments"), at)
        parts.append(Part("tool_call", tool_call=call))
    reading.add(record, "assistant", "answer", parts, at=at)


def _loop(reading: KimiReading, record: Record, at: datetime | None) -> None:
    event = mapping(record.value.get("event"))
    kind = event.get("type")
    handler = _EVENTS.get(kind) if type(kind) is str else None
    if handler:
        handler(reading, record, event, at)
    elif type(kind) is not str or kind not in SKIPPED_EVENTS:
        reading.add_unknown(record, at)


def _step(reading: KimiReading, record: Record, event: dict[str, Any], at: datetime | None) -> None:
    reading.memory.answer = None


def _content(
    reading: KimiReading, record: Record, event: dict[str, Any], at: datetime | None
) -> None:
    for part in content_parts([event.get("part")])[:1]:
        reading.say(record, part, at)


def _call(reading: KimiReading, record: Record, event: dict[str, Any], at: datetime | None) -> None:
    native = event.get("toolCallId") or event.get("uuid")
    call = _ask(reading, record, native, event, event.get("args"), at)
    reading.say(record, Part("tool_call", tool_call=call), at)


def _ask(
    reading: KimiReading,
    record: Record,
    native: object,
    fields: dict[str, Any],
    given: object,
    at: datetime | None,
) -> str:
    """Add a tool call of the answer being written; return its id."""
    name = string(fields.get("name")) or "unknown"
    arguments = arguments_of(given)
    values = mapping(arguments)
    path = string(values.get("path")) or string(values.get("file_path"))
    return reading.ask_tool(
        record,
        reading.call_asked(record, native),
        record_id("message", reading.answer_key(record)),
        name,
        arguments,
        at=at,
        file_path=path if name in _EDITS else None,
        change=_proposed(name, values),
    )


def _proposed(name: str, fields: dict[str, Any]) -> Change | None:
    """Return what an edit changes: the result does not say."""
    if name not in _EDITS:
        return None
    if name == "Write":
        return Change([], lines_of(string(fields.get("content")) or ""), 0)
    edits = fields.get("edits")
    changes = [
        diff_of_texts(string(edit.get("old_string")) or "", string(edit.get("new_string")) or "")
        for edit in map(mapping, edits if type(edits) is list else [fields])
    ]
    return Change(
        [hunk for change in changes for hunk in change.hunks],
        sum(change.added for change in changes),
        sum(change.removed for change in changes),
    )


def _result(
    reading: KimiReading, record: Record, event: dict[str, Any], at: datetime | None
) -> None:
    result = mapping(event.get("result"))
    reading.tell(record.start)
    reading.answer_tool(
        record,
        reading.call_answered(record, event.get("toolCallId") or event.get("parentUuid")),
        text_of(result.get("output")) or string(result.get("message")) or "",
        is_error=result.get("isError") is True,
        at=at,
    )


def _bill(reading: KimiReading, record: Record, at: datetime | None) -> None:
    _choose(reading, record, at)
    usage = mapping(record.value.get("usage"))
    tokens = Usage(
        input_tokens=count(usage.get("inputOther")),
        output_tokens=count(usage.get("output")),
        cache_read_tokens=count(usage.get("inputCacheRead")),
        cache_write_5m_tokens=count(usage.get("inputCacheCreation")),
    )
    reading.bill(record, tokens, at=at, written=record.value.get("time"))


_HANDLERS: dict[str, Callable[[KimiReading, Record, datetime | None], None]] = {
    "config.update": _configure,
    "context.append_loop_event": _loop,
    "context.append_message": _append,
    "context.apply_compaction": _compact,
    "context.clear": _note,
    "context.undo": _note,
    "forked": _fork,
    "llm.request": _choose,
    "plan_mode.cancel": _note,
    "plan_mode.enter": _note,
    "plan_mode.exit": _note,
    "profile.bind": _configure,
    "swarm_mode.enter": _note,
    "swarm_mode.exit": _note,
    "tower_mode.enter": _note,
    "tower_mode.exit": _note,
    "turn.cancel": _cancel,
    "turn.ended": _end,
    "turn.prompt": _prompt,
    "turn.steer": _prompt,
    "turn.step.retrying": _retry,
    "usage.record": _bill,
}

_EVENTS: dict[str, Callable[[KimiReading, Record, dict[str, Any], datetime | None], None]] = {
    "content.part": _content,
    "step.begin": _step,
    "tool.call": _call,
    "tool.result": _result,
}
