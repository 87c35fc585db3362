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
    "<teammate-message",
    "<agent-message",
    "<cross-session-message",
    "<channel ",
    "<scheduled-task",
    "<<autonomous-loop",
    "Caveat:",
    "Another Claude session sent a message",
    "A peer session sent a message while you were working:",
    "Base directory for this skill:",
    "Stop hook feedback:",
    "This session is being continued from a previous conversation",
    "[SYSTEM NOTIFICATION - NOT USER INPUT]",
    "[SCHEDULED TASK",
    "[Subagent hand-back]",
    INTERRUPTED,
)
_EDITORS = ("claude-vscode", "claude-desktop")
"""Programs in which people type and which ask through the SDK."""
_WRAPPER = re.compile(r"\s*<(ide_opened_file|ide_selection|system-reminder)>")


def has_human_origin(value: dict[str, Any]) -> bool:
    """Tell whether the fields beside the text allow that a person typed it.

    Newer versions say who began the turn; before, `promptSource` says `sdk` of whatever came
    through the SDK, which is how people's editors ask as well.
    """
    if any(value.get(name) is True for name in ("isMeta", "isCompactSummary", "isSidechain")):
        return False
    for said in (mapping(value.get("origin")).get("kind"), value.get("turnOrigin")):
        if said is not None:
            return bool(said == "human")
    source = value.get("promptSource")
    return source != "system" and (source != "sdk" or value.get("entrypoint") in _EDITORS)


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
