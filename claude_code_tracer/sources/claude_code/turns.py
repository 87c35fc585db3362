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
from claude_code_tracer.sources.claude_code.reading import Reading, message_id_of
from claude_code_tracer.sources.claude_code.tools import (
    add_tool_call,
    add_tool_result,
    media_part,
)
from claude_code_tracer.sources.claude_code.usage import SYNTHETIC, add_model_call
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.values import bounded, identifier, mapping

__all__ = ["add_assistant", "add_typed", "add_unknown", "add_user", "content_parts"]


def add_unknown(reading: Reading, record: Record) -> None:
    """Keep a record that this version does not know, as it was written."""
    part = Part("unknown", data=bounded(record.value))
    reading.message(record, "system", "unknown", [part])


def add_user(reading: Reading, record: Record) -> None:
    """Add a prompt, what the tool wrote in its place, or the results of tool calls."""
    reading.chain(record)
    message = record.value.get("message")
    content = message if type(message) is str else mapping(message).get("content")
    blocks = content if type(content) is list else [content]
    results = [b for b in blocks if mapping(b).get("type") == "tool_result"]
    outcome = record.value.get("toolUseResult") if len(results) == 1 else None
    for block in results:
        add_tool_result(reading, record, mapping(block), outcome)
    parts = content_parts([b for b in blocks if b not in results] if results else blocks)
    if parts or not results:
        add_typed(reading, record, parts, is_human=has_human_origin(record.value))


def add_typed(reading: Reading, record: Record, parts: list[Part], *, is_human: bool) -> None:
    """Add a message in the user's role; `is_human` says that a person may have typed it."""
    typed = [part for part in parts if is_typed(part)]
    texts = [part.text for part in typed if part.text]
    flags = []
    kind: MessageKind = "injected"
    if record.value.get("isCompactSummary") is True:
        kind = "compaction"
    elif parts and (parts[0].text or "").startswith(INTERRUPTED):
        kind, flags = "notice", ["interrupted"]
    elif typed and is_human and not reading.is_agent:
        kind = "prompt"
    if texts and (kind == "prompt" or (reading.is_agent and not reading.is_replay)):
        reading.first_prompt(record.start, texts[0])
    reading.message(record, "user", kind, parts, flags=flags)


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
    reading.chain(record)
    value = record.value
    message = value.get("message")
    if type(message) is not dict:
        add_unknown(reading, record)
        return
    answer_id = identifier(message.get("id"))
    message_id = message_id_of(record, answer_id)
    content = message.get("content")
    blocks = content if type(content) is list else [content]
    parts = [
        part
        for i, block in enumerate(blocks)
        for part in _answer_parts(reading, record, block, message_id, i)
    ]
    is_error = value.get("isApiErrorMessage") is True
    is_own = message.get("model") == SYNTHETIC or is_error
    flags = ["api_error"] if is_error else []
    if value.get("isAbortedMidStream") is True:
        flags.append("interrupted")
    reading.message(
        record,
        "assistant",
        "notice" if is_own else "answer",
        parts,
        id=message_id,
        native_id=answer_id,
        model=None if is_own else identifier(message.get("model")),
        flags=flags,
    )
    if not is_own:
        add_model_call(reading, record, value, message_id)


def _answer_parts(
    reading: Reading, record: Record, block: Any, message_id: str, index: int
) -> list[Part]:
    """Return one block of an answer; nothing for one that says nothing."""
    if type(block) is str:
        return [Part("text", block)]
    fields = mapping(block)
    kind = fields.get("type")
    if kind in ("text", "thinking"):
        text = fields.get(kind)
        # Claude Code writes empty thinking from 2.1.11x on: an empty block tells nobody anything.
        return [Part(kind, text)] if type(text) is str and text else []
    if kind == "redacted_thinking" or block is None:
        return []
    if kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        call = add_tool_call(reading, record, fields, message_id, index)
        return [Part("tool_call", tool_call=call)]
    if "tool_use_id" in fields:
        add_tool_result(reading, record, fields, None)
        return []
    media = media_part(fields)
    return [media or Part("unknown", data=bounded(block))]
