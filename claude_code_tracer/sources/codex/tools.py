"""Tool calls and what came back, joined by the call's own id.

A call stands in the conversation with its output; versions differ in which events they add about
its end (a command, a patch, an MCP call), which know more. Operations inside an `exec` script have
events only: each is a call of its own.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
import orjson

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import ToolCall
from claude_code_tracer.sources.changes import nothing
from claude_code_tracer.sources.codex.outputs import Output, output_of
from claude_code_tracer.sources.codex.patches import Patch, patch_in
from claude_code_tracer.sources.codex.reading import Entry, Reading
from claude_code_tracer.sources.codex.state import OpenTool
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.values import identifier, mapping, string

__all__ = ["add_call", "add_end", "add_output", "call_id_of", "input_of", "qualified"]

_OWN_SPACES = frozenset({"clock", "collaboration", "functions", "multi_agent_v1", "multi_agent_v2"})
"""Namespaces of Codex's own tools: older versions write the same tools without one."""
_ATTACHED = "attached local image path"
"""What `view_image` gave back while its image followed as a user's message."""
_MCP = "mcp__"
_SCRIPT = "exec"
_SCRIPT_HEAD = "Script "
_AGENT_FIELDS = ("agent_id", "agent_thread_id", "new_thread_id", "thread_id")
_MAX_ARGUMENTS = 1024 * 1024
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_:.-]{1,64}")


def call_id_of(reading: Reading, entry: Entry, index: int = 0) -> str:
    """Return the id of the call that a record is about, else where it stands."""
    payload = entry.payload
    told = identifier(payload.get("call_id")) or identifier(payload.get("id"))
    return told or f"@{reading.key(entry.start)}#{index}"


def qualified(name: object, namespace: object) -> str:
    """Return a tool's name with the server or extension that it belongs to."""
    own, space = string(name) or "unknown", string(namespace)
    if space is None or space in _OWN_SPACES or own.startswith(space):
        return own
    if space.startswith(_MCP):
        return f"{space.removesuffix('__')}__{own}"
    return f"{space}{own}" if space.endswith(("__", ".", "/")) else f"{space}.{own}"


def input_of(arguments: object) -> Any:
    """Return arguments as the object that their text holds, else as they are."""
    if type(arguments) is not str or arguments[:1] != "{" or len(arguments) > _MAX_ARGUMENTS:
        return arguments
    try:
        return orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments


def add_call(reading: Reading, entry: Entry, call: str, name: str, input: Any) -> None:
    """Add what the model asked for."""
    if call in reading.state.tools:  # an event told its end before
        _tell(reading, entry, call, name=name, input=input)
        return
    patch = _patch_of(name, input)
    opened = _opened(name)
    if patch:
        opened.is_edit = True
        opened.lines_added, opened.lines_removed = patch.added, patch.removed
    reading.state.open_tool(call, opened)
    _begin(reading, entry, call, name, input, entry.at, patch)


def _opened(name: str) -> OpenTool:
    return OpenTool(name if _PLAIN_NAME.fullmatch(name) else "unknown")


def _begin(
    reading: Reading,
    entry: Entry,
    call: str,
    name: str,
    input: Any,
    started_at: datetime | None,
    patch: Patch | None = None,
    *,
    is_aside: bool = False,
    by_person: bool = False,
) -> None:
    """Add a call as a block of the response that made it, or of what a person did."""
    at = len(reading.draft.entities)
    id = reading.draft.tool_call(
        reading.session,
        entry.start,
        call,
        position=reading.position(entry.start),
        name=name,
        input=input,
        started_at=started_at,
        file_path=patch.paths[0] if patch else None,
    )
    message: str | None
    if by_person:
        reading.close_answer()
        part = Part("tool_call", tool_call=id, data={"injected": "run by the person"})
        message = record_id("message", reading.message(entry, "user", "injected", [part]))
    else:
        reading.answer(entry, [Part("tool_call", tool_call=id)], is_aside=is_aside)
        message = reading.answer_id()
    diff = patch.hunks if patch and patch.hunks else None
    _amend(reading, at, message=message, diff=diff)


