"""Sessions and messages, from a row of the database or from a file of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.draft import Draft, Part, path_text
from claude_code_tracer.sources.opencode.ids import message_position
from claude_code_tracer.sources.opencode.store import LAST, Store
from claude_code_tracer.sources.opencode.usage import add_call
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = ["MessageRecord", "add_message", "add_session", "error_text", "has_own_title"]

_OWN_TITLE = re.compile(r"(New|Child) session - \d{4}-\d\d-\d\dT.*")
_ABORTED = "MessageAbortedError"
_TYPED = {"text", "file", "subtask", "agent"}


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as a store keeps it."""

    session: str
    id: str
    data: dict[str, Any]
    revision: int
    created_ms: int | None
    kinds: frozenset[str] | None = None
    """Types of its parts, `synthetic` for what the tool put in; None when they are not at hand."""
    is_in_agent: bool = False
    flags: tuple[str, ...] = ()


def has_own_title(title: object) -> bool:
    """Tell whether a session's title says something: it begins as its time of birth."""
    return type(title) is str and bool(title) and _OWN_TITLE.fullmatch(title) is None


def add_session(
    draft: Draft, file: Transcript, session: str, revision: int, data: dict[str, Any]
) -> None:
    """Add what is known of a session; `data` has the names of the file's fields."""
    parent = identifier(data.get("parentID"))
    directory = string(data.get("directory"))
    draft.session(
        session,
        revision,
        path=path_text(file.path),
        project_root=directory,
        cwd=directory,
        tool_version=string(data.get("version")),
        parent=parent,
        relation="subagent" if parent else None,
    )
    if has_own_title(data.get("title")):
        draft.title(session, revision, data["title"], "generated")


def add_message(draft: Store, message: MessageRecord) -> None:
    """Add a message without its pieces, and what it used when no piece of it tells."""
    data = message.data
    role = data.get("role")
    if role == "assistant":
        _add_answer(draft, message)
    elif role != "user":
        _add_unknown(draft, message)
    elif message.kinds is None or message.kinds:  # its pieces are written after it
        _add(draft, message, "user", _kind_of_input(message), None, ())


def _kind_of_input(message: MessageRecord) -> MessageKind:
    """Return who wrote a message in the user's role."""
    kinds = message.kinds
    if message.is_in_agent:
        return "injected"
    if kinds is None:  # the tool `task` forbids the agent that it asks to keep a list of its own
        is_from_agent = mapping(message.data.get("tools")).get("todowrite") is False
        return "injected" if is_from_agent else "prompt"
    if kinds & _TYPED:
        return "prompt"
    return "notice" if "compaction" in kinds else "injected"


def _add_answer(draft: Store, message: MessageRecord) -> None:
    data = message.data
    error = mapping(data.get("error"))
    name = string(error.get("name"))
    flags = ["interrupted" if name == _ABORTED else "api_error"] if error else []
    kind: MessageKind = "compaction" if data.get("summary") is True else "answer"
    if error and name != _ABORTED:
        kind = "notice"
    chosen = mapping(data.get("model"))
    model = identifier(data.get("modelID")) or identifier(chosen.get("modelID"))
    id = _add(draft, message, "assistant", kind, model, flags)
    if error:
        _add_error(draft, message, id, error)
    if message.kinds is None or "step-finish" not in message.kinds:
        add_call(
            draft,
            message.session,
            message.revision,
            message.id,
            id,
            message.created_ms,
            data,
            model=model,
            provider=data.get("providerID") or chosen.get("providerID"),
            is_last_of_several=message.kinds is None and _may_have_several_steps(data),
        )


def _may_have_several_steps(data: dict[str, Any]) -> bool:
    """Tell whether a version wrote this that put all steps of a turn into one message (2025)."""
    return type(data.get("system")) is list and "finish" not in data and "parentID" not in data


def _add_error(draft: Store, message: MessageRecord, id: str, error: dict[str, Any]) -> None:
    """Add what went wrong as the last piece of its message."""
    part = Part("text", error_text(error))
    draft.piece(message.session, message.revision, "error", id, LAST, part)


def error_text(error: dict[str, Any]) -> str:
    """Return what an error says, with its name."""
    said = string(mapping(error.get("data")).get("message")) or string(error.get("message"))
    name = string(error.get("name")) or string(error.get("type"))
    return ": ".join(text for text in (name, said) if text) or "error"


def _add_unknown(draft: Store, message: MessageRecord) -> None:
    id = _add(draft, message, "system", "unknown", None, ())
    part = Part("unknown", data=bounded(message.data))
    draft.piece(message.session, message.revision, "unknown", id, 0, part)


def _add(
    draft: Store,
    message: MessageRecord,
    role: Role,
    kind: MessageKind,
    model: str | None,
    flags: list[str] | tuple[str, ...],
) -> str:
    return draft.message(
        message.session,
        message.revision,
        message.id,
        role,
        kind,
        [],
        position=message_position(message.id, message.created_ms),
        at=from_epoch_ms(message.created_ms),
        native_id=message.id,
        model=model,
        flags=(*message.flags, *flags),
    )
