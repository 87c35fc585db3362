"""Messages of OpenCode 2: one row each, with all of its content, in the table `session_message`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.opencode.ids import message_position
from claude_code_tracer.sources.opencode.messages import error_text
from claude_code_tracer.sources.opencode.parts import file_part
from claude_code_tracer.sources.opencode.store import Store
from claude_code_tracer.sources.opencode.tools import (
    agent_session_of,
    change_of,
    edited_file,
    has_failed,
)
from claude_code_tracer.sources.opencode.usage import add_call
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = ["ProjectedRecord", "add_projected"]

_SKIPPED = {"agent-switched", "model-switched", "location-switched", "idle"}


@dataclass(frozen=True, slots=True)
class ProjectedRecord:
    """A row of `session_message`."""

    session: str
    id: str
    type: object
    data: dict[str, Any]
    revision: int
    created_ms: int | None
    is_in_agent: bool = False
    flags: tuple[str, ...] = ()


def add_projected(draft: Store, row: ProjectedRecord) -> None:
    """Add what one row says."""
    kind = string(row.type) or ""
    if kind in _HANDLERS:
        _HANDLERS[kind](draft, row)
    elif kind not in _SKIPPED:
        part = Part("unknown", data=bounded({"type": row.type, **row.data}))
        _add(draft, row, "system", "unknown", [part])


def _add_user(draft: Store, row: ProjectedRecord) -> None:
    text = string(row.data.get("text"))
    parts = [Part("text", text)] if text else []
    files = row.data.get("files")
    for file in map(mapping, files if type(files) is list else []):
        parts.append(
            file_part(
                file.get("mime"),
                file.get("name"),
                file.get("uri") or mapping(file.get("source")).get("uri"),
            )
        )
    _add(draft, row, "user", "injected" if row.is_in_agent else "prompt", parts)


def _add_put_in(draft: Store, row: ProjectedRecord) -> None:
    text = string(row.data.get("text"))
    _add(draft, row, "user", "injected", [Part("text", text)] if text else [])


def _add_shell(draft: Store, row: ProjectedRecord) -> None:
    """Add a command that the person ran, with what it printed."""
    output = row.data.get("output")
    said = string(output) or string(mapping(output).get("text")) or ""
    command = string(row.data.get("command")) or ""
    _add(draft, row, "user", "injected", [Part("text", f"$ {command}\n{said}".rstrip())])


def _add_compaction(draft: Store, row: ProjectedRecord) -> None:
    if error := mapping(row.data.get("error")):
        parts = [Part("text", error_text(error))]
        _add(draft, row, "system", "notice", parts, flags=["api_error"])
    else:
        text = string(row.data.get("summary"))
        _add(draft, row, "assistant", "compaction", [Part("text", text)] if text else [])
    _add_use(draft, row)


def _add_assistant(draft: Store, row: ProjectedRecord) -> None:
    error = mapping(row.data.get("error"))
    is_aborted = error.get("type") in ("aborted", "interrupted")
    flags = ["interrupted" if is_aborted else "api_error"] if error else []
    content = row.data.get("content")
    parts = [
        part
        for index, item in enumerate(content if type(content) is list else [])
        for part in _piece(draft, row, index, item)
    ]
    if error:
        parts.append(Part("text", error_text(error)))
    kind: MessageKind = "notice" if error and not is_aborted else "answer"
    _add(draft, row, "assistant", kind, parts, model=_model(row)[0], flags=flags)
    _add_use(draft, row)


def _piece(draft: Store, row: ProjectedRecord, index: int, item: Any) -> list[Part]:
    fields = mapping(item)
    kind, text = fields.get("type"), string(fields.get("text"))
    if kind in ("text", "reasoning"):
        return [Part("text" if kind == "text" else "thinking", text)] if text else []
    if kind != "tool":
        return [Part("unknown", data=bounded(item))]
    return [Part("tool_call", tool_call=_add_tool(draft, row, index, fields))]


def _add_tool(draft: Store, row: ProjectedRecord, index: int, fields: dict[str, Any]) -> str:
    name = string(fields.get("name")) or "unknown"
    state, time = mapping(fields.get("state")), mapping(fields.get("time"))
    asked = mapping(state.get("input"))
    facts = mapping(state.get("metadata")) or mapping(state.get("structured"))
    is_error = has_failed(name, state.get("status"), facts)
    content = state.get("content")
    texts = [string(mapping(c).get("text")) for c in (content if type(content) is list else [])]
    said = [text for text in texts if text]
    if not said and is_error:
        said = [string(mapping(state.get("error")).get("message")) or "error"]
    return draft.tool_call(
        row.session,
        row.revision,
        identifier(fields.get("id")) or f"{row.id}#{index}",
        message=record_id("message", row.id),
        position=message_position(row.id, row.created_ms),
        name=name,
        input=state.get("input"),
        result="\n".join(said) if is_error is not None else None,
        is_error=is_error,
        started_at=from_epoch_ms(time.get("ran") or time.get("created")),
        ended_at=from_epoch_ms(time.get("completed")) if is_error is not None else None,
        file_path=edited_file(name, asked),
        change=change_of(name, asked, facts, is_error),
        agent_session=agent_session_of(facts),
    )


def _add_use(draft: Store, row: ProjectedRecord) -> None:
    model, provider = _model(row)
    add_call(
        draft,
        row.session,
        row.revision,
        row.id,
        record_id("message", row.id),
        row.created_ms,
        row.data,
        model=model,
        provider=provider,
    )


def _model(row: ProjectedRecord) -> tuple[str | None, str | None]:
    model = mapping(row.data.get("model"))
    return identifier(model.get("id")), string(model.get("providerID"))


def _add(
    draft: Store,
    row: ProjectedRecord,
    role: Role,
    kind: MessageKind,
    parts: list[Part],
    *,
    model: str | None = None,
    flags: list[str] | None = None,
) -> None:
    draft.message(
        row.session,
        row.revision,
        row.id,
        role,
        kind,
        parts,
        position=message_position(row.id, row.created_ms),
        at=from_epoch_ms(row.created_ms),
        native_id=row.id,
        model=model,
        flags=(*row.flags, *(flags or ())),
    )


_HANDLERS: dict[str, Callable[[Store, ProjectedRecord], None]] = {
    "assistant": _add_assistant,
    "compaction": _add_compaction,
    "shell": _add_shell,
    "skill": _add_put_in,
    "synthetic": _add_put_in,
    "system": _add_put_in,
    "user": _add_user,
}
