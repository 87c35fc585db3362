"""The events of a Copilot session: `{type, data, id, timestamp, parentId}`, one per line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from claude_code_tracer.model import MessageKind
from claude_code_tracer.sources.copilot.state import CopilotReading
from claude_code_tracer.sources.copilot.tools import ask_tool, finish_tool, start_tool
from claude_code_tracer.sources.copilot.usage import Counts, counts_of
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.saved import digest
from claude_code_tracer.sources.values import bounded, count, identifier, mapping, string, when

__all__ = ["SKIPPED", "read_event"]

SKIPPED = frozenset(
    {
        "assistant.idle",
        "assistant.fusion_phase_completed",
        "assistant.fusion_phase_failed",
        "assistant.intent",
        "assistant.message_delta",
        "assistant.message_start",
        "assistant.reasoning_delta",
        "assistant.streaming_delta",
        "assistant.turn_end",
        "assistant.turn_start",
        "assistant.usage",  # only while it runs: what it says is in the totals
        "capabilities.changed",
        "command.completed",
        "command.execute",
        "command.queued",
        "commands.changed",
        "elicitation.completed",
        "elicitation.requested",
        "exit_plan_mode.completed",
        "exit_plan_mode.requested",
        "external_tool.completed",
        "external_tool.requested",
        "hook.end",
        "hook.start",
        "pending_messages.modified",
        "permission.completed",
        "permission.requested",
        "session.autopilot_objective_changed",
        "session.background_tasks_changed",
        "session.binary_asset",
        "session.canvas.recorded",
        "session.canvas.removed",
        "session.compaction_start",
        "session.completion_receipt",
        "session.custom_agents_updated",
        "session.extensions_loaded",
        "session.fusion_completed",
        "session.fusion_resolved",
        "session.fusion_route_failed",
        "session.idle",
        "session.info",
        "session.mcp_server_status_changed",
        "session.mcp_servers_loaded",
        "session.mode_notice_delivered",
        "session.permissions_changed",
        "session.plan_changed",
        "session.remote_steerable_changed",
        "session.schedule_cancelled",
        "session.schedule_created",
        "session.schedule_rearmed",
        "session.session_limits_changed",
        "session.skills_loaded",
        "session.snapshot_rewind",
        "session.task_complete",
        "session.tools_updated",
        "session.usage_checkpoint",  # credits so far, no tokens
        "session.usage_info",
        "session.workspace_file_changed",
        "subagent.deselected",
        "subagent.selected",
        "tool.execution_partial_result",
        "tool.execution_progress",
        "tool_search.activated",
        "user_input.completed",
        "user_input.requested",
    }
)
"""Bookkeeping of the tool: nothing that happened in the session, or what another event repeats."""

_NOTIFICATION = "<system_notification>"
_OTHER_SESSION = "<cross_session_message"
"""What another session sent is told as a message that has this around it for the model only."""


def read_event(reading: CopilotReading, record: Record) -> None:
    """Add what one event says."""
    kind = record.value.get("type")
    if type(kind) is not str or type(record.value.get("data")) is not dict:
        reading.add_unknown(record, when(record.value.get("timestamp")), _key(record))
    elif kind not in SKIPPED and record.value.get("ephemeral") is not True:
        _HANDLERS.get(kind, _add_unknown)(reading, record, record.value["data"])


def _key(record: Record) -> str | None:
    return identifier(record.value.get("id"))


def _add_unknown(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    reading.add_unknown(record, when(record.value.get("timestamp")), _key(record))


def _add(
    reading: CopilotReading,
    record: Record,
    kind: MessageKind,
    parts: list[Part],
    flags: tuple[str, ...] = (),
) -> None:
    """Add a message that the model did not write."""
    reading.add(
        record,
        "user" if kind in ("prompt", "injected") else "system",
        kind,
        parts,
        at=when(record.value.get("timestamp")),
        key=_key(record),
        session=reading.session_of(record),
        native_id=_key(record),
        flags=flags,
    )


# The session -----------------------------------------------------------------------------------


def _start(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    context = mapping(data.get("context"))
    reading.tell(
        max(record.start, 1),  # what the database says of a session is older than any event: 0
        cwd=context.get("cwd"),
        branch=context.get("branch"),
        tool_version=data.get("copilotVersion"),
    )
    reading.model_chosen(data.get("selectedModel"), record)


def _change_context(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    reading.tell(record.start, cwd=data.get("cwd"), branch=data.get("branch"))


def _change_model(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    model = string(data.get("newModel"))
    if reading.agent_call(record) is None:
        reading.model_chosen(model, record)
    else:
        reading.agent_model_chosen(model, record)
    _add(reading, record, "notice", [Part("text", f"model: {model[:200]}")] if model else [])


def _route(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    reading.model_chosen(data.get("chosenModel"), record)


def _change_title(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    reading.tell_title(record.start, data.get("title"), "generated")


def _shut_down(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    """Take what the session used of each model since it began."""
    metrics = mapping(data.get("modelMetrics"))
    at = when(record.value.get("timestamp"))
    reading.tell(record.start)
    for name, metric in metrics.items():
        model = identifier(name)
        counts = counts_of(mapping(mapping(metric).get("usage")))
        if counts is None:
            own, of_all = mapping(metric).get("tokenDetails"), data.get("tokenDetails")
            counts = _details(mapping(own or (of_all if len(metrics) == 1 else None)))
        if model and counts:
            reading.used(model, counts, at, record.start)


def _record_usage(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    """Take what one request used (from 1.0.100 or so on)."""
    usage = mapping(data.get("usage"))
    model, counts = identifier(usage.get("model")), counts_of(usage)
    if model and counts:
        reading.tell(record.start)
        reading.recorded(model, counts, when(record.value.get("timestamp")), record.start)


def _details(details: dict[str, Any]) -> Counts | None:
    """Return billed tokens by their kind: `input` leaves the cached ones out."""
    names = ("input", "output", "cache_read", "cache_write")
    found = [count(mapping(details.get(name)).get("tokenCount")) for name in names]
    return Counts(*(number or 0 for number in found)) if any(found) else None


def _note(name: str, *flags: str) -> Callable[[CopilotReading, Record, dict[str, Any]], None]:
    """Return a handler that adds a notice with the text that the event has under `name`."""

    def add(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
        text = string(data.get(name)) or string(data.get("message"))
        kept = {key: data[key] for key in ("errorType", "statusCode", "newMode") if key in data}
        part = Part("text", text or record.value["type"], data=bounded(kept) or None)
        _add(reading, record, "notice", [part], flags)

    return add


def _compact(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    if data.get("success") is False:
        _note("error")(reading, record, data)
        return
    text = string(data.get("summaryContent"))
    facts = {
        name: number
        for name in ("preCompactionTokens", "tokensRemoved")
        if (number := count(data.get(name))) is not None
    }
    _add(reading, record, "compaction", [Part("text", text, data=facts or None)])


# The conversation ------------------------------------------------------------------------------


def _ask(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    """Add what a person typed, or what the tool asked in their place."""
    text = string(data.get("content"))
    parts = [Part("text", text)] if text else []
    attachments = data.get("attachments")
    for item in attachments if type(attachments) is list else []:
        parts.append(_attachment(mapping(item)))
    is_typed = bool(parts) and reading.agent_call(record) is None and _is_typed(data, text or "")
    if is_typed:
        reading.tell_prompt(record.start, text)
    _add(reading, record, "prompt" if is_typed else "injected", parts)


def _is_typed(data: dict[str, Any], text: str) -> bool:
    """Tell whether a person typed a message, as far as the message itself says.

    `parentAgentTaskId` says nothing: newer versions write it for every prompt.
    """
    if data.get("source") not in (None, "", "user") or data.get("isAutopilotContinuation") is True:
        return False
    sent = string(data.get("transformedContent")) or ""
    is_anothers = _OTHER_SESSION in sent and _OTHER_SESSION not in text
    return not is_anothers and not text.lstrip().startswith(_NOTIFICATION)


def _attachment(item: dict[str, Any]) -> Part:
    names = ("type", "path", "displayName", "filePath", "mimeType")
    facts = {name: value[:1000] for name in names if (value := string(item.get(name)))}
    kind = facts.pop("type", "document")
    return Part("image" if kind in ("image", "blob") else "document", data=facts)


def _inject(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    text = string(data.get("content")) or string(data.get("name"))
    kind = record.value["type"].replace(".", " ")
    _add(reading, record, "injected", [Part("text", text, data={"injected": kind})])


def _think(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    """Add a thought; the answer that follows repeats it."""
    if text := string(data.get("content")):
        reading.memory.thought = digest(text)
        _answer_with(reading, record, [Part("thinking", text)])


def _answer(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    thought, text = string(data.get("reasoningText")), string(data.get("content"))
    parts = []
    if thought and digest(thought) != reading.memory.thought:
        parts.append(Part("thinking", thought))
    if text:
        parts.append(Part("text", text))
    requests = data.get("toolRequests")
    for index, request in enumerate(requests if type(requests) is list else []):
        parts.append(ask_tool(reading, record, mapping(request), index, _key(record)))
    reading.memory.thought = None
    reading.answered(record, when(record.value.get("timestamp")))
    _answer_with(reading, record, parts)


def _answer_with(reading: CopilotReading, record: Record, parts: list[Part]) -> None:
    reading.add(
        record,
        "assistant",
        "answer",
        parts,
        at=when(record.value.get("timestamp")),
        key=_key(record),
        session=reading.session_of(record),
        native_id=identifier(record.value["data"].get("messageId")) or _key(record),
        model=reading.model_of(record),
    )


def _start_agent(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    if call := identifier(data.get("toolCallId")):
        reading.start_agent(record, call)
        agent = string(data.get("agentName"))
        reading.agent_model_chosen(data.get("model"), record)
        session = reading.agent_session(record, call, agent_type=agent)
        reading.tool_call(reading.native, record.start, call, agent_session=session)


def _configure_agent(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    reading.agent_model_chosen(data.get("model"), record)


def _end_agent(reading: CopilotReading, record: Record, data: dict[str, Any]) -> None:
    if record.value["type"] == "subagent.failed":
        _note("error")(reading, record, data)


_HANDLERS: dict[str, Callable[[CopilotReading, Record, dict[str, Any]], None]] = {
    "abort": _note("reason", "interrupted"),
    "assistant.message": _answer,
    "assistant.reasoning": _think,
    "model.call_failure": _note("errorMessage", "api_error"),
    "session.auto_mode_resolved": _route,
    "session.compaction_complete": _compact,
    "session.context_changed": _change_context,
    "session.context_cleared": _note("reason"),
    "session.error": _note("message", "api_error"),
    "session.handoff": _note("summary"),
    "session.mode_changed": _note("newMode"),
    "session.model_change": _change_model,
    "session.resume": _start,
    "session.shutdown": _shut_down,
    "session.start": _start,
    "session.title_changed": _change_title,
    "session.truncation": _note("reason"),
    "session.usage_record": _record_usage,
    "session.warning": _note("message"),
    "skill.invoked": _inject,
    "subagent.completed": _end_agent,
    "subagent.configured": _configure_agent,
    "subagent.failed": _end_agent,
    "subagent.started": _start_agent,
    "system.message": _inject,
    "system.notification": _inject,
    "tool.execution_complete": finish_tool,
    "tool.execution_start": start_tool,
    "tool.user_requested": start_tool,
    "user.message": _ask,
}
