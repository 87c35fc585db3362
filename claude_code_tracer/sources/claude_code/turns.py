"""The records of the conversation itself: `user` and `assistant`."""

from __future__ import annotations

from typing import Any

from claude_code_tracer.model import MessageKind
from claude_code_tracer.sources.claude_code.prompts import (
    INTERRUPTED,
    has_human_origin,
    is_typed,
    split_wrapped,
)
from claude_code_tracer.sources.claude_code.reading import Entry, Reading, entry_of
from claude_code_tracer.sources.claude_code.tools import (
    add_tool_call,
    add_tool_result,
    media_part,
)
from claude_code_tracer.sources.claude_code.usage import SYNTHETIC, add_model_call
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.values import bounded, identifier, mapping

__all__ = ["add_assistant", "add_typed", "add_unknown", "add_user", "content_parts", "keep_raw"]


def add_unknown(reading: Reading, record: Record) -> None:
    """Keep a record that this version does not know, as it was written."""
    keep_raw(reading, entry_of(record))


def keep_raw(reading: Reading, entry: Entry) -> None:
    """Keep a record of the conversation that this version does not know."""
    part = Part("unknown", data=bounded(entry.value))
    reading.message(entry, "system", "unknown", [part])


def add_user(reading: Reading, record: Record) -> None:
    """Add a prompt, what the tool wrote in its place, or the results of tool calls."""
    entry = reading.chain(record)
    value = entry.value
    message = value.get("message")
    content = message if type(message) is str else mapping(message).get("content")
    results: list[dict[str, Any]] = []
    rest: list[Any] = []
    for block in content if type(content) is list else [content]:
        if type(block) is dict and block.get("type") == "tool_result":
            results.append(block)
        else:
            rest.append(block)
    outcome = value.get("toolUseResult") if len(results) == 1 else None
    for block in results:
        add_tool_result(reading, entry, block, outcome)
    parts = content_parts(rest) if rest else []
    if parts or not results:
        add_typed(reading, entry, parts, is_human=has_human_origin(value))


def add_typed(reading: Reading, entry: Entry, parts: list[Part], *, is_human: bool) -> None:
    """Add a message in the user's role; `is_human` says that a person may have typed it."""
    typed = [part for part in parts if is_typed(part)]
    texts = [part.text for part in typed if part.text]
    flags = []
    kind: MessageKind = "injected"
    if entry.value.get("isCompactSummary") is True:
        kind = "compaction"
    elif parts and (parts[0].text or "").startswith(INTERRUPTED):
        kind, flags = "notice", ["interrupted"]
    elif typed and is_human and not reading.is_agent:
        kind = "prompt"
    if texts and (kind == "prompt" or (reading.is_agent and not reading.is_replay)):
        reading.first_prompt(entry.start, texts[0])
    reading.message(entry, "user", kind, parts, flags=flags)


def content_parts(blocks: list[Any]) -> list[Part]:
    """Return what a user's content consists of."""
    parts: list[Part] = []
    for block in blocks:
        fields = mapping(block)
        text = block if type(block) is str else fields.get("text")
        media = media_part(fields)
        if type(text) is str and fields.get("type", "text") == "text":
            parts += split_wrapped(text)
        elif media:
            parts.append(media)
        elif block is not None:
            parts.append(Part("unknown", data=bounded(block)))
    return parts


def add_assistant(reading: Reading, record: Record) -> None:
    """Add one line of an answer: usually one block of it, and the usage so far."""
    entry = reading.chain(record)
    value = entry.value
    message = value.get("message")
    if type(message) is not dict:
        keep_raw(reading, entry)
        return
    answer_id = identifier(message.get("id"))
    message_id = reading.message_id(answer_id or entry.line_id)
    content = message.get("content")
    parts: list[Part] = []
    for index, block in enumerate(content if type(content) is list else [content]):
        part = _answer_part(reading, entry, block, message_id, index)
        if part:
            parts.append(part)
    is_error = value.get("isApiErrorMessage") is True
    is_own = is_error or message.get("model") == SYNTHETIC
    flags = ["api_error"] if is_error else []
    if value.get("isAbortedMidStream") is True:
        flags.append("interrupted")
    reading.message(
        entry,
        "assistant",
        "notice" if is_own else "answer",
        parts,
        id=message_id,
        native_id=answer_id,
        model=None if is_own else identifier(message.get("model")),
        flags=flags,
    )
    if not is_own:
        call_id = answer_id or entry.uuid
        add_model_call(reading, entry, value, message, call_id, message_id)


def _answer_part(
    reading: Reading, entry: Entry, block: Any, message_id: str, index: int
) -> Part | None:
    """Return one block of an answer; None for one that says nothing."""
    if type(block) is str:
        return Part("text", block)
    fields = mapping(block)
    kind = fields.get("type")
    if kind == "tool_use" or kind == "server_tool_use" or kind == "mcp_tool_use":
        call = add_tool_call(reading, entry, fields, message_id, index)
        return Part("tool_call", tool_call=call)
    if kind == "text" or kind == "thinking":
        text = fields.get(kind)
        # Claude Code writes empty thinking from 2.1.11x on: an empty block tells nobody anything.
        return Part(kind, text) if type(text) is str and text else None
    if kind == "redacted_thinking" or block is None:
        return None
    if "tool_use_id" in fields:
        add_tool_result(reading, entry, fields, None)
        return None
    if kind == "fallback":  # another model took over: which one refused, and which answers
        return Part("text", data=bounded({"event": kind, **_models(fields)}))
    return media_part(fields) or Part("unknown", data=bounded(block))


def _models(fields: dict[str, Any]) -> dict[str, Any]:
    return {side: mapping(fields.get(side)).get("model") for side in ("from", "to")}
