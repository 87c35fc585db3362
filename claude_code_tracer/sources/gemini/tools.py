"""Tool calls of a chat: they stand in the message that asked for them, with what came back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.genai import (
    content_items,
    edit_change,
    edited_file,
    has_failed,
    result_text,
)
from claude_code_tracer.sources.values import identifier, mapping, string, when

__all__ = ["Turn", "add_response", "add_tool_calls"]

_DONE = {"success", "error", "cancelled"}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_:.-]{1,100}")


@dataclass(frozen=True, slots=True)
class Turn:
    """A message as it was written: which one it is, when it was said and where it stands."""

    value: dict[str, Any]
    key: str
    id: str
    revision: int
    flags: tuple[str, ...]
    at: datetime | None
    position: int


def add_tool_calls(draft: Draft, session: str, turn: Turn, items: list[Any]) -> list[str]:
    """Add the calls of an answer, whose content is `items`, and return their ids."""
    ids: dict[str, None] = {}
    for index, item in enumerate(content_items(turn.value.get("toolCalls"))):
        fields = mapping(item)
        call = identifier(fields.get("id")) or f"{turn.key}#{index}"
        ids[_add(draft, session, turn, fields, call)] = None
        _add_agent(draft, session, fields)
    is_told = bool(ids)
    for index, item in enumerate(items):
        fields = mapping(mapping(item).get("functionCall"))
        call = identifier(fields.get("id")) or ("" if is_told else f"{turn.key}#{index}")
        if fields and call and record_id("tool_call", call) not in ids:
            id = draft.tool_call(
                session,
                turn.revision,
                call,
                message=turn.id,
                position=turn.position,
                name=string(fields.get("name")) or "unknown",
                input=fields.get("args"),
                started_at=turn.at,
            )
            ids[id] = None
    return list(ids)


def _add(draft: Draft, session: str, turn: Turn, fields: dict[str, Any], call: str) -> str:
    name = string(fields.get("name")) or "unknown"
    status, display, args = (fields.get(key) for key in ("status", "resultDisplay", "args"))
    result = result_text(fields.get("result"))
    if result is None and type(display) is str:
        result = display
    failed = has_failed(status, fields.get("result"))
    is_done = status in _DONE if type(status) is str else failed is not None
    return draft.tool_call(
        session,
        turn.revision,
        call,
        message=turn.id,
        position=turn.position,
        name=name,
        input=args,
        result=result,
        is_error=failed,
        started_at=turn.at,
        ended_at=when(fields.get("timestamp")) if is_done else None,
        file_path=edited_file(name, args, display),
        change=edit_change(name, failed, args, display, result) if is_done else None,
        agent_session=identifier(fields.get("agentId")),
    )


def _add_agent(draft: Draft, session: str, fields: dict[str, Any]) -> None:
    """Tell whose the subagent is that a call started; its file says so only by its place."""
    agent = identifier(fields.get("agentId"))
    if not agent or agent == session:
        return
    shown = mapping(fields.get("resultDisplay"))
    kind = string(shown.get("agentName")) or string(fields.get("name"))
    draft.session(
        agent,
        0,  # never newer than what the subagent's own file says
        parent=session,
        relation="subagent",
        agent_id=agent,
        agent_type=kind if kind and _PLAIN_NAME.fullmatch(kind) else None,
    )


def add_response(draft: Draft, session: str, revision: int, item: dict[str, Any]) -> None:
    """Add what a tool gave back, when it stands in a message of the person's role."""
    response = mapping(item.get("functionResponse"))
    call = identifier(response.get("id"))
    result = result_text([item]) if call else None
    if call and result is not None:
        draft.tool_call(session, revision, call, result=result, is_error=has_failed(None, [item]))
