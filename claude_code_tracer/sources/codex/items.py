"""`response_item`: the conversation as the model sees it, and all there was before events (2025).

Texts of it are told again by events, and whichever comes first is kept. Tools stand only here.
Encrypted reasoning is never kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from claude_code_tracer.sources.codex.outputs import Output, joined
from claude_code_tracer.sources.codex.prompts import add_user_item, content_parts
from claude_code_tracer.sources.codex.reading import Entry, Reading
from claude_code_tracer.sources.codex.tools import (
    add_call,
    add_end,
    add_output,
    call_id_of,
    input_of,
    qualified,
)
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = ["ITEM_TYPES", "SKIPPED_ITEMS", "action_text", "add_item", "fresh_texts"]

Handler = Callable[[Reading, Entry], None]

SKIPPED_ITEMS = frozenset(
    {
        "additional_tools",
        "compaction",
        "compaction_summary",
        "compaction_trigger",
        "configuration_update",
        "context_compaction",
        "other",
    }
)


def add_item(reading: Reading, entry: Entry) -> bool:
    """Add an item of the conversation; False when it is of no known type."""
    kind = entry.payload.get("type")
    if kind is None and "role" in entry.payload:
        kind = "message"
    if type(kind) is not str:
        return False
    if kind not in SKIPPED_ITEMS:
        handler = ITEM_TYPES.get(kind)
        if handler is None:
            return False
        handler(reading, entry)
    return True


def fresh_texts(reading: Reading, stream: str, kind: str, texts: list[str]) -> list[str]:
    """Return the texts that the other stream has not told."""
    return [text for text in texts if not reading.state.see_twin(stream, kind, text)]


def _add_message(reading: Reading, entry: Entry) -> None:
    role, content = entry.payload.get("role"), entry.payload.get("content")
    if role == "user":
        add_user_item(reading, entry, content)
    elif role == "assistant":
        _add_answer(reading, entry, content_parts(content))
    else:
        reading.close_answer()
        parts = [Part("text", joined(content), data={"injected": "instructions"})]
        reading.message(entry, "system", "injected", parts, native_id=_id(entry))


def _add_answer(reading: Reading, entry: Entry, parts: list[Part]) -> None:
    texts = [part.text for part in parts if part.text]
    fresh = fresh_texts(reading, "item", "answer", texts)
    parts = [part for part in parts if not part.text or part.text in fresh]
    if not texts and not parts:
        parts = [Part("unknown", data=bounded(entry.payload))]
    reading.answer(entry, parts, _id(entry))


def _add_reasoning(reading: Reading, entry: Entry) -> None:
    for field, kind in (("summary", "thinking"), ("content", "raw_thinking")):
        items = entry.payload.get(field)
        found = (_text(item) for item in items) if type(items) is list else ()
        texts = fresh_texts(reading, "item", kind, [text for text in found if text])
        reading.answer(entry, [Part("thinking", text) for text in texts], _id(entry))


def _text(item: Any) -> str | None:
    return item if type(item) is str else string(mapping(item).get("text"))


def _add_function_call(reading: Reading, entry: Entry) -> None:
    payload = entry.payload
    name = qualified(payload.get("name"), payload.get("namespace"))
    arguments = input_of(payload.get("arguments"))
    add_call(reading, entry, call_id_of(reading, entry), name, arguments)


def _add_custom_call(reading: Reading, entry: Entry) -> None:
    payload = entry.payload
    name = qualified(payload.get("name"), payload.get("namespace"))
    add_call(reading, entry, call_id_of(reading, entry), name, input_of(payload.get("input")))


def _add_shell_call(reading: Reading, entry: Entry) -> None:
    call = call_id_of(reading, entry)
    add_call(reading, entry, call, "local_shell", entry.payload.get("action"))


def _add_search_call(reading: Reading, entry: Entry) -> None:
    call = call_id_of(reading, entry)
    add_call(reading, entry, call, "tool_search", entry.payload.get("arguments"))


def _add_web_search(reading: Reading, entry: Entry) -> None:
    action = entry.payload.get("action")
    if action is not None and reading.state.see_twin("item", "search", action_text(action)):
        return
    is_failed = entry.payload.get("status") == "failed"
    output = Output(None, is_failed)
    call = call_id_of(reading, entry)
    add_end(
        reading,
        entry,
        call,
        output,
        name="web_search",
        input=action,
        started_at=entry.at,
        is_item=True,
    )


def action_text(action: object) -> str:
    """Return what makes two tellings of one search the same: what was searched for."""
    fields = mapping(action)
    asked = {name: fields.get(name) for name in ("query", "queries", "url", "pattern")}
    return json.dumps({name: value for name, value in asked.items() if value})


def _add_image_call(reading: Reading, entry: Entry) -> None:
    payload = entry.payload
    data = string(payload.get("result")) or ""
    text = f"[image: {len(data) * 3 // 4} bytes]" if data else None
    output = Output(text, payload.get("status") == "failed")
    asked = {"prompt": payload.get("revised_prompt")}
    call = call_id_of(reading, entry)
    add_end(reading, entry, call, output, name="image_generation", input=asked, is_item=True)


def _add_output(reading: Reading, entry: Entry) -> None:
    add_output(reading, entry, call_id_of(reading, entry), entry.payload.get("output"))


def _add_found_tools(reading: Reading, entry: Entry) -> None:
    tools = entry.payload.get("tools")
    found = (mapping(tool).get("name") for tool in tools) if type(tools) is list else ()
    names = "\n".join(name for name in found if type(name) is str)
    add_output(reading, entry, call_id_of(reading, entry), names)


def _add_agent_message(reading: Reading, entry: Entry) -> None:
    """Add what one agent wrote to another."""
    payload = entry.payload
    reading.close_answer()
    data = {"author": payload.get("author"), "recipient": payload.get("recipient")}
    parts = [Part("text", joined(payload.get("content")), data={"injected": "agent", **data})]
    reading.message(entry, "user", "injected", parts, native_id=_id(entry))


def _add_snapshot(reading: Reading, entry: Entry) -> None:
    commit = mapping(entry.payload.get("ghost_commit"))
    known = {name: string(commit.get(name)) for name in ("id", "parent")}
    reading.notice(entry, None, {"ghost_commit": known})


def _id(entry: Entry) -> str | None:
    return identifier(entry.payload.get("id"))


ITEM_TYPES: dict[str, Handler] = {
    "agent_message": _add_agent_message,
    "custom_tool_call": _add_custom_call,
    "custom_tool_call_output": _add_output,
    "function_call": _add_function_call,
    "function_call_output": _add_output,
    "ghost_snapshot": _add_snapshot,
    "image_generation_call": _add_image_call,
    "local_shell_call": _add_shell_call,
    "local_shell_call_output": _add_output,
    "message": _add_message,
    "reasoning": _add_reasoning,
    "tool_search_call": _add_search_call,
    "tool_search_output": _add_found_tools,
    "web_search_call": _add_web_search,
}
