"""`item_completed`: what happened in a turn, as versions from 0.147 on write it.

The item's type is written in PascalCase. It replaces the events of `events`: prompts and answers
are told here and in the conversation, a tool's end only here. An item whose id is that of a call
in the conversation is that call's end; one inside a script is a call of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from claude_code_tracer.sources.codex.events import (
    add_command,
    add_compaction_event,
    add_image,
    add_mcp_call,
    add_patch,
    add_review,
    add_search,
)
from claude_code_tracer.sources.codex.items import fresh_texts
from claude_code_tracer.sources.codex.layout import is_thread_id
from claude_code_tracer.sources.codex.outputs import Output, joined
from claude_code_tracer.sources.codex.prompts import add_user_event, image_part
from claude_code_tracer.sources.codex.reading import Entry, Reading
from claude_code_tracer.sources.codex.tools import add_end
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.values import count, identifier, mapping, string

__all__ = ["SKIPPED_TURN_ITEMS", "TURN_ITEMS", "add_turn_item"]

Handler = Callable[[Reading, Entry, dict[str, Any], str], None]

SKIPPED_TURN_ITEMS = frozenset({"FunctionCallOutput", "ImageView", "Sleep"})


def add_turn_item(reading: Reading, entry: Entry) -> bool:
    """Add an item of a turn; False when it is of no known type."""
    item = mapping(entry.payload.get("item"))
    kind = item.get("type")
    if type(kind) is not str:
        return False
    if kind not in SKIPPED_TURN_ITEMS and not _is_anothers(reading, entry, kind):
        handler = TURN_ITEMS.get(kind)
        if handler is None:
            return False
        id = identifier(item.get("id")) or f"@{reading.key(entry.start)}"
        handler(reading, entry, item, id)
    return True


def _is_anothers(reading: Reading, entry: Entry, kind: str) -> bool:
    """Tell whether an item is of a reviewer, whose own file has it, too; but what it was asked."""
    thread = string(entry.payload.get("thread_id"))
    if thread is None or thread == reading.session:
        return False
    is_known = is_thread_id(thread) and is_thread_id(reading.session)
    return is_known and not (reading.state.review and kind == "UserMessage")


def _add_user(reading: Reading, entry: Entry, item: dict[str, Any], _: str) -> None:
    content = item.get("content")
    parts = [mapping(part) for part in content] if type(content) is list else []
    text = "".join(string(part.get("text")) or "" for part in parts)
    media = [image for part in parts if (image := image_part(part))]
    add_user_event(reading, entry, text, media)


def _add_answer(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    _add_texts(reading, entry, "answer", item.get("content"), id)


def _add_texts(reading: Reading, entry: Entry, kind: str, content: object, id: str) -> None:
    found = (_text(part) for part in content) if type(content) is list else ()
    fresh = fresh_texts(reading, "event", kind, [text for text in found if text])
    is_answer = kind == "answer"
    parts = [Part("text" if is_answer else "thinking", text) for text in fresh]
    reading.answer(entry, parts, id)


def _text(part: Any) -> str | None:
    return part if type(part) is str else string(mapping(part).get("text"))


def _add_thinking(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    _add_texts(reading, entry, "thinking", item.get("summary_text"), id)
    _add_texts(reading, entry, "raw_thinking", item.get("raw_content"), id)


def _add_plan(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    text = string(item.get("text"))
    reading.answer(entry, [Part("text", text, data={"codex": "plan"})] if text else [], id)


def _add_hook(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    reading.close_answer()
    parts = [Part("text", joined(item.get("fragments")), data={"injected": "hook"})]
    reading.message(entry, "user", "injected", parts, native_id=id)


def _add_command(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    add_command(reading, entry, id, item)


def _add_patch(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    add_patch(reading, entry, id, item)


def _add_mcp_call(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    add_mcp_call(reading, entry, id, item, item)


def _add_search(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    add_search(reading, entry, id, item)


def _add_image(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    add_image(reading, entry, id, item)


def _add_extension(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    kind = string(item.get("kind")) or "extension"
    if kind == "web.search":
        add_search(reading, entry, id, item)
    elif kind == "image_gen.generation":
        add_image(reading, entry, id, item)
    elif id not in reading.state.tools:  # otherwise its output stands in the conversation
        asked = {name: item[name] for name in ("query", "durationMs") if name in item}
        add_end(reading, entry, id, Output(None, None), name=kind, input=asked)


def _add_dynamic_call(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    text = string(item.get("error")) or joined(item.get("content_items"))
    success = item.get("success")
    is_error = not success if type(success) is bool else item.get("status") == "failed"
    add_end(
        reading,
        entry,
        id,
        Output(text, is_error),
        name=string(item.get("tool")) or "unknown",
        input=item.get("arguments"),
        started_at=_began(entry),
    )


def _add_agent_call(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    receivers = item.get("receiver_thread_ids")
    first = receivers[0] if type(receivers) is list and receivers else None
    tool = string(item.get("tool")) or "unknown"
    if id in reading.state.tools:  # its output stands in the conversation
        agent = identifier(first) if tool == "spawn_agent" else None
        if agent:
            reading.draft.tool_call(reading.session, entry.start, id, agent_session=agent)
        return
    add_end(
        reading,
        entry,
        id,
        Output(None, item.get("status") == "failed"),
        name=tool,
        input={"prompt": item.get("prompt")},
        agent=identifier(first) if tool == "spawn_agent" else None,
        started_at=_began(entry),
    )


def _add_activity(reading: Reading, entry: Entry, item: dict[str, Any], id: str) -> None:
    agent = identifier(item.get("agent_thread_id"))
    if agent and item.get("kind") == "started" and id in reading.state.tools:
        reading.draft.tool_call(reading.session, entry.start, id, agent_session=agent)


def _began(entry: Entry) -> datetime | None:
    ms = count(entry.payload.get("started_at_ms"), 4 * 10**12)
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None


def _add_compaction(reading: Reading, entry: Entry, _: dict[str, Any], __: str) -> None:
    add_compaction_event(reading, entry)


def _add_review(reading: Reading, entry: Entry, item: dict[str, Any], _: str) -> None:
    add_review(reading, entry, item)


TURN_ITEMS: dict[str, Handler] = {
    "AgentMessage": _add_answer,
    "CollabAgentToolCall": _add_agent_call,
    "CommandExecution": _add_command,
    "ContextCompaction": _add_compaction,
    "DynamicToolCall": _add_dynamic_call,
    "EnteredReviewMode": _add_review,
    "ExitedReviewMode": _add_review,
    "Extension": _add_extension,
    "FileChange": _add_patch,
    "HookPrompt": _add_hook,
    "ImageGeneration": _add_image,
    "McpToolCall": _add_mcp_call,
    "Plan": _add_plan,
    "Reasoning": _add_thinking,
    "SubAgentActivity": _add_activity,
    "UserMessage": _add_user,
    "WebSearch": _add_search,
}
