"""Who wrote what stands in the conversation as a user's message: the person or the tool.

Codex puts instructions, the environment, skills and notices into the conversation as user messages
too. What a person typed it also tells as an event, right after the item; a version that writes
such events writes them for every prompt, so they decide. Without events the wrappers decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from claude_code_tracer.model import MessageKind
from claude_code_tracer.sources.codex.reading import Entry, Reading
from claude_code_tracer.sources.codex.state import OpenPrompt, digest
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = ["add_user_event", "add_user_item", "content_parts", "image_part", "split_typed"]

_REQUEST = re.compile(r"(?:\A|\n)#{1,3} My request for Codex:[ \t]*\n?")
_WRAPPER = re.compile(r"\s*<([A-Za-z][\w-]{0,60})(?:\s[^<>]*)?>")
_KNOWN_WRAPPERS = {"skill", "INSTRUCTIONS", "heartbeat"}
_NOT_TYPED = ("# AGENTS.md instructions", "<EXTERNAL SESSION IMPORTED>")
_MEDIA_MARK = re.compile(r"\s*</?(?:audio|image)\b[^<>]*>\s*")
_MAX_TEXTS = 8
"""Of a message's texts, so many may be the one that its event tells."""
_WORDLESS = ""
"""What an event says of a prompt that is nothing but an image."""
_TEXTS = ("input_text", "output_text", "text", "Text")
_IMAGES = ("input_image", "image", "local_image", "localImage")


def add_user_item(reading: Reading, entry: Entry, content: object) -> None:
    """Add a user's message of the conversation, unless an event told it already."""
    raw = _texts(content)
    parts = content_parts(content, _origins(entry.payload))
    typed = [part for part in parts if part.kind != "text" or not part.data]
    reading.close_answer()
    state = reading.state
    if not typed:
        if not state.see_twin("item", "context", "".join(raw)):
            reading.message(entry, "user", "injected", parts, native_id=_native_id(entry))
        return
    if _is_attached(reading, "item", "".join(raw)):
        reading.message(entry, "user", "injected", parts, native_id=_native_id(entry))
        return
    words = [text for text in raw if not _MEDIA_MARK.fullmatch(text)]
    texts = dict.fromkeys(["".join(raw), *raw[:_MAX_TEXTS]])
    seen = [digest(text) for text in texts if text.strip()]
    seen += [digest(_WORDLESS)] if not words else []
    told = state.twins.get("event/prompt", [])
    if twin := next((one for one in seen if one in told), None):
        told.remove(twin)
        return
    reading.leave_answer()
    kind: MessageKind = "injected" if state.is_agent else "prompt"
    key = reading.message(entry, "user", kind, parts, native_id=_native_id(entry))
    state.open_prompt(OpenPrompt(seen, key, reading.position(entry.start), entry.at))
    _take_title(reading, entry, typed, is_event=False)


def add_user_event(reading: Reading, entry: Entry, text: str, media: list[Part]) -> None:
    """Add what a person typed, unless the conversation told it already."""
    state = reading.state
    parts = [*split_typed(text), *media] if text else media
    typed = [part for part in parts if part.kind != "text" or not part.data]
    if not typed:  # in 2025 there were events for some of what the tool put in
        if parts and not state.see_twin("event", "context", text):
            reading.message(entry, "user", "injected", parts)
        return
    if _is_attached(reading, "event", text):
        return
    state.has_prompt_events = True
    if state.review and _is_reviewers(reading, entry, text, parts):
        return
    _take_title(reading, entry, typed, is_event=True)
    mark = digest(text)
    opened = next((prompt for prompt in state.prompts if mark in prompt.digests), None)
    if opened:
        state.prompts.remove(opened)
        return
    reading.leave_answer()
    state.see_twin("event", "prompt", text)
    kind: MessageKind = "injected" if state.is_agent else "prompt"
    reading.message(entry, "user", kind, parts, native_id=_native_id(entry))


def _is_attached(reading: Reading, stream: str, text: str) -> bool:
    """Tell whether what came without a word is an image that a tool showed to the model."""
    state = reading.state
    if text.strip() or (stream == "item" and not state.attached):
        return False
    if stream == "item":
        state.attached -= 1
        state.see_twin("item", "attached", _WORDLESS)
        return True
    return bool(state.twins.get("item/attached")) and state.see_twin("event", "attached", _WORDLESS)


