"""Tool calls and their results, joined by the tool's own id of the call, never by shape."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from claude_code_tracer.model import Session, ToolCall
from claude_code_tracer.sources.changes import (
    Change,
    diff_of_texts,
    from_patch,
    lines_of,
    nothing,
)
from claude_code_tracer.sources.claude_code.layout import NAME, agent_session
from claude_code_tracer.sources.claude_code.reading import Entry, Reading
from claude_code_tracer.sources.claude_code.state import OpenTool
from claude_code_tracer.sources.claude_code.usage import add_searches, searching_model
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.values import bounded, clip, identifier, mapping, string

__all__ = ["add_tool_call", "add_tool_result", "media_part", "result_text", "settle_proposals"]

_EDITS = {"Edit", "MultiEdit", "Write", "NotebookEdit"}
_AGENTS = {"Agent", "Task"}
_MAX_NAME_CHARS = 64
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_:.-]{1,64}")


def add_tool_call(
    reading: Reading, entry: Entry, block: dict[str, Any], message_id: str, index: int
) -> str:
    """Add what the model asked for; return the id of the call."""
    call = identifier(block.get("id")) or f"{entry.line_id}#{index}"
    name = string(block.get("name")) or "unknown"
    arguments = block.get("input")
    fields = mapping(arguments)
    is_edit = name in _EDITS
    if is_edit:
        reading.proposals[call] = (entry.start, name, fields)
    reading.state.open_tool(call, _opened(entry, name, fields))
    id = reading.tool_call_id(call)
    reading.entities.append(
        ToolCall(
            source=NAME,
            session=reading.session,
            revision=entry.start,
            id=id,
            native_id=call,
            message=message_id,
            position=entry.start,
            name=name[:200],
            input=bounded(arguments, entry.size),
            started_at=entry.at,
            file_path=_edited_file(fields) if is_edit else None,
        )
    )
    return id


def settle_proposals(reading: Reading) -> None:
    """Add what the edits whose results are still to come would change, and remember how much."""
    for call, (start, name, fields) in reading.proposals.items():
        change = _proposed(name, fields)
        opened = reading.state.tools.get(call)
        if change is None:
            continue
        if opened:
            opened.lines_added, opened.lines_removed = change.added, change.removed
        if change.hunks:
            reading.entities.append(
                ToolCall(
                    source=NAME,
                    session=reading.session,
                    revision=start,
                    id=reading.tool_call_id(call),
                    native_id=call,
                    diff=change.hunks,
                )
            )
    reading.proposals.clear()


def _edited_file(fields: dict[str, Any]) -> str | None:
    return string(fields.get("file_path")) or string(fields.get("notebook_path"))


def _opened(entry: Entry, name: str, fields: dict[str, Any]) -> OpenTool:
    """Return what the result will need: never the text of an edit, which may hold a secret."""
    opened = OpenTool(_plain_name(name[: _MAX_NAME_CHARS + 1]))
    if name in _AGENTS:
        agent_type = string(fields.get("subagent_type"))
        if agent_type and _PLAIN_NAME.fullmatch(agent_type):
            opened.agent_type = agent_type
    elif name == "WebSearch":
        opened.searcher = searching_model(entry.value.get("message"))
    return opened


@lru_cache(maxsize=256)
def _plain_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else "unknown"


def _proposed(name: str, fields: dict[str, Any]) -> Change | None:
    """Return what an edit would change, in case its result does not say."""
    if name == "Write":
        content = string(fields.get("content")) or ""
        return Change([], lines_of(content), 0)
    if name == "Edit":
        return _replacement(fields)
    if name != "MultiEdit" or type(fields.get("edits")) is not list:
        return None
    changes = [_replacement(mapping(edit)) for edit in fields["edits"]]
    return Change(
        [hunk for change in changes for hunk in change.hunks],
        sum(change.added for change in changes),
        sum(change.removed for change in changes),
    )


def _replacement(fields: dict[str, Any]) -> Change:
    old, new = string(fields.get("old_string")), string(fields.get("new_string"))
    return diff_of_texts(old or "", new or "")


def add_tool_result(reading: Reading, entry: Entry, block: dict[str, Any], outcome: object) -> None:
    """Add what came back; `outcome` is the record's `toolUseResult`, of any type."""
    call = identifier(block.get("tool_use_id")) or f"{entry.line_id}#result"
    opened = reading.state.close_tool(call) or OpenTool("unknown")
    is_error = block.get("is_error") is True
    facts = mapping(outcome)
    is_edit = opened.name in _EDITS
    proposal = reading.proposals.pop(call, None) if is_edit else None
    change = _told(facts, is_error=is_error) if is_edit else None
    diff = change.hunks if change else None
    if change is None and proposal:
        change = _proposed(*proposal[1:])
        diff = change.hunks or None if change else None
    reading.entities.append(
        ToolCall(
            source=NAME,
            session=reading.session,
            revision=entry.start,
            id=reading.tool_call_id(call),
            native_id=call,
            result=clip(result_text(block.get("content"))),
            is_error=is_error,
            ended_at=entry.at,
            file_path=string(facts.get("filePath")) if is_edit else None,
            diff=diff,
            lines_added=change.added if change else opened.lines_added,
            lines_removed=change.removed if change else opened.lines_removed,
            agent_session=_agent(reading, opened, facts) if opened.name in _AGENTS else None,
        )
    )
    if opened.searcher is not None and not is_error:
        add_searches(reading, entry, call, opened.searcher, facts)


