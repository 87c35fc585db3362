"""A chat kept as one JSON document, which is rewritten after every turn; whole or damaged.

Content decides, not the name: a document may turn out to be lines.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from claude_code_tracer.sources.jsonl import IsWhole, Record, records
from claude_code_tracer.sources.source import BadSpan, Line

__all__ = ["Document", "read_document"]

_MESSAGES = re.compile(r'"messages"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder(strict=False)


@dataclass(slots=True)
class Document:
    """What a file holds: one object, or the records of its lines."""

    value: dict[str, Any] | None = None
    flags: tuple[str, ...] = ()
    lines: list[Record] = field(default_factory=list)
    bad: list[BadSpan] = field(default_factory=list)


def read_document(line: Line, is_whole: IsWhole) -> Document:
    """Return what the file in `line` holds; `is_whole` tells a record that stands on a line."""
    found, bad = records(line, is_whole)
    if found and (type(found[0].value.get("messages")) is list):
        return Document(found[0].value, found[0].flags, bad=bad)
    as_lines = _read_lines(line, is_whole)
    if any(is_whole(record.value) for record in as_lines.lines):
        return as_lines
    if len(found) == 1 and not bad:
        return Document(found[0].value, found[0].flags)
    return _salvage(line, is_whole) or Document(bad=bad)


def _read_lines(line: Line, is_whole: IsWhole) -> Document:
    document = Document()
    at = line.start
    for raw in line.raw.split(b"\n"):
        end = min(at + len(raw) + 1, line.end)
        if raw.strip():
            found, bad = records(Line(at, end, raw), is_whole)
            document.lines += found
            document.bad += bad
        at = end
    return document


def _salvage(line: Line, is_whole: IsWhole) -> Document | None:
    """Return the messages of a document that was cut off, as far as they are whole."""
    text = line.raw.decode("utf-8", "surrogateescape")
    start = _MESSAGES.search(text)
    if start is None:
        return None
    head, _ = records(Line(0, 0, _bytes(text[: start.end()] + "]}")), is_whole)
    messages = []
    at = _skip(text, start.end())
    while at < len(text):
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        found, _ = records(Line(0, 0, _bytes(text[at:end])), is_whole)
        messages += [record.value for record in found]
        at = _skip(text, end)
    cut = line.start + len(_bytes(text[:at]))
    bad = [BadSpan(min(cut, line.end), line.end, "not JSON")]
    value = head[0].value if head else {}
    return Document({**value, "messages": messages}, ("salvaged",), bad=bad)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _skip(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at