def _is_reviewers(reading: Reading, entry: Entry, text: str, parts: list[Part]) -> bool:
    """Take what is asked of a reviewer: the tool asks in the person's place, and may say it twice.

    What the person asked for in words of their own is what they were shown of it: that is typed.
    """
    review, mark = reading.state.review or [], digest(text)
    if mark in review[1:]:
        return True
    if len(review) > 1:
        return False
    review.append(mark)
    if mark == review[0]:
        return False
    reading.leave_answer()
    reading.state.see_twin("event", "prompt", text)
    for part in parts:
        part.data = part.data or {"injected": "review"}
    reading.message(entry, "user", "injected", parts)
    return True


def _take_title(reading: Reading, entry: Entry, typed: list[Part], *, is_event: bool) -> None:
    text = next((part.text for part in typed if part.text), None)
    if text:
        reading.prompt_title(entry.start, text, is_event=is_event)


def _native_id(entry: Entry) -> str | None:
    return identifier(entry.payload.get("id"))


def _texts(content: object) -> list[str]:
    """Return the texts of a message's content as they were written."""
    if type(content) is str:
        return [content]
    found = (_text(item) for item in content) if type(content) is list else ()
    return [text for text in found if text]


def _text(item: Any) -> str | None:
    fields = mapping(item)
    is_text = fields.get("type", "text") in _TEXTS if type(fields.get("type")) is str else fields
    return item if type(item) is str else (string(fields.get("text")) if is_text else None)


def _origins(payload: dict[str, Any]) -> list[str | None]:
    """Return of each item of a content what the tool says that it put in; None: it does not say."""
    told = mapping(payload.get("internal_chat_message_metadata_passthrough"))
    items, kinds = told.get("content_item_metadata"), told.get("content_item_kinds")
    origins: list[str | None] = []
    for index, item in enumerate(items if type(items) is list else ()):
        is_ours = mapping(mapping(item).get("provenance")).get("type") == "harness"
        kind = kinds[index] if type(kinds) is list and index < len(kinds) else None
        origins.append((string(kind) or "harness")[:100] if is_ours else None)
    return origins


def content_parts(content: object, origins: Sequence[str | None] = ()) -> list[Part]:
    """Return what a message's content consists of; what the tool put in says so in `data`."""
    if type(content) is str:
        return split_typed(content)
    parts: list[Part] = []
    for index, item in enumerate(content if type(content) is list else ()):
        text = _text(item)
        origin = origins[index] if index < len(origins) else None
        if text is not None and origin and not _wrapper(text):
            parts.append(Part("text", text, data={"injected": origin}))
        elif text is not None:
            parts += [] if _MEDIA_MARK.fullmatch(text) else split_typed(text)
        elif part := _other(mapping(item)):
            parts.append(part)
    return parts


def _other(fields: dict[str, Any]) -> Part | None:
    kind = fields.get("type")
    if kind in _IMAGES if type(kind) is str else False:
        return image_part(fields)
    if kind == "encrypted_content" or not fields or fields.get("text") == "":
        return None
    return Part("unknown", data=bounded(fields))


def image_part(image: object) -> Part | None:
    """Return an image as its type and size, or where it lies; never its content."""
    fields = mapping(image)
    path = string(fields.get("path")) or string(fields.get("file_id"))
    url = image if type(image) is str else fields.get("image_url", fields.get("url"))
    if type(url) is dict:
        url = url.get("url")
    if type(url) is str and url.startswith("data:"):
        head, _, data = url.partition(",")
        media_type = head.removeprefix("data:").partition(";")[0] or None
        size = len(data) * 3 // 4 - data[-2:].count("=")
        return Part("image", data={"media_type": media_type, "bytes": size})
    place = path or string(url)
    return Part("image", data={"media_type": None, "path": place[:1000]}) if place else None


def split_typed(text: str) -> list[Part]:
    """Split what an IDE glued in front of a prompt off it, and mark what nobody typed."""
    tag = _wrapper(text)
    if tag:
        return [Part("text", text, data={"injected": tag})]
    request = _REQUEST.search(text) if text.lstrip().startswith("#") else None
    if request is None or not text[request.end() :].strip():
        return [Part("text", text)]
    around = text[: request.start()].strip()
    parts = [Part("text", around, data={"injected": "ide_context"})] if around else []
    return [*parts, Part("text", text[request.end() :].strip())]


def _wrapper(text: str) -> str | None:
    """Return the name of the wrapper that all of `text` stands in; None when it may be typed."""
    if text.lstrip().startswith(_NOT_TYPED):
        return "instructions"
    found = _WRAPPER.match(text)
    if not found:
        return None
    tag = found[1]
    is_ours = tag in _KNOWN_WRAPPERS or "_" in tag
    return tag if is_ours and text.rstrip().endswith(f"</{tag}>") else None
