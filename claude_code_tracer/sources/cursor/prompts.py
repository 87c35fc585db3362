"""What stands in the user's place: what was typed, and what Cursor put around it.

A typed prompt stands in `<user_query>`; before it come the time (to the minute, with its zone) and
files, links, images. Context that nobody typed comes as messages of its own in other tags. Very old
builds wrote the bare prompt.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.values import when

__all__ = ["Typed", "read_user_text", "visible", "without_thinking"]

_QUERY = re.compile(r"<user_query>(.*?)(?:</user_query>|\Z)", re.DOTALL)
_TIMESTAMP = re.compile(r"<timestamp>([^<]{1,80})</timestamp>")
_TIME = re.compile(
    r"(?:[A-Za-z]+,\s*)?([A-Za-z]{3})[a-z]*\s+(\d{1,2}),\s*(\d{4}),?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?"
    r"\s*([AaPp][Mm])?\s*\((?:UTC|GMT)(?:([+-])(\d{1,2})(?::?(\d{2}))?)?\)"
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_TAG = re.compile(r"\s*<([A-Za-z][\w-]*)(?:\s[^<>]*)?>")
_MAX_PIECES = 32
_IMAGE = re.compile(r"\s*\[Image\]")
_IMAGE_PATH = re.compile(r"^\d+\.\s+(\S.*)$", re.MULTILINE)
_KNOWN_TAGS = {
    "additional_data",
    "agent_skills",
    "attached_files",
    "dynamic_tools",
    "external_links",
    "git_status",
    "image_files",
    "mcp_meta_tools",
    "open_and_recently_viewed_files",
    "project_layout",
    "rules",
    "subagents",
    "system-reminder",
    "system_notification",
    "system_reminder",
    "uploaded_documents",
    "user_info",
}
_OWN_QUERIES = ("Briefly inform the user about the task result",)
"""What Cursor asks in the user's name when a task in the background is done."""

_REDACTED = "[REDACTED]"
_THINK = re.compile(r"\s*<think>\n?(.*?)(?:</think>\n?|\Z)", re.DOTALL)


class Typed(msgspec.Struct):
    """A text in the user's place: its pieces, whether a person typed any, and when."""

    parts: list[Part]
    is_prompt: bool
    at: datetime | None


def read_user_text(text: str) -> Typed:
    """Take a user's text apart."""
    stamp = _TIMESTAMP.search(text)
    at = _time(stamp[1]) if stamp else None
    queries = list(_QUERY.finditer(text))
    if queries:
        return _with_query(text, queries, at)
    rest = text[: stamp.start()] + text[stamp.end() :] if stamp else text
    parts, end = _wrapped(rest)
    typed = rest[end:].strip()
    if typed:
        parts.append(Part("text", typed))
    has_image = any(part.kind == "image" for part in parts)
    return Typed(parts, bool(typed) or has_image, at)


def _with_query(text: str, queries: list[re.Match[str]], at: datetime | None) -> Typed:
    around = _TIMESTAMP.sub("", _QUERY.sub("", text))
    parts, end = _wrapped(around)
    if rest := around[end:].strip():
        parts.append(Part("text", rest, data={"injected": "context"}))
    typed = "\n\n".join(query[1].strip() for query in queries).strip()
    if typed:
        parts.append(Part("text", typed))
    has_image = any(part.kind == "image" for part in parts)
    is_own = typed.startswith(_OWN_QUERIES)
    return Typed(parts, (bool(typed) or has_image) and not is_own, at)


def _wrapped(text: str) -> tuple[list[Part], int]:
    """Return the tagged pieces that `text` begins with, and where they end."""
    parts: list[Part] = []
    has_files = "<image_files>" in text  # they name the images that `[Image]` stands for
    at = 0
    while len(parts) < _MAX_PIECES:
        if image := _IMAGE.match(text, at):
            at = image.end()
            if not has_files:
                parts.append(Part("image", data={"media_type": None}))
        elif (tag := _TAG.match(text, at)) and _is_injected(tag[1], text):
            close = text.find(f"</{tag[1]}>", tag.end())
            end = len(text) if close < 0 else close + len(tag[1]) + 3
            piece = text[at:end].strip()
            if tag[1] == "image_files":
                parts += _images(piece)
            parts.append(Part("text", piece, data={"injected": tag[1]}))
            at = end
        else:
            break
    return parts, at


def _images(piece: str) -> list[Part]:
    paths = _IMAGE_PATH.findall(piece)[:_MAX_PIECES]
    return [Part("image", data={"media_type": None, "path": path}) for path in paths]


def _is_injected(tag: str, text: str) -> bool:
    """Tell Cursor's tags from code that somebody typed: HTML has no underscores in its names."""
    return tag in _KNOWN_TAGS or ("_" in tag and f"</{tag}>" in text)


def _time(text: str) -> datetime | None:
    """Return `Wednesday, Jul 22, 2026, 2:49 PM (UTC+7)` as UTC; None without a zone."""
    found = _TIME.search(text)
    if found is None or found[1].lower() not in _MONTHS:
        return None
    hour = int(found[4])
    if found[7]:
        hour = hour % 12 + (12 if found[7].lower() == "pm" else 0)
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0))
    try:
        local = datetime(
            int(found[3]),
            _MONTHS.index(found[1].lower()) + 1,
            int(found[2]),
            hour,
            int(found[5]),
            int(found[6] or 0),
            tzinfo=UTC,
        )
        at = local + offset if found[8] == "-" else local - offset
    except (ValueError, OverflowError):
        return None
    return when(at.isoformat())


def visible(text: str) -> str:
    """Return an answer's text without the marks that stand for thinking that was not kept."""
    text = text.strip()
    while text.endswith(_REDACTED):
        text = text[: -len(_REDACTED)].rstrip()
    while text.startswith(_REDACTED):
        text = text[len(_REDACTED) :].lstrip()
    return text


def without_thinking(text: str) -> tuple[list[str], str]:
    """Split off the thoughts that late-2025 builds put in front of an answer."""
    thoughts = []
    at = 0
    while found := _THINK.match(text, at):
        thoughts.append(found[1].strip())
        at = found.end()
    return [thought for thought in thoughts if thought], text[at:]
