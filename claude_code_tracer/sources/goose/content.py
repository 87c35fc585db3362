"""What a message of Goose consists of: text, what tools were asked and gave back, notes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.changes import Change, diff_of_texts
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.reading import Memory, Reading, call_key
from claude_code_tracer.sources.times import from_epoch_ms, from_epoch_s
from claude_code_tracer.sources.unified_diff import from_unified_diff
from claude_code_tracer.sources.values import bounded, count, identifier, mapping, string

__all__ = ["MessageRecord", "add_message", "plain_word"]

_SKIPPED = {"redactedThinking", "toolConfirmationRequest", "actionRequired"}
_NOTES = {
    "contextLengthExceeded",
    "conversationCompacted",
    "summarizationRequested",
    "systemNotification",
}
_REQUESTS = {"frontendToolRequest", "toolRequest"}
_HUMAN = {"acp", "gateway", "terminal", "user"}
"""Types of sessions in which a person writes; subagents and schedules have theirs."""
_ORDER = 1_000_000


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as a row or a line holds it."""

    session: str
    role: object
    created: object
    content: object
    nth: int
    """How many messages of its role there were before it in the same second."""
    order: int
    """Its place among the messages of its second."""
    revision: int
    metadata: dict[str, Any]
    native_id: str | None = None
    session_type: str = "user"
    model: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What identifies it in its session, in the file and in the copy of it in the database."""
        return f"{plain_word(self.created)}/{plain_word(self.role)}/{self.nth}"

    @property
    def at(self) -> datetime | None:
        """When it was written: seconds, in some versions milliseconds."""
        return from_epoch_s(self.created) or from_epoch_ms(self.created)

    @property
    def record(self) -> Record:
        """It as the reading of tools wants it."""
        return Record(self.revision, self.revision, {})


def plain_word(value: object) -> str:
    """Return a number or a short text as text; of anything else nothing (F20: it may be deep)."""
    return str(value)[:40] if type(value) in (int, float, str) else ""


class _Pieces:
    """The content of one message, sorted by what it is."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.is_answered = False
        self.is_typed = False
        self.is_note = False


def add_message(draft: Reading[Memory], message: MessageRecord) -> None:
    """Add a message and what it says of tools; one that only holds results is none."""
    if message.role not in ("user", "assistant"):
        data = bounded({"role": message.role, "content": message.content})
        _add(draft, message, "system", "unknown", [Part("unknown", data=data)])
        return
    pieces = _Pieces()
    content = message.content if type(message.content) is list else [message.content]
    for index, item in enumerate(content):
        _take(draft, message, pieces, index, item)
    if not pieces.parts and (pieces.is_answered or not content):
        return
    if message.role == "user":
        _add(draft, message, "user", _kind_of_input(message, pieces), pieces.parts)
    else:
        is_note = pieces.is_note and not pieces.is_typed
        kind: MessageKind = "answer" if message.metadata.get("userVisible", True) else "injected"
        _add(draft, message, "assistant", "notice" if is_note else kind, pieces.parts)


def _kind_of_input(message: MessageRecord, pieces: _Pieces) -> MessageKind:
    """Return who wrote in the user's role: what only the model sees is the summary of before."""
    if message.metadata.get("userVisible", True) is False:
        return "compaction"
    if pieces.is_note and not pieces.is_typed:
        return "notice"
    is_human = message.session_type in _HUMAN and pieces.is_typed and not pieces.is_answered
    return "prompt" if is_human else "injected"


def _take(
    draft: Reading[Memory], message: MessageRecord, pieces: _Pieces, index: int, item: Any
) -> None:
    fields = {"type": "text", "text": item} if type(item) is str else mapping(item)
    kind = fields.get("type")
    if type(kind) is not str:
        kind = ""
    if kind in _REQUESTS:
        pieces.is_typed = True
        pieces.parts.append(_ask(draft, message, index, fields))
    elif kind == "toolResponse":
        pieces.is_answered = True
        _answer(draft, message, index, fields)
    elif kind in _NOTES:
        pieces.is_note = True
        pieces.parts.append(Part("text", string(fields.get("msg")) or kind))
    elif kind not in _SKIPPED:
        part = _content_part(kind, fields, item)
        pieces.is_typed = pieces.is_typed or part.kind in ("text", "image")
        if part.text != "":
            pieces.parts.append(part)


