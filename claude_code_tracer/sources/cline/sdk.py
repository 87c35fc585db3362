"""`<session>.messages.json`: what Cline's SDK, its command line of 2026, writes.

One object `{version, updated_at, agent, sessionId, messages}`, rewritten as a whole. A message has
blocks like Anthropic's, an id, a time in ms and, when it is the model's, `modelInfo` and `metrics`.
The manifest `<session>.json` beside it says where the session worked.
"""

from __future__ import annotations

import re
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.changes import Change
from claude_code_tracer.sources.cline.edits import input_change
from claude_code_tracer.sources.cline.usage import sdk_usage
from claude_code_tracer.sources.draft import Draft, Part, path_text
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import bounded, identifier, mapping, string, usd, when

__all__ = ["read_manifest", "read_session"]

_TYPED = re.compile(r"\s*<user_input(?: [^>]{0,200})?>(.*)</user_input>\s*", re.DOTALL)
_EPOCH_MS = 1000


class _Session:
    """One version of a session's document being read."""

    def __init__(self, file: Transcript, value: dict[str, Any], end: int) -> None:
        self.file = file
        self.draft = Draft(file.source)
        updated = when(value.get("updated_at"))
        self.revision = int(updated.timestamp() * _EPOCH_MS) if updated else end
        self.position = 0
        self.has_title = False
        self.changes: dict[str, Change] = {}
        self.counts: dict[str, int] = {}

    def key(self, message: dict[str, Any], index: int) -> str:
        """Return the message's own id; without one, its role and which of that role it is."""
        if own := identifier(message.get("id")):
            return own
        role = str(message.get("role"))[:20]
        self.counts[role] = self.counts.get(role, 0) + 1
        return f"{role}#{self.counts[role]}"


def read_session(file: Transcript, value: dict[str, Any], end: int) -> Draft:
    """Turn a session's document into entities."""
    reading = _Session(file, value, end)
    facts: dict[str, Any] = {"path": path_text(file.path)}
    if file.parent:
        agent = file.session.removeprefix(f"{file.parent}/")
        facts |= {"parent": file.parent, "relation": "subagent", "agent_id": agent}
        facts["agent_type"] = string(value.get("agent"))
    reading.draft.session(file.session, reading.revision, **facts)
    messages = value.get("messages")
    for index, message in enumerate(messages if type(messages) is list else []):
        if type(message) is dict:
            _message(reading, message, index)
    return reading.draft


def read_manifest(file: Transcript, value: dict[str, Any], end: int) -> Draft:
    """Turn a session's manifest into facts."""
    draft = Draft(file.source)
    started = when(value.get("ended_at")) or when(value.get("started_at"))
    revision = int(started.timestamp() * _EPOCH_MS) if started else end
    cwd, root = string(value.get("cwd")), string(value.get("workspace_root"))
    draft.session(
        file.session,
        revision,
        cwd=cwd or root,
        project_root=root or cwd,
        entrypoint=string(value.get("source")),
    )
    draft.title(file.session, revision, mapping(value.get("metadata")).get("title"), "generated")
    return draft


def _message(reading: _Session, message: dict[str, Any], index: int) -> None:
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if type(content) is str else content
    items = [b for b in blocks if type(b) is dict] if type(blocks) is list else []
    at = from_epoch_ms(message.get("ts"))
    reading.position = int(message["ts"]) if at else reading.position + 1
    key = reading.key(message, index)
    if message.get("role") == "assistant":
        _answer(reading, message, key, items)
    elif message.get("role") == "user":
        _user(reading, message, key, items)
    else:
        _add(reading, message, key, "unknown", [Part("unknown", data=bounded(message))])


def _user(
    reading: _Session, message: dict[str, Any], key: str, items: list[dict[str, Any]]
) -> None:
    """Take what a person typed, or what came back from tools."""
    parts: list[Part] = []
    for block in items:
        if block.get("type") == "tool_result":
            _result(reading, message, block)
        else:
            parts += _part(block)
    if not parts:
        return
    metadata = mapping(message.get("metadata"))
    kind = string(metadata.get("kind")) or ""
    if "compact" in kind or "summary" in kind:
        _add(reading, message, key, "compaction", parts)
    elif metadata.get("displayOnly") is True or kind:
        _add(reading, message, key, "injected", parts)
    elif reading.file.parent:
        _add(reading, message, key, "injected", parts)  # an agent is asked by another
    else:
        _add(reading, message, key, "prompt", parts)
        _title(reading, parts)


