"""JSON that stands in a text, as Cursor keeps most of its values."""

from __future__ import annotations

from typing import Any

from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import Line

__all__ = ["decoded", "loaded"]


def decoded(text: str) -> Any:
    """Return the JSON value in `text`, without what PostgreSQL refuses; None when it is none."""
    wrapped = b'{"value":' + text.encode("utf-8", "replace") + b"}"
    found, bad = records(Line(0, len(wrapped), wrapped), lambda _: False)
    return found[0].value.get("value") if len(found) == 1 and not bad else None


def loaded(value: object) -> Any:
    """Return what a text with an object or an array holds; anything else as it is."""
    if type(value) is str and value[:1] in ("{", "["):
        inner = decoded(value)
        return value if inner is None else inner
    return value
