"""Files beside a transcript that are written as a whole: `Shape.DOCUMENT`.

Each says something more about a session or a tool call that the transcript tells of, so nothing of
it may win over what the transcript says: its session facts have revision 0, and are only those that
do not change. Only the whole output of a tool wins over the preview that the transcript has of it,
whenever that is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from claude_code_tracer.sources.claude_code.layout import (
    META_SUFFIX,
    NAME,
    TITLE_FILE,
    agent_session,
)
from claude_code_tracer.sources.claude_code.reading import is_plain_id
from claude_code_tracer.sources.claude_code.tools import result_text
from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.source import BadSpan, Line, Parsed, Transcript
from claude_code_tracer.sources.values import identifier, mapping, string

__all__ = ["parse_document"]

_ABOVE_ANY_OFFSET = 2**52
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def parse_document(file: Transcript, lines: Sequence[Line]) -> Parsed:
    """Return what a file beside a transcript says; of several versions the last one counts."""
    draft = Draft(NAME)
    name = file.path.name
    for line in lines[-1:]:
        if name == TITLE_FILE:
            title = _object(draft, line).get("customTitle")
            draft.title(file.session, 0, title, "custom")
        elif name.endswith(META_SUFFIX):
            _add_agent(draft, file, _object(draft, line))
        else:
            _add_output(draft, file, line)
    return draft.parsed()


def _object(draft: Draft, line: Line) -> dict[str, Any]:
    """Return the JSON object that the file is; while it is being written, it is none yet."""
    try:
        value = orjson.loads(line.raw)
    except orjson.JSONDecodeError:
        value = None
    if type(value) is dict and b"\\u0000" not in line.raw:
        return value
    draft.bad.append(BadSpan(line.start, line.end, "not a JSON object"))
    return {}


def _add_agent(draft: Draft, file: Transcript, facts: dict[str, Any]) -> None:
    """Tell what kind of subagent a session is, and which tool call started it.

    A subagent of a subagent has its file below the root session, and is one of its children; but
    the call that started it stands in the transcript of its parent.
    """
    root, _, agent_id = file.session.partition("/")
    if not facts:
        return
    draft.session(
        file.session,
        0,
        parent=root,
        relation="subagent",
        agent_id=agent_id,
        agent_type=string(facts.get("agentType")),
    )
    draft.title(file.session, 0, facts.get("name") or facts.get("description"), "summary")
    call = identifier(facts.get("toolUseId"))
    if call:
        starter = facts.get("parentAgentId")
        caller = agent_session(root, starter) if is_plain_id(starter) else root
        draft.tool_call(caller, 0, call, agent_session=file.session)


def _add_output(draft: Draft, file: Transcript, line: Line) -> None:
    """Complete the result of the tool call that the file is named after.

    A `.json` file holds the blocks of a result that was more than text.
    """
    text = line.raw.decode("utf-8", "replace").replace("\0", _REPLACEMENT)
    if file.path.suffix == ".json":
        try:
            text = result_text(_content(orjson.loads(line.raw)))
        except orjson.JSONDecodeError:
            draft.bad.append(BadSpan(line.start, line.end, "not JSON"))
            return
        text = text.replace("\0", _REPLACEMENT)
    if text:
        draft.tool_call(file.session, _ABOVE_ANY_OFFSET, file.path.stem, result=text)


def _content(value: object) -> object:
    return value if type(value) is list else mapping(value).get("content")