def _content_part(kind: str, fields: dict[str, Any], item: Any) -> Part:
    if kind == "text":
        return Part("text", string(fields.get("text")) or "")
    if kind in ("thinking", "reasoning"):
        return Part("thinking", string(fields.get("thinking")) or string(fields.get("text")) or "")
    if kind == "image":
        data = string(fields.get("data")) or ""
        size = len(data) * 3 // 4 - data[-2:].count("=")
        return Part("image", data={"media_type": string(fields.get("mimeType")), "bytes": size})
    return Part("unknown", data=bounded(item))


def _ask(
    draft: Reading[Memory], message: MessageRecord, index: int, fields: dict[str, Any]
) -> Part:
    """Add what the model asked of a tool; a request that could not be read failed already."""
    asked = mapping(fields.get("toolCall"))
    value = mapping(asked.get("value"))
    name = string(value.get("name")) or "unknown"
    arguments = mapping(value.get("arguments"))
    call = call_key(message.record, fields.get("id"), index)
    id = draft.ask_tool(
        message.record,
        call,
        record_id("message", message.key),
        name,
        value.get("arguments"),
        at=message.at,
        file_path=_edited_file(name, arguments),
        change=_proposed(name, arguments),
        session=message.session,
    )
    if asked.get("status") == "error":
        text = string(asked.get("error")) or "error"
        draft.answer_tool(
            message.record, call, text, is_error=True, at=None, session=message.session
        )
    return Part("tool_call", tool_call=id)


def _answer(
    draft: Reading[Memory], message: MessageRecord, index: int, fields: dict[str, Any]
) -> None:
    result = mapping(fields.get("toolResult"))
    value = result.get("value")
    is_error = result.get("status") == "error" or mapping(value).get("isError") is True
    content = mapping(value).get("content") if type(value) is dict else value
    text = _result_text(content)
    if not text and is_error:
        text = string(result.get("error")) or "error"
    draft.answer_tool(
        message.record,
        identifier(fields.get("id")) or f"{message.key}#{index}",
        text,
        is_error=is_error,
        at=message.at,
        session=message.session,
    )


def _result_text(content: object) -> str:
    """Return what a tool said to the model; what it said to the person only repeats that."""
    if type(content) is str:
        return content
    items = [mapping(item) for item in content] if type(content) is list else []
    to_model = [item for item in items if "assistant" in _audience(item)]
    return "\n".join(filter(None, map(_item_text, to_model or items)))


def _audience(item: dict[str, Any]) -> list[Any]:
    audience = mapping(item.get("annotations")).get("audience")
    return audience if type(audience) is list else ["assistant"]


def _item_text(item: dict[str, Any]) -> str:
    if item.get("type") == "image":
        return f"[image: {string(item.get('mimeType'))}]"
    text = item.get("text") or mapping(item.get("resource")).get("text")
    return text if type(text) is str else ""


def _edited_file(name: str, fields: dict[str, Any]) -> str | None:
    tool = name.rpartition("__")[2]
    is_edit = tool in ("edit", "write") or (
        tool == "text_editor" and fields.get("command") not in ("view", "undo_edit")
    )
    return string(fields.get("path")) if is_edit else None


def _proposed(name: str, fields: dict[str, Any]) -> Change | None:
    """Return what an edit would change; a written file may have held anything before."""
    tool = name.rpartition("__")[2]
    if tool == "text_editor" and type(fields.get("diff")) is str:
        return from_unified_diff(fields["diff"])
    if tool == "text_editor" and fields.get("command") == "str_replace":
        old, new = fields.get("old_str"), fields.get("new_str")
    elif tool == "edit":
        old, new = fields.get("before"), fields.get("after")
    else:
        return None
    return diff_of_texts(old, new) if type(old) is str and type(new) is str else None


def _add(
    draft: Reading[Memory],
    message: MessageRecord,
    role: Role,
    kind: MessageKind,
    parts: list[Part],
) -> None:
    at = message.at
    seconds = int(at.timestamp()) if at else count(message.created, 10**10) or 0
    draft.message(
        message.session,
        message.revision,
        message.key,
        role,
        kind,
        parts,
        position=seconds * _ORDER + message.order % _ORDER,
        at=at,
        native_id=message.native_id,
        model=message.model if kind == "answer" else None,
        flags=message.flags,
    )
