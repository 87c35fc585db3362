"""`store.db` of `cursor-agent`: each JSON blob is a message, in the order of the rows.

A blob's id is the digest of its content. The other blobs are a graph in protobuf of which message
belongs to which turn; the reader hands them over as null. Usage is not kept.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import MessageKind
from claude_code_tracer.sources.changes import nothing
from claude_code_tracer.sources.cursor.bubbles import moment
from claude_code_tracer.sources.cursor.edits import asked, edited_file, is_edit
from claude_code_tracer.sources.cursor.folders import is_placeholder, path_of
from claude_code_tracer.sources.cursor.prompts import read_user_text, visible, without_thinking
from claude_code_tracer.sources.cursor.rows import Row, rows_of
from claude_code_tracer.sources.cursor.state import State
from claude_code_tracer.sources.draft import Draft, Part, path_text
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import Line, Transcript
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = ["read_chat"]


def read_chat(draft: Draft, file: Transcript, lines: Sequence[Line], state: State) -> None:
    """Add what some rows of a chat's database say."""
    reading = _Reading(draft, file, state)
    for row in rows_of(draft, lines):
        if row.table == "meta":
            reading.meta(row)
        elif row.table == "blobs":
            reading.blob(row)


class _Reading:
    def __init__(self, draft: Draft, file: Transcript, state: State) -> None:
        self._draft = draft
        self._session = file.session
        self._path = path_text(file.path)
        self._state = state

    def meta(self, row: Row) -> None:
        """Tell what the chat says about itself, in JSON that is written as hex digits."""
        text = string(row.value.get("value")) or ""
        try:
            raw = unhexlify(text) if not text.startswith("{") else text.encode("utf-8", "replace")
        except ValueError:
            raw = b""
        found, bad = records(Line(row.mark, row.end, raw), lambda _: False)
        self._draft.bad += bad
        if not found:
            return
        value = found[0].value
        agent = mapping(value.get("subagentInfo"))
        self._state.is_agent = self._state.is_agent or bool(agent)
        folder = string(value.get("workspacePath")) or path_of(value.get("workspaceUri"))
        facts = {
            "project_root": folder,
            "cwd": folder,
            "parent": identifier(agent.get("parentAgentId")),
            "relation": "subagent" if agent else None,
            "agent_id": self._session if agent else None,
            "agent_type": string(agent.get("typeName")),
        }
        self._open(row)
        if self._state.tell(self._session, "facts", facts):
            self._draft.session(self._session, row.mark, **facts)
        name = value.get("name")
        if not is_placeholder(name) and self._state.tell(self._session, "title", name):
            self._draft.title(self._session, row.mark, name, "generated")

    def _open(self, row: Row) -> None:
        if self._state.tell(self._session, "path"):
            self._draft.session(self._session, row.mark, path=self._path)

    def blob(self, row: Row) -> None:
        """Add a message; a blob that is none is a node of the graph, or a file."""
        text = row.value.get("data")
        if type(text) is not str or not text.startswith("{"):
            return
        raw = text.encode("utf-8", "replace")
        found, bad = records(Line(row.mark, row.end, raw), lambda _: False)
        value = found[0].value if len(found) == 1 and not bad else {}
        role = value.get("role")
        if type(role) is not str or role == "system":
            return  # the system prompt is Cursor's own, the same in every chat
        self._open(row)
        at = moment(value.get("createdAt"))
        if role == "user":
            self._user(row, value, at)
        elif role == "assistant":
            self._assistant(row, value, at)
        elif role == "tool":
            self._results(row, value, at)
        else:
            self._message(row, "system", "unknown", [Part("unknown", data=bounded(value))], at)

    def _user(self, row: Row, value: dict[str, Any], at: datetime | None) -> None:
        texts, others = [], []
        for block in _blocks(value):
            fields = mapping(block)
            text = block if type(block) is str else fields.get("text")
            if type(text) is str and fields.get("type", "text") == "text":
                texts.append(text)
            elif fields.get("type") == "image":
                media_type = fields.get("mimeType") or fields.get("mediaType")
                others.append(Part("image", data={"media_type": string(media_type)}))
            elif block is not None:
                others.append(Part("unknown", data=bounded(block)))
        typed = read_user_text("\n".join(texts))
        if not typed.parts and not others:
            return
        kind: MessageKind = "injected"
        if _cursor(value).get("isSummary") is True:
            kind = "compaction"
        elif typed.is_prompt and not self._state.is_agent:
            kind = "prompt"
        if typed.is_prompt and kind != "compaction" and self._state.tell(self._session, "prompt"):
            title = next((part.text for part in typed.parts if part.text and not part.data), None)
            self._draft.title(self._session, row.mark, title, "first_prompt")
        self._message(row, "user", kind, typed.parts + others, at or typed.at)

    def _assistant(self, row: Row, value: dict[str, Any], at: datetime | None) -> None:
        parts: list[Part] = []
        model = _cursor(value).get("modelName")
        for index, block in enumerate(_blocks(value)):
            fields = mapping(block)
            model = model or _cursor(fields).get("modelName")
            parts += self._answer_parts(row, block, index, at)
        if parts:
            self._message(row, "assistant", "answer", parts, at, identifier(model))

    def _answer_parts(self, row: Row, block: object, index: int, at: datetime | None) -> list[Part]:
        fields = mapping(block)
        kind = fields.get("type")
        text = block if type(block) is str else fields.get("text")
        if kind in ("reasoning", "thinking"):
            thought = string(text) or string(fields.get("thinking"))
            return [Part("thinking", thought)] if thought and thought.strip() else []
        if type(text) is str and kind in (None, "text"):
            thoughts, rest = without_thinking(text)
            shown = visible(rest).strip()
            parts = [Part("thinking", thought) for thought in thoughts]
            return parts + ([Part("text", shown)] if shown else [])
        if kind in ("tool-call", "tool_call", "tool_use"):
            return [Part("tool_call", tool_call=self._call(row, fields, index, at))]
        if kind == "redacted-reasoning" or block is None:
            return []
        return [Part("unknown", data=bounded(block))]

    def _call(self, row: Row, fields: dict[str, Any], index: int, at: datetime | None) -> str:
        call = identifier(fields.get("toolCallId")) or f"{row.key}#{index}"
        name = string(fields.get("toolName")) or string(fields.get("name")) or "unknown"
        given = next((fields[k] for k in ("args", "input", "arguments") if k in fields), None)
        if is_edit(name):
            self._state.open_edit(call)
        return self._draft.tool_call(
            self._session,
            row.mark,
            call,
            message=record_id("message", row.key),
            position=row.mark,
            name=name,
            input=given,
            started_at=at,
            file_path=edited_file(name, given),
            change=asked(name, given),
        )

    def _results(self, row: Row, value: dict[str, Any], at: datetime | None) -> None:
        high = mapping(_cursor(value).get("highLevelToolCallResult"))
        output = mapping(high.get("output"))
        for block in _blocks(value):
            fields = mapping(block)
            call = fields.get("toolCallId") or fields.get("tool_call_id") or value.get("id")
            native_id = identifier(call) or identifier(value.get("tool_call_id"))
            if native_id is None:
                continue
            is_error = _is_error(fields, high, output)
            is_failed_edit = self._state.close_edit(native_id) and is_error is True
            agent = mapping(output.get("success")).get("agentId")
            self._draft.tool_call(
                self._session,
                row.mark,
                native_id,
                result=_result_text(fields, block),
                is_error=is_error,
                ended_at=at,
                change=nothing() if is_failed_edit else None,
                agent_session=identifier(agent),
            )

    def _message(
        self,
        row: Row,
        role: Any,
        kind: MessageKind,
        parts: list[Part],
        at: datetime | None,
        model: str | None = None,
    ) -> None:
        self._draft.message(
            self._session,
            row.mark,
            row.key,
            role,
            kind,
            parts,
            position=row.mark,
            at=at,
            native_id=identifier(row.key),
            model=model,
        )


def _cursor(value: dict[str, Any]) -> dict[str, Any]:
    return mapping(mapping(value.get("providerOptions")).get("cursor"))


def _blocks(value: dict[str, Any]) -> list[Any]:
    content = value.get("content")
    return content if type(content) is list else [] if content is None else [content]


def _is_error(fields: dict[str, Any], high: dict[str, Any], output: dict[str, Any]) -> bool | None:
    """Return whether a tool failed, as far as anything says so."""
    told = [source.get("isError") for source in (fields, high, output)]
    if True in told or "error" in output:
        return True
    return False if False in told or "success" in output else None


def _result_text(fields: dict[str, Any], block: object) -> str | None:
    if type(block) is str:
        return block or None
    result = fields.get("result", fields.get("output"))
    if type(result) is str:
        return result or None
    items = fields.get("experimental_content")
    if result is None and type(items) is list:
        texts = [text for item in items if (text := string(mapping(item).get("text")))]
        return "\n".join(texts) or None
    try:
        return orjson.dumps(result).decode() if result is not None else None
    except (orjson.JSONEncodeError, RecursionError):
        return None
