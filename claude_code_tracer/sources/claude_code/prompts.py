"""Who wrote a `user` record: the person, or the tool on the person's behalf."""

from __future__ import annotations

import re
from typing import Any

from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.values import mapping

__all__ = ["INTERRUPTED", "has_human_origin", "is_typed", "split_wrapped"]

INTERRUPTED = "[Request interrupted"

_NOT_TYPED = (
    "<command-name>",
    "<command-message>",
    "<local-command-",
    "<bash-stdout>",
    "<bash-stderr>",
    "<task-notification>",
    "<ide_opened_file>",
    "<ide_selection>",
    "<system-reminder>",
    "Caveat:",
    INTERRUPTED,
)
_WRAPPER = re.compile(r"\s*<(ide_opened_file|ide_selection|system-reminder)>")


def has_human_origin(value: dict[str, Any]) -> bool:
    """Tell whether the fields beside the text allow that a person typed it."""
    return (
        value.get("isMeta") is not True
        and value.get("isCompactSummary") is not True
        and value.get("isSidechain") is not True
        and mapping(value.get("origin")).get("kind", "human") == "human"
        and value.get("promptSource") not in ("system", "sdk")
    )


def is_typed(part: Part) -> bool:
    """Tell whether a piece of content can be a person's own."""
    if part.kind != "text":
        return part.kind in ("image", "document")
    return bool(part.text and not part.data and not part.text.lstrip().startswith(_NOT_TYPED))


def split_wrapped(text: str) -> list[Part]:
    """Split off what an IDE glued in front of a prompt; such pieces say so in `data`."""
    parts = []
    at = 0
    while wrapper := _WRAPPER.match(text, at):
        tag = wrapper[1]
        end = text.find(f"</{tag}>", wrapper.end())
        end = len(text) if end < 0 else end + len(tag) + 3
        parts.append(Part("text", text[at:end].strip(), data={"injected": tag}))
        at = end
    rest = text[at:].strip() if at else text
    if rest or not parts:
        parts.append(Part("text", rest))
    return parts
