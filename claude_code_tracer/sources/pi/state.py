"""What a pi transcript's lines share: when and what an entry is, and which session it is of."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.reading import Memory, Reading
from claude_code_tracer.sources.saved import digest
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import bounded, mapping, string, when

__all__ = ["PiMemory", "PiReading", "content_parts", "entry_key", "entry_time", "session_in"]

_TIME_PREFIX = re.compile(r"\d{4}-\d\d-\d\dT[\d-]{8,20}Z_")


class PiMemory(Memory):
    """Beside the common facts: what later entries need to know."""

    forked_at: datetime | None = None
    """When a branch was made, before which its entries are copies."""
    model: str | None = None
    """The model that answered last or was chosen since: it writes summaries, too."""


PiReading = Reading[PiMemory]


def session_in(stem: str) -> str:
    """Return the native id of the session that a file or folder of this name holds."""
    return _TIME_PREFIX.sub("", stem, count=1)


def entry_time(record: Record, message: dict[str, Any]) -> datetime | None:
    """Return when an entry was written; a message's own time says when it was begun."""
    return when(record.value.get("timestamp")) or from_epoch_ms(message.get("timestamp"))


def entry_key(record: Record, message: dict[str, Any]) -> str:
    """Return what every copy of an entry keeps: its time and what it says."""
    value = record.value
    said = [message.get(name) for name in ("role", "content", "summary", "command", "modelId")]
    times = [value.get("timestamp"), message.get("timestamp")]
    return digest(repr(bounded([value.get("type"), times, said])), 16)


def content_parts(content: object) -> list[Part]:
    """Return what a content consists of: a text, or a list of texts and images."""
    parts = []
    for block in content if type(content) is list else [content]:
        fields = mapping(block)
        text = block if type(block) is str else fields.get("text")
        if type(text) is str:
            parts.append(Part("text", text))
        elif fields.get("type") == "image":
            parts.append(_image(fields))
        elif block is not None:
            parts.append(Part("unknown", data=bounded(block)))
    return parts


def _image(block: dict[str, Any]) -> Part:
    data = string(block.get("data")) or ""
    size = len(data) * 3 // 4 - data[-2:].count("=")
    return Part("image", data={"media_type": string(block.get("mimeType")), "bytes": size})
