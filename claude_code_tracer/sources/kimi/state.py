"""One wire file being read: the step that the model is in, and whom it is of."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.draft import Part, Usage
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.reading import Memory, Reading, call_key, put
from claude_code_tracer.sources.saved import digest
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = ["KimiMemory", "KimiReading", "content_parts", "text_of"]

_KEPT_INPUTS = 64
_KEPT_CALLS = 128
_COUNTED = re.compile(r".{0,64}[:_]\d{1,4}")
"""A tool call's id that only counts (`Bash_0`): after a compaction it begins again."""


class KimiMemory(Memory):
    """Beside the common facts: the answer that is being written, and by which model."""

    answer: str | None = None
    model: str | None = None
    calls: dict[str, str] = msgspec.field(default_factory=dict)
    """Under which id an open tool call was told, when the model's own may come again."""
    inputs: list[str] = msgspec.field(default_factory=list)
    """Digests of the last prompts' parts: they come again when the model gets them."""


class KimiReading(Reading[KimiMemory]):
    """What one call of `parse` is making of its lines."""

    def __init__(self, file: Transcript, state: bytes | None) -> None:
        facts: dict[str, str | None] = {}
        if file.parent:
            agent = file.session.rpartition("/")[2]
            facts = {"parent": file.parent, "relation": "subagent", "agent_id": agent}
        super().__init__(file, KimiMemory.load(state), **facts)

    def say(self, record: Record, part: Part, at: datetime | None) -> None:
        """Add a piece of the answer that the model is writing; the first piece begins it."""
        key = self.memory.answer
        odd = set(record.flags)
        if key is None:
            self.memory.answer = f"@{record.start}"
            model = self.memory.model
            self.add(
                record, "assistant", "answer", [part], key=self.memory.answer, at=at, model=model
            )
            return
        id = record_id("message", key)
        place = f"@{record.start}"
        block = self._block(self.native, record.start, place, id, record.start, 0, part, odd)
        if odd:
            self.add(record, "assistant", "answer", [], key=key, at=at, flags=odd)
        self.entities.append(block)

    def answer_key(self, record: Record) -> str:
        """Return the key of the answer that this record is, or begins."""
        return self.memory.answer or f"@{record.start}"

    def call_asked(self, record: Record, native: object) -> str:
        """Return the id of a tool call that the model asks for."""
        id = call_key(record, native, 0)
        if not _COUNTED.fullmatch(id):
            return id
        own = f"{id} in {self.answer_key(record)}"
        put(self.memory.calls, id, own, _KEPT_CALLS)
        return own

    def call_answered(self, record: Record, native: object) -> str:
        """Return the id of the tool call that a result is of."""
        id = call_key(record, native, 0)
        return self.memory.calls.pop(id, id)

    def ask(
        self, record: Record, parts: list[Part], *, is_typed: bool, at: datetime | None
    ) -> None:
        """Add a prompt, or what the program put in its place."""
        self.memory.answer = None
        kind = "prompt" if is_typed and parts and not self.file.parent else "injected"
        if kind == "prompt" or self.file.parent:
            self.tell_prompt(record.start, next((part.text for part in parts if part.text), None))
        self.add(record, "user", "prompt" if kind == "prompt" else "injected", parts, at=at)

    def note(self, record: Record, text: str | None, at: datetime | None, *flags: str) -> None:
        """Add a notice."""
        parts = [Part("text", text)] if text else []
        self.add(record, "system", "notice", parts, at=at, flags=flags)

    def is_second(self, parts: list[Part]) -> bool:
        """Tell whether these are prompts told already, one or several as one; forget them."""
        expected = list(self.memory.inputs)
        for mark in map(_mark, parts):
            if mark not in expected:
                return False
            expected.remove(mark)
        self.memory.inputs = expected
        return bool(parts)

    def expect_second(self, parts: list[Part]) -> None:
        """Remember a prompt that will come again."""
        self.memory.inputs.extend(map(_mark, parts))
        del self.memory.inputs[:-_KEPT_INPUTS]

    def bill(
        self,
        record: Record,
        usage: Usage,
        *,
        at: datetime | None,
        written: object,
        native_id: str | None = None,
    ) -> None:
        """Add an API response. `written` is the time as it stands in the file.

        A copy of the file keeps the response's id or, where there is none, its time.
        """
        sent = (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_5m_tokens)
        counts = tuple(number or 0 for number in sent)
        if not any(counts) and not usage.output_tokens:
            return
        key: tuple[str | int, ...] = ("at", str(written)[:40], usage.output_tokens or 0, *counts)
        if native_id:
            key = ("id", native_id, *counts)
        elif at is None:
            key = ("place", self.native, record.start)
        message = self.memory.answer
        self.model_call(
            self.native,
            record.start,
            key,
            usage,
            message=record_id("message", message) if message else None,
            native_id=native_id,
            model=self.memory.model,
            at=at,
        )


def _mark(part: Part) -> str:
    return digest(part.text or part.kind, 6)


def content_parts(content: object) -> list[Part]:
    """Return what a content consists of: a text, or a list of texts, thoughts and media."""
    parts = []
    for block in content if type(content) is list else [content]:
        fields = mapping(block)
        kind = fields.get("type")
        said = string(block) or string(fields.get("text")) or string(fields.get("think"))
        if said:
            parts.append(Part("thinking" if kind == "think" else "text", said))
        elif media := _media(fields):
            parts.append(media)
        elif kind not in ("text", "think") and block:
            parts.append(Part("unknown", data=bounded(block)))
    return parts


def _media(fields: dict[str, Any]) -> Part | None:
    """Return an image, sound or video as its type and size, without its content."""
    kind = string(fields.get("type")) or ""
    if kind not in ("image_url", "audio_url", "video_url"):
        return None
    source = fields.get(kind, fields.get("imageUrl"))
    url = string(source) or string(mapping(source).get("url")) or ""
    head, _, data = url.partition(",")
    media_type = identifier(head.removeprefix("data:").partition(";")[0]) if data else None
    size = len(data) * 3 // 4 - data[-2:].count("=")
    facts = {"media_type": media_type, "bytes": size} if data else {"media_type": None}
    return Part("image" if kind == "image_url" else "document", data=facts)


def text_of(content: object) -> str:
    """Return the text of a tool's output, with media named."""
    parts = content_parts(content)
    return "\n".join(part.text or f"[{part.kind}]" for part in parts)