def _patch_of(name: str, input: Any) -> Patch | None:
    """Return the patch that a call applies: its input, or an argument of a shell command."""
    text = input if type(input) is str else None
    fields = mapping(input)
    for argument in ("input", "patch", "command", "cmd", "script"):
        value = fields.get(argument)
        if type(value) is list:
            value = "\n".join(word for word in value if type(word) is str)
        text = text or string(value)
    if text is None or (name != "apply_patch" and "apply_patch" not in text[:2000]):
        return None
    return patch_in(text) if name != "exec" else None


def add_output(reading: Reading, entry: Entry, call: str, value: object) -> None:
    """Add what the conversation says came back."""
    opened = reading.state.tools.get(call)
    output = output_of(value)
    reading.close_answer()
    if output.text == _ATTACHED:
        reading.state.attached += 1
    if opened is not None and (opened.is_reported or _is_note(opened, output)):
        return
    change = None
    if opened is not None and opened.is_edit:
        change = nothing() if output.is_error else None
    agent = _agent_in(opened, output)
    _tell(reading, entry, call, output=output, change=change, agent=agent)
    if opened is not None and opened.is_edit and not output.is_error:
        added, removed = opened.lines_added, opened.lines_removed
        _amend(reading, -1, lines_added=added, lines_removed=removed)


def _is_note(opened: OpenTool, output: Output) -> bool:
    """Tell whether an output is what a script noted on the way, told behind its result."""
    is_result = opened.name != _SCRIPT or (output.text or "").startswith(_SCRIPT_HEAD)
    is_note = opened.is_answered and not is_result
    opened.is_answered = opened.is_answered or is_result
    return is_note


def _agent_in(opened: OpenTool | None, output: Output) -> str | None:
    """Return the session of the subagent that a call started, as its output names it."""
    if opened is None or not opened.name.endswith("spawn_agent") or not output.text:
        return None
    fields = mapping(input_of(output.text))
    return next(filter(None, (identifier(fields.get(name)) for name in _AGENT_FIELDS)), None)


def add_end(
    reading: Reading,
    entry: Entry,
    call: str,
    output: Output,
    *,
    name: str,
    input: Any = None,
    patch: Patch | None = None,
    agent: str | None = None,
    started_at: datetime | None = None,
    is_edit: bool = False,
    is_item: bool = False,
    by_person: bool = False,
) -> None:
    """Add how a call ended, as an event tells it; a call that nothing else told is begun here.

    `is_item` says that the model asked for it and that it is no operation inside a script,
    `by_person` that no model did.
    """
    opened = reading.state.tools.get(call)
    if opened is None:
        opened = _opened(name)
        is_aside = not is_item
        _begin(
            reading, entry, call, name, input, started_at, is_aside=is_aside, by_person=by_person
        )
    opened.is_reported = True
    reading.state.open_tool(call, opened)
    change = nothing() if is_edit and output.is_error else patch.change if patch else None
    _tell(reading, entry, call, output=output, change=change, agent=agent)
    if patch and output.is_error:
        _amend(reading, -1, file_path=patch.paths[0])
    elif patch:
        _amend(reading, -1, file_path=patch.paths[0], lines_removed=patch.removed)


def _tell(
    reading: Reading,
    entry: Entry,
    call: str,
    *,
    name: str | None = None,
    input: Any = None,
    output: Output | None = None,
    change: Any = None,
    agent: str | None = None,
) -> None:
    reading.tell(entry.start)
    reading.draft.tool_call(
        reading.session,
        entry.start,
        call,
        name=name,
        input=input,
        result=output.text if output else None,
        is_error=output.is_error if output else None,
        ended_at=entry.at if output else None,
        change=change,
        agent_session=agent,
    )


def _amend(reading: Reading, at: int, **fields: Any) -> None:
    """Say more about the tool call that was added at this place."""
    told = reading.draft.entities[at]
    assert isinstance(told, ToolCall)
    reading.draft.entities[at] = msgspec.structs.replace(told, **fields)