def _title(reading: _Session, parts: list[Part]) -> None:
    text = next((part.text for part in parts if part.text and part.text.strip()), None)
    if text and not reading.has_title:
        reading.has_title = True
        reading.draft.title(reading.file.session, reading.revision, text, "first_prompt")


def _answer(
    reading: _Session, message: dict[str, Any], key: str, items: list[dict[str, Any]]
) -> None:
    draft, session = reading.draft, reading.file.session
    model = string(mapping(message.get("modelInfo")).get("id"))
    at = from_epoch_ms(message.get("ts"))
    parts: list[Part] = []
    calls: list[tuple[str, dict[str, Any]]] = []
    for block in items:
        if block.get("type") == "tool_use":
            call = identifier(block.get("id")) or f"{key}#{len(calls)}"
            calls.append((call, block))
            parts.append(Part("tool_call", tool_call=record_id("tool_call", call)))
        else:
            parts += _part(block)
    id = _add(reading, message, key, "answer", parts, model) if parts else None
    for call, block in calls:
        fields = mapping(block.get("input"))
        change = input_change(fields)
        if change:
            reading.changes[call] = change
        draft.tool_call(
            session,
            reading.revision,
            call,
            message=id,
            position=reading.position,
            name=string(block.get("name")) or "unknown",
            input=block.get("input"),
            started_at=at,
            file_path=string(fields.get("path")) if change else None,
        )
    metrics = mapping(message.get("metrics"))
    usage = sdk_usage(metrics)
    if usage:
        draft.model_call(
            session,
            reading.revision,
            (session, key),
            usage,
            message=id,
            native_id=identifier(message.get("id")),
            model=model,
            at=at,
            reported_cost_usd=usd(metrics.get("cost")),
        )


def _result(reading: _Session, message: dict[str, Any], block: dict[str, Any]) -> None:
    call = identifier(block.get("tool_use_id"))
    if call is None:
        return
    is_error = block.get("is_error") is True
    change = reading.changes.get(call)
    reading.draft.tool_call(
        reading.file.session,
        reading.revision,
        call,
        result=_result_text(block.get("content")),
        is_error=is_error,
        ended_at=from_epoch_ms(message.get("ts")),
        change=Change(change.hunks, 0, 0) if change and is_error else change,
    )


def _result_text(content: object) -> str:
    if type(content) is str:
        return content
    if type(content) is not list:
        return ""
    texts = [mapping(block).get("text", mapping(block).get("content")) for block in content]
    return "\n".join(text for text in texts if type(text) is str)


def _part(block: dict[str, Any]) -> list[Part]:
    kind = block.get("type")
    if kind == "text":
        text = string(block.get("text"))
        typed = _TYPED.fullmatch(text) if text else None
        return [Part("text", typed[1] if typed else text)] if text else []
    if kind == "thinking":
        text = string(block.get("thinking"))
        return [Part("thinking", text)] if text else []
    if kind == "redacted_thinking":
        return [Part("thinking")]
    if kind in ("image", "media"):
        data = string(block.get("data")) or ""
        size = len(data) * 3 // 4
        return [Part("image", data={"media_type": string(block.get("mediaType")), "bytes": size})]
    if kind == "file":
        return [Part("document", string(block.get("content")), data={"path": block.get("path")})]
    return [Part("unknown", data=bounded(block))]


def _add(
    reading: _Session,
    message: dict[str, Any],
    key: str,
    kind: Any,
    parts: list[Part],
    model: str | None = None,
) -> str:
    role: Any = {"answer": "assistant", "unknown": "system"}.get(kind, "user")
    return reading.draft.message(
        reading.file.session,
        reading.revision,
        key,
        role,
        kind,
        parts,
        position=reading.position,
        at=from_epoch_ms(message.get("ts")),
        native_id=identifier(message.get("id")),
        model=model,
    )
