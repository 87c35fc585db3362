"""One thread of Amp being read: its facts and its messages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.amp.tools import Tools
from claude_code_tracer.sources.draft import Draft, Part, path_text
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import bounded, count, identifier, mapping, string, when

__all__ = ["Thread"]

_SKIPPED = {"redacted_thinking"}


class Thread:
    """The messages of one document, told to a draft in their order."""

    def __init__(self, draft: Draft, file: Transcript, record: Record) -> None:
        self.draft = draft
        self.session = file.session
        self.value = record.value
        self.flags = record.flags
        self.revision = count(record.value.get("v")) or 0
        """Amp counts how often it wrote the thread."""
        self._path = file.path
        self._tools = Tools(draft, self.session, self.revision)
        self._has_first_prompt = False
        messages = record.value.get("messages")
        self.messages = [mapping(m) for m in messages] if type(messages) is list else []
        self.keys = _keys(self.messages)
        """What identifies each message in its thread."""

    def tell(self) -> None:
        """Add what is known of the thread, then every message of it."""
        self._tell_session(self._path)
        at = from_epoch_ms(self.value.get("created"))
        for index, message in enumerate(self.messages):
            at = self._add_message(index, message, at)

    def _tell_session(self, path: Path) -> None:
        initial = mapping(mapping(self.value.get("env")).get("initial"))
        trees = initial.get("trees")
        tree = mapping(trees[0]) if type(trees) is list and trees else {}
        platform = mapping(initial.get("platform"))
        folder = _path_in(tree.get("uri"))
        branch = string(mapping(tree.get("repository")).get("ref")) or ""
        self.draft.session(
            self.session,
            self.revision,
            path=path_text(path),
            project_root=folder,
            cwd=folder,
            branch=branch.removeprefix("refs/heads/") or None,
            tool_version=string(platform.get("clientVersion")),
            entrypoint=string(platform.get("client")),
        )
        self.draft.title(self.session, self.revision, self.value.get("title"), "generated")

    def _add_message(
        self, index: int, message: dict[str, Any], before: datetime | None
    ) -> datetime | None:
        """Add a message and return its time; what has none happened right after the one before."""
        own = _time_of(message)
        at = own or before
        role = message.get("role")
        parts, is_answered = self._parts(index, message, at)
        if role == "assistant":
            self._add_answer(index, message, parts, at)
        elif role == "user":
            if parts or not is_answered:
                typed = any(part.kind in ("text", "image") for part in parts)
                kind: MessageKind = "prompt" if typed and not is_answered else "injected"
                flags = ["interrupted"] if message.get("interrupted") is True else []
                self._add(index, "user", kind, parts, own or at, flags=flags)
                self._take_title(parts if kind == "prompt" else [])
        elif role == "info":
            is_summary = any(b.get("type") == "summary" for b in map(mapping, _blocks(message)))
            self._add(index, "system", "compaction" if is_summary else "injected", parts, at)
        elif message:
            part = Part("unknown", data=bounded(message))
            self._add(index, "system", "unknown", [part], at)
        return at

    def _take_title(self, parts: list[Part]) -> None:
        if not self._has_first_prompt and parts and parts[0].text:
            self._has_first_prompt = True
            self.draft.title(self.session, self.revision, parts[0].text, "first_prompt")

    def _add_answer(
        self, index: int, message: dict[str, Any], parts: list[Part], at: datetime | None
    ) -> None:
        state = mapping(message.get("state"))
        flags = []
        if state.get("type") == "cancelled":
            flags.append("interrupted")
        elif state.get("type") == "error":
            flags.append("api_error")
            text = string(mapping(state.get("error")).get("message"))
            parts = [*parts, Part("text", text)] if text else parts
        kind: MessageKind = "notice" if "api_error" in flags else "answer"
        model = identifier(mapping(message.get("usage")).get("model"))
        self._add(index, "assistant", kind, parts, at, model=model, flags=flags)

    def _parts(
        self, index: int, message: dict[str, Any], at: datetime | None
    ) -> tuple[list[Part], bool]:
        """Return what a message consists of, and whether results of tools were in it."""
        parts: list[Part] = []
        is_answered = False
        for place, block in enumerate(_blocks(message)):
            fields = {"type": "text", "text": block} if type(block) is str else mapping(block)
            kind = fields.get("type")
            if kind == "tool_result":
                is_answered = True
                self._tools.give(fields, at)
            elif kind == "tool_use":
                key = self.keys[index]
                id = record_id("message", key)
                call = identifier(fields.get("id")) or f"{key}#{place}"
                parts.append(self._tools.ask(call, id, index, fields, at))
            elif not (type(kind) is str and kind in _SKIPPED):
                parts += _content(kind, fields, block)
        return parts, is_answered

    def _add(
        self,
        index: int,
        role: Role,
        kind: MessageKind,
        parts: list[Part],
        at: datetime | None,
        *,
        model: str | None = None,
        flags: list[str] | None = None,
    ) -> None:
        key = self.keys[index]
        self.draft.message(
            self.session,
            self.revision,
            key,
            role,
            kind,
            parts,
            position=index,
            at=at,
            native_id=key,
            model=model,
            flags=(*self.flags, *(flags or ())),
        )


def _keys(messages: list[dict[str, Any]]) -> list[str]:
    """Return Amp's number of each message; its place when it has none, or another's."""
    keys: list[str] = []
    seen: set[int | None] = {None}
    for index, message in enumerate(messages):
        number = count(message.get("messageId"))
        keys.append(f"@{index}" if number in seen else str(number))
        seen.add(number)
    return keys


def _blocks(message: dict[str, Any]) -> list[Any]:
    content = message.get("content", message.get("text"))
    return content if type(content) is list else [content] if type(content) is str else []


def _time_of(message: dict[str, Any]) -> datetime | None:
    usage = mapping(message.get("usage"))
    return (
        when(usage.get("timestamp"))
        or when(message.get("timestamp"))
        or from_epoch_ms(mapping(message.get("meta")).get("sentAt"))
        or from_epoch_ms(message.get("createdAt"))
    )


def _content(kind: object, fields: dict[str, Any], block: Any) -> list[Part]:
    """Return one block of content; nothing for one that says nothing."""
    if kind in ("text", "thinking"):
        text = string(fields.get("text" if kind == "text" else "thinking"))
        return [Part("text" if kind == "text" else "thinking", text)] if text else []
    if kind == "image":
        source = mapping(fields.get("source"))
        data = string(source.get("data")) or ""
        size = len(data) * 3 // 4 - data[-2:].count("=")
        facts = {"media_type": string(source.get("mediaType")), "bytes": size}
        return [Part("image", data=facts)]
    if kind == "summary":
        summary = fields.get("summary")
        text = string(summary) or string(mapping(summary).get("summary"))
        return [Part("text", text)] if text else []
    if kind == "manual_bash_invocation":
        run = mapping(mapping(fields.get("toolRun")).get("result"))
        command = string(mapping(fields.get("args")).get("cmd")) or ""
        return [Part("text", f"$ {command}\n{string(run.get('output')) or ''}".rstrip())]
    return [Part("unknown", data=bounded(block))]


def _path_in(uri: object) -> str | None:
    """Return the path in a `file://` address."""
    text = string(uri)
    if text is None or not text.startswith("file:"):
        return None
    try:
        return unquote(urlsplit(text).path) or None
    except ValueError:
        return None