def _told(facts: dict[str, Any], *, is_error: bool) -> Change | None:
    """Return what an edit's result says it changed; None when it does not say."""
    if is_error:
        return nothing()
    change = from_patch(facts.get("structuredPatch"))
    if change and not change.hunks and facts.get("type") == "create":
        return None  # a new file's patch is empty: the lines of its content count
    return change


def _agent(reading: Reading, opened: OpenTool, facts: dict[str, Any]) -> str | None:
    """Return the session of the subagent that this call started, and tell its facts."""
    agent_id = string(facts.get("agentId"))
    if not agent_id or not _PLAIN_NAME.fullmatch(agent_id):
        return None
    session = agent_session(reading.root_session, agent_id)
    reading.entities.append(
        Session(
            source=NAME,
            session=session,
            revision=0,  # never newer than what the subagent's own file says
            parent=reading.root_session,
            relation="subagent",
            agent_id=agent_id,
            agent_type=string(facts.get("agentType")) or opened.agent_type,
        )
    )
    return session


def result_text(content: object) -> str:
    """Return a tool result's content as text; of an image or document what it is."""
    if type(content) is str:
        return content
    if type(content) is not list:
        return ""
    return "\n".join(filter(None, map(_item_text, content)))


def _item_text(item: object) -> str:
    if type(item) is str:
        return item
    fields = mapping(item)
    if fields.get("type") == "text":
        return string(fields.get("text")) or ""
    if fields.get("type") == "tool_reference":
        return string(fields.get("tool_name")) or ""
    part = media_part(fields)
    return f"[{part.kind}: {part.data['media_type']}, {part.data['bytes']} bytes]" if part else ""


def media_part(block: dict[str, Any]) -> Part | None:
    """Return an image or document as its type and size, without its content."""
    kind = block.get("type")
    if kind != "image" and kind != "document":
        return None
    source = mapping(block.get("source"))
    data = string(source.get("data")) or ""
    is_base64 = source.get("type") == "base64"
    size = len(data) * 3 // 4 - data[-2:].count("=") if is_base64 else len(data.encode())
    facts = {"media_type": string(source.get("media_type")), "bytes": size}
    if title := string(block.get("title")):
        facts["title"] = clip(title)
    return Part("image" if kind == "image" else "document", data=facts)
