"""`event_msg`: what the tool showed to the person while it happened, up to version 0.146.

Later versions write most of it as `item_completed` (see `turn_items`); both can stand in one file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from claude_code_tracer.sources.codex.items import action_text, fresh_texts
from claude_code_tracer.sources.codex.outputs import Output, exec_output, joined
from claude_code_tracer.sources.codex.patches import reported
from claude_code_tracer.sources.codex.prompts import add_user_event, image_part
from claude_code_tracer.sources.codex.reading import Entry, Reading
from claude_code_tracer.sources.codex.state import digest
from claude_code_tracer.sources.codex.tools import add_end, call_id_of
from claude_code_tracer.sources.codex.usage import add_settings, add_token_count, set_turn
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.values import bounded, count, identifier, mapping, string

__all__ = [
    "EVENT_TYPES",
    "SKIPPED_EVENTS",
    "add_command",
    "add_compaction_event",
    "add_image",
    "add_mcp_call",
    "add_patch",
    "add_review",
    "add_search",
]

Handler = Callable[[Reading, Entry], None]

SKIPPED_EVENTS = frozenset(
    {
        "agent_message_content_delta",
        "agent_message_delta",
        "agent_reasoning_delta",
        "agent_reasoning_raw_content_delta",
        "agent_reasoning_section_break",
        "apply_patch_approval_request",
        "auth_recovery_completed",
        "auth_recovery_started",
        "collab_agent_interaction_begin",
        "collab_agent_interaction_end",
        "collab_agent_spawn_begin",
        "collab_close_begin",
        "collab_close_end",
        "collab_resume_begin",
        "collab_resume_end",
        "collab_waiting_begin",
        "collab_waiting_end",
        "conversation_path",
        "dynamic_tool_call_request",
        "dynamic_tool_call_response",
        "elicitation_abandoned",
        "elicitation_request",
        "environment_connected",
        "environment_disconnected",
        "exec_approval_request",
        "exec_command_begin",
        "exec_command_output_delta",
        "get_history_entry_response",
        "hook_completed",
        "hook_started",
        "image_generation_begin",
        "item_started",
        "list_custom_prompts_response",
        "list_skills_response",
        "mcp_list_tools_response",
        "mcp_startup_complete",
        "mcp_startup_update",
        "mcp_tool_call_begin",
        "model_verification",
        "patch_apply_begin",
        "patch_apply_updated",
        "plan_delta",
        "plan_update",
        "raw_response_completed",
        "raw_response_item",
        "realtime_conversation_closed",
        "realtime_conversation_list_voices_response",
        "realtime_conversation_realtime",
        "realtime_conversation_sdp",
        "realtime_conversation_started",
        "reasoning_content_delta",
        "reasoning_raw_content_delta",
        "request_permissions",
        "request_user_input",
        "safety_buffering",
        "session_configured",
        "shutdown_complete",
        "skills_update_available",
        "terminal_interaction",
        "thread_goal_updated",
        "thread_queue_changed",
        "turn_diff",
        "turn_moderation_metadata",
        "undo_started",
        "view_image_tool_call",
        "web_search_begin",
    }
)


def _add_user(reading: Reading, entry: Entry) -> None:
    payload = entry.payload
    shown, local = payload.get("images"), payload.get("local_images")
    images = list(shown) if type(shown) is list else []
    images += [{"path": path} for path in local] if type(local) is list else []
    media = [part for image in images if (part := image_part(image))]
    add_user_event(reading, entry, string(payload.get("message")) or "", media)


def _add_answer(reading: Reading, entry: Entry) -> None:
    text = string(entry.payload.get("message"))
    texts = fresh_texts(reading, "event", "answer", [text] if text else [])
    reading.answer(entry, [Part("text", text) for text in texts])


def _add_thinking(reading: Reading, entry: Entry) -> None:
    is_raw = entry.payload.get("type") == "agent_reasoning_raw_content"
    text = string(entry.payload.get("text"))
    kind = "raw_thinking" if is_raw else "thinking"
    texts = fresh_texts(reading, "event", kind, [text] if text else [])
    reading.answer(entry, [Part("thinking", text) for text in texts])


def _begin_turn(reading: Reading, entry: Entry) -> None:
    reading.leave_answer()
    reading.state.attached = 0
    set_turn(reading, entry)


def _end_turn(reading: Reading, entry: Entry) -> None:
    reading.settle_prompts(entry)
    reading.close_answer()
    error = mapping(entry.payload.get("error"))
    if error:
        _tell_error(reading, entry, error)


def _add_error(reading: Reading, entry: Entry) -> None:
    nested = mapping(entry.payload.get("error"))
    _tell_error(reading, entry, nested or entry.payload)


def _tell_error(reading: Reading, entry: Entry, error: dict[str, Any]) -> None:
    info = error.get("codex_error_info", error.get("kind"))
    data = {"error": bounded(info)} if info is not None else None
    reading.notice(entry, string(error.get("message")) or "error", data, ["api_error"])


def _add_abort(reading: Reading, entry: Entry) -> None:
    reading.settle_prompts(entry)
    reason = string(entry.payload.get("reason")) or "interrupted"
    reading.notice(entry, f"turn aborted: {reason[:200]}", None, ["interrupted"])


def _add_rollback(reading: Reading, entry: Entry) -> None:
    turns = count(entry.payload.get("num_turns"))
    many = "turns" if turns is None else f"{turns} turn{'s' if turns != 1 else ''}"
    reading.notice(entry, f"{many} rolled back", None, ["rolled_back"])


def _add_note(reading: Reading, entry: Entry) -> None:
    payload = entry.payload
    names = ("message", "summary", "reason", "user_facing_hint", "prompt", "type")
    text = next(filter(None, (string(payload.get(name)) for name in names)), None)
    reading.notice(entry, text)


def _add_guardian(reading: Reading, entry: Entry) -> None:
    payload = entry.payload
    status = string(payload.get("status"))
    if status == "in_progress":
        return
    names = ("risk_level", "user_authorization", "rationale", "decision_source")
    data = {name: payload[name] for name in names if payload.get(name) is not None}
    reading.notice(entry, f"guardian: {status or 'assessed'}", bounded(data) or None)


def _add_name(reading: Reading, entry: Entry) -> None:
    if entry.payload.get("thread_id") in (None, reading.session):
        reading.title(entry.start, entry.payload.get("thread_name"), "custom")


def add_compaction_event(reading: Reading, entry: Entry) -> None:
    """Note a compaction, unless its own record told it."""
    if not reading.state.see_twin("event", "compaction", ""):
        reading.close_answer()
        reading.state.compaction = reading.message(entry, "system", "compaction", ())


def add_review(reading: Reading, entry: Entry, value: dict[str, Any]) -> None:
    """Note that a review began or what came of it."""
    found = mapping(value.get("review_output"))
    hint = string(value.get("user_facing_hint")) or string(value.get("review"))
    text = string(found.get("overall_explanation")) or hint
    kind = string(value.get("type")) or ""
    is_begin = kind.startswith(("entered", "Entered"))
    reading.state.review = [digest(text or "")] if is_begin else None
    reading.notice(entry, text or "review", bounded(found) or None)


def _add_review(reading: Reading, entry: Entry) -> None:
    add_review(reading, entry, entry.payload)


# Ends of tool calls -------------------------------------------------------------------------------


def add_command(reading: Reading, entry: Entry, call: str, value: dict[str, Any]) -> None:
    """Add how a command ended."""
    asked = {name: value[name] for name in ("command", "cwd") if value.get(name) is not None}
    began = began_at(entry, value)
    add_end(
        reading,
        entry,
        call,
        exec_output(value),
        name="exec_command",
        input=asked,
        started_at=began,
        by_person=value.get("source") == "user_shell",
    )


def _add_command(reading: Reading, entry: Entry) -> None:
    add_command(reading, entry, call_id_of(reading, entry), entry.payload)


def began_at(entry: Entry, value: dict[str, Any]) -> datetime | None:
    """Return when something that took `duration` and has just ended began."""
    told = mapping(value.get("duration"))
    seconds, nanos = count(told.get("secs"), 10**7), count(told.get("nanos"), 10**9)
    if entry.at is None or seconds is None:
        return None
    return entry.at - timedelta(seconds=seconds, microseconds=(nanos or 0) // 1000)


def add_patch(reading: Reading, entry: Entry, call: str, value: dict[str, Any]) -> None:
    """Add what an edit changed."""
    success, status = value.get("success"), value.get("status")
    is_error = success is False or status in ("failed", "declined")
    is_known = type(success) is bool or type(status) is str
    texts = (string(value.get("stdout")), string(value.get("stderr")))
    output = Output("\n".join(filter(None, texts)), is_error if is_known else None)
    patch = reported(value.get("changes"))
    asked = {"files": patch.paths} if patch else None
    add_end(
        reading, entry, call, output, name="apply_patch", input=asked, patch=patch, is_edit=True
    )


def _add_patch(reading: Reading, entry: Entry) -> None:
    add_patch(reading, entry, call_id_of(reading, entry), entry.payload)


def add_mcp_call(
    reading: Reading, entry: Entry, call: str, asked: dict[str, Any], value: dict[str, Any]
) -> None:
    """Add what an MCP server answered; `asked` names the server, the tool and the arguments."""
    result = mapping(value.get("result"))
    answer = mapping(result.get("Ok")) or result
    error = result.get("Err", mapping(value.get("error")).get("message"))
    is_error = error is not None or answer.get("isError") is True or answer.get("is_error") is True
    text = string(error) or joined(answer.get("content"))
    server, tool = string(asked.get("server")) or "unknown", string(asked.get("tool")) or "unknown"
    add_end(
        reading,
        entry,
        call,
        Output(text, is_error),
        name=f"mcp__{server}__{tool}",
        input=asked.get("arguments"),
        started_at=began_at(entry, value),
    )


def _add_mcp_call(reading: Reading, entry: Entry) -> None:
    asked = mapping(entry.payload.get("invocation"))
    add_mcp_call(reading, entry, call_id_of(reading, entry), asked, entry.payload)


def add_search(reading: Reading, entry: Entry, call: str, value: dict[str, Any]) -> None:
    """Add a web search, unless the conversation told it."""
    action = value.get("action") or {"query": value.get("query")}
    if reading.state.see_twin("event", "search", action_text(action)):
        return
    results = value.get("results")
    lines = (
        " ".join(filter(None, (string(mapping(one).get(name)) for name in ("title", "url"))))
        for one in (results if type(results) is list else ())
    )
    output = Output("\n".join(filter(None, lines)) or None, False)
    add_end(reading, entry, call, output, name="web_search", input=action, started_at=entry.at)


def _add_search(reading: Reading, entry: Entry) -> None:
    add_search(reading, entry, call_id_of(reading, entry), entry.payload)


def add_image(reading: Reading, entry: Entry, call: str, value: dict[str, Any]) -> None:
    """Add that an image was made: its size, or where it lies."""
    data = string(value.get("result")) or ""
    path = string(value.get("saved_path")) or string(value.get("savedPath"))
    text = path or (f"[image: {len(data) * 3 // 4} bytes]" if data else None)
    prompt = value.get("revised_prompt", value.get("revisedPrompt"))
    output = Output(text, value.get("status") == "failed")
    add_end(reading, entry, call, output, name="image_generation", input={"prompt": prompt})


def _add_image(reading: Reading, entry: Entry) -> None:
    add_image(reading, entry, call_id_of(reading, entry), entry.payload)


def _add_spawn(reading: Reading, entry: Entry) -> None:
    """Note which session a call to spawn an agent started."""
    payload = entry.payload
    agent = identifier(payload.get("new_thread_id")) or identifier(payload.get("agent_thread_id"))
    call = identifier(payload.get("call_id")) or identifier(payload.get("event_id"))
    is_start = payload.get("kind", "started") == "started"
    if agent and call and is_start and call in reading.state.tools:
        reading.draft.tool_call(reading.session, entry.start, call, agent_session=agent)


EVENT_TYPES: dict[str, Handler] = {
    "agent_message": _add_answer,
    "agent_reasoning": _add_thinking,
    "agent_reasoning_raw_content": _add_thinking,
    "background_event": _add_note,
    "collab_agent_spawn_end": _add_spawn,
    "context_compacted": add_compaction_event,
    "deprecation_notice": _add_note,
    "entered_review_mode": _add_review,
    "error": _add_error,
    "exec_command_end": _add_command,
    "exited_review_mode": _add_review,
    "guardian_assessment": _add_guardian,
    "guardian_warning": _add_note,
    "image_generation_end": _add_image,
    "mcp_tool_call_end": _add_mcp_call,
    "model_reroute": _add_note,
    "patch_apply_end": _add_patch,
    "stream_error": _add_error,
    "sub_agent_activity": _add_spawn,
    "task_complete": _end_turn,
    "task_started": _begin_turn,
    "thread_name_updated": _add_name,
    "thread_rolled_back": _add_rollback,
    "thread_settings_applied": add_settings,
    "token_count": add_token_count,
    "turn_aborted": _add_abort,
    "turn_complete": _end_turn,
    "turn_started": _begin_turn,
    "undo_completed": _add_note,
    "user_message": _add_user,
    "warning": _add_note,
    "web_search_end": _add_search,
}
