"""The pieces of a message, each a row or a file of its own: text, tools, the end of a step ..."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.opencode.ids import milliseconds, part_position
from claude_code_tracer.sources.opencode.messages import error_text
from claude_code_tracer.sources.opencode.store import Store
from claude_code_tracer.sources.opencode.tools import (
    agent_session_of,
    change_of,
    edited_file,
    has_failed,
)
from claude_code_tracer.sources.opencode.usage import add_call
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import identifier, mapping, string

__all__ = ["PartRecord", "add_part", "file_part", "time_of"]

_SKIPPED = {"step-start", "snapshot", "patch", "agent"}
"""Marks in the repository that OpenCode goes back to, and names that the text repeats."""

_SURELY_UNIQUE = 16


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A piece of a message as a store keeps it."""

    session: str
    message: str
    id: str
    data: dict[str, Any]
    revision: int
    is_row: bool = False
    """Whether the database told of the message, too: what follows is known only then."""
    created_ms: int | None = None
    model: object = None
    provider: object = None
    repeats: int = 0
    is_first_prompt: bool = False

    @property
    def message_id(self) -> str:
        """Id of the message in the schema."""
        return record_id("message", self.message)


def add_part(draft: Store, part: PartRecord) -> None:
    """Add what one piece says; one of an unknown type is kept as it was written."""
    kind = part.data.get("type")
    if type(kind) is str and kind in _SKIPPED:
        return
    handler = _HANDLERS.get(kind, _add_unknown) if type(kind) is str else _add_unknown
    handler(draft, part)


def time_of(data: dict[str, Any]) -> int | None:
    """Return the latest moment in a piece, in ms: it only grows while the piece is written."""
    times = {**mapping(data.get("time")), **mapping(mapping(data.get("state")).get("time"))}
    known = [ms for value in times.values() if (ms := milliseconds(value)) is not None]
    return max(known, default=None)


def _add(draft: Store, part: PartRecord, block: Part) -> None:
    start = mapping(part.data.get("time")) or mapping(mapping(part.data.get("state")).get("time"))
    position = part_position(part.id, milliseconds(start.get("start")))
    draft.piece(part.session, part.revision, part.id, part.message_id, position, block)


def _add_text(draft: Store, part: PartRecord) -> None:
    text = string(part.data.get("text"))
    if text is None:
        return
    is_put_in = part.data.get("synthetic") is True or part.data.get("ignored") is True
    _add(draft, part, Part("text", text, data={"injected": "synthetic"} if is_put_in else None))
    if part.is_first_prompt and not is_put_in:
        draft.title(part.session, part.created_ms or 0, text, "first_prompt")


def _add_reasoning(draft: Store, part: PartRecord) -> None:
    if text := string(part.data.get("text")):
        _add(draft, part, Part("thinking", text))


def _add_file(draft: Store, part: PartRecord) -> None:
    data = part.data
    _add(draft, part, file_part(data.get("mime"), data.get("filename"), data.get("url")))


def file_part(mime: object, name: object, url: object) -> Part:
    """Return an attached file as its type, name and size, without its content."""
    facts: dict[str, Any] = {"media_type": string(mime), "name": string(name)}
    address = string(url) or ""
    if address.startswith("data:"):
        head, _, content = address.partition(",")
        is_base64 = head.endswith(";base64")
        padding = content[-2:].count("=")
        facts["bytes"] = len(content) * 3 // 4 - padding if is_base64 else len(content)
    elif address.startswith("file:"):
        facts["path"] = address[:1000]
    is_image = (facts["media_type"] or "").startswith("image/")
    return Part("image" if is_image else "document", data=facts)


def _add_tool(draft: Store, part: PartRecord) -> None:
    data = part.data
    state = mapping(data.get("state"))
    name = string(data.get("tool")) or "unknown"
    fields, facts = mapping(state.get("input")), mapping(state.get("metadata"))
    is_error = has_failed(name, state.get("status"), facts)
    time = mapping(state.get("time"))
    result = string(state.get("error")) or string(facts.get("output"))
    is_done = is_error is not None
    if type(output := state.get("output")) is str and state.get("status") != "error":
        result = output
    start = milliseconds(time.get("start"))
    call = draft.tool_call(
        part.session,
        part.revision,
        _call_id(part),
        message=part.message_id,
        position=part_position(part.id, start),
        name=name,
        input=state.get("input"),
        result=(result or "") if is_done else None,
        is_error=is_error,
        started_at=from_epoch_ms(start),
        ended_at=from_epoch_ms(time.get("end")) if is_done else None,
        file_path=edited_file(name, fields),
        change=change_of(name, fields, facts, is_error),
        agent_session=agent_session_of(facts),
    )
    _add(draft, part, Part("tool_call", tool_call=call))


def _call_id(part: PartRecord) -> str:
    """Return the tool's id of a call; some local models give the same short one to every call."""
    call = identifier(part.data.get("callID"))
    return call if call and len(call) >= _SURELY_UNIQUE else part.id


def _add_step_finish(draft: Store, part: PartRecord) -> None:
    if part.is_row:  # a file of its own does not know its message: that one counts
        add_call(
            draft,
            part.session,
            part.revision,
            part.message,
            part.message_id,
            part.created_ms,
            part.data,
            model=part.model,
            provider=part.provider,
            repeats=part.repeats,
        )


def _add_compaction(draft: Store, part: PartRecord) -> None:
    how = "automatic" if part.data.get("auto") is True else "manual"
    _add(draft, part, Part("text", f"[compaction: {how}]"))


def _add_subtask(draft: Store, part: PartRecord) -> None:
    if text := string(part.data.get("prompt")) or string(part.data.get("description")):
        _add(draft, part, Part("text", text))


def _add_retry(draft: Store, part: PartRecord) -> None:
    """Add a failed attempt as a message: the answer around it goes on."""
    at = milliseconds(mapping(part.data.get("time")).get("created"))
    draft.message(
        part.session,
        part.revision,
        f"{part.message}/{part.id}",
        "system",
        "notice",
        [Part("text", error_text(mapping(part.data.get("error"))))],
        position=(at or part.created_ms or 0) << 12,
        at=from_epoch_ms(at),
        native_id=part.id,
        flags=["api_error"],
    )


def _add_unknown(draft: Store, part: PartRecord) -> None:
    _add(draft, part, Part("unknown", data=part.data))


_HANDLERS: dict[str, Callable[[Store, PartRecord], None]] = {
    "compaction": _add_compaction,
    "file": _add_file,
    "reasoning": _add_reasoning,
    "retry": _add_retry,
    "step-finish": _add_step_finish,
    "subtask": _add_subtask,
    "text": _add_text,
    "tool": _add_tool,
}
