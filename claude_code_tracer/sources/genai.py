"""What Gemini CLI and Qwen Code share: the shapes of Google's GenAI SDK.

Content is a text, one part or a list of parts `{text, thought?}`, `{functionCall}`,
`{functionResponse}`, `{inlineData}`, `{fileData}`; a tool's result is a list of such parts and, for
people, a `resultDisplay`; tokens are counts whose prompt includes what came from the cache.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from claude_code_tracer.sources.changes import Change, diff_of_texts, lines_of, nothing
from claude_code_tracer.sources.draft import Part, Usage
from claude_code_tracer.sources.unified_diff import from_unified_diff
from claude_code_tracer.sources.values import count, mapping, string

__all__ = [
    "EDITS",
    "Counts",
    "content_items",
    "content_parts",
    "counts_of",
    "edit_change",
    "edited_file",
    "has_failed",
    "result_text",
    "usage_of",
    "user_parts",
]

EDITS = frozenset({"edit", "replace", "smart_edit", "write_file"})
"""Tools that change a file; forks of the CLI renamed `replace` to `edit`."""

Counts = tuple[int | None, int | None, int | None, int | None, int | None, int | None]
"""prompt, output, cached, thoughts, tool prompt, total: as the tool wrote them."""

_NAMES = (
    ("promptTokenCount", "input", "input_token_count"),
    ("candidatesTokenCount", "output", "output_token_count"),
    ("cachedContentTokenCount", "cached", "cached_content_token_count"),
    ("thoughtsTokenCount", "thoughts", "thoughts_token_count"),
    ("toolUsePromptTokenCount", "tool", "tool_token_count"),
    ("totalTokenCount", "total", "total_token_count"),
)
_REFERENCED = "--- Content from referenced files ---"
_INJECTED = (
    "<session_context>",
    "<hook_context>",
    "<loaded_context>",
    "<system-reminder>",
    "<qwen:user-prompt-submit-context>",
    "This is the Gemini CLI. We are setting up the context",
    "This is the Qwen Code. We are setting up the context",
    "Here is the user's editor context",
    "Here is a summary of changes in the user's editor context",
    "System: Please continue.",
)
_CONTINUE = "Please continue."
"""What the CLI sends in the person's place when the model stopped too early."""

_MASKED = "<tool_output_masked"
"""An old result taken out of the model's context; what it said is in an earlier version."""


# Content ---------------------------------------------------------------------------------------


def content_items(content: object) -> list[Any]:
    """Return content, of any of its shapes, as a list."""
    if content is None or content == "":
        return []
    return content if type(content) is list else [content]


def content_parts(items: list[Any], *, thoughts: bool = True) -> list[Part]:
    """Return what is said in `items`; calls and responses are for the caller to join.

    Without `thoughts` those in the content are left out: they are told elsewhere.
    """
    parts = []
    for item in items:
        part = _part(item)
        if part and (thoughts or part.kind != "thinking"):
            parts.append(part)
    return parts


def _part(item: object) -> Part | None:
    if type(item) is str:
        return Part("text", item) if item else None
    fields = mapping(item)
    if "functionCall" in fields or "functionResponse" in fields:
        return None
    if media := _media(fields):
        return media
    text = fields.get("text")
    if type(text) is str:
        kind = "thinking" if fields.get("thought") is True else "text"
        return Part("thinking" if kind == "thinking" else "text", text) if text else None
    return Part("unknown", data=item) if item else None


def _media(fields: dict[str, Any]) -> Part | None:
    """Return an attached file as its type and size, without its content."""
    inline, remote = mapping(fields.get("inlineData")), mapping(fields.get("fileData"))
    media_type = string(inline.get("mimeType")) or string(remote.get("mimeType"))
    if not inline and not remote:
        return None
    facts: dict[str, Any] = {"media_type": media_type}
    data = inline.get("data")
    if type(data) is str:
        facts["bytes"] = len(data) * 3 // 4 - data[-2:].count("=")
    is_image = (media_type or "").startswith("image/")
    return Part("image" if is_image else "document", data=facts)


def user_parts(items: list[Any], display: str | None = None) -> tuple[list[Part], bool]:
    """Return what was sent in the person's role, and whether any of it was typed.

    What the tool put in says so in `data`. `display` is what the person saw themselves typing,
    when the tool wrote that down: then no other text was typed.
    """
    parts: list[Part] = []
    is_behind = False
    for item in content_parts(items):
        if item.kind != "text" or not item.text:
            parts.append(item)
            continue
        for text, is_reference in _split(item.text, is_behind):
            is_behind = is_behind or is_reference
            tag = "referenced_files" if is_reference else _tag(text)
            parts.append(Part("text", text, data={"injected": tag} if tag else None))
    if display is not None:
        parts = _shown(display, parts)
    is_typed = any(p.kind in ("text", "image", "document") and not _is_injected(p) for p in parts)
    return parts, is_typed


def _split(text: str, is_behind: bool) -> list[tuple[str, bool]]:
    """Cut off the files that the CLI appended to a prompt that names them with `@`."""
    at = 0 if is_behind else text.find(_REFERENCED)
    if at < 0 or is_behind:
        return [(text, is_behind)]
    typed = text[:at].rstrip("\n")
    rest = (text[at:], True)
    return [(typed, False), rest] if typed else [rest]


def _tag(text: str) -> str | None:
    head = text.lstrip()
    if head.startswith(_INJECTED) or head == _CONTINUE:
        return head[1 : head.find(">")] if head.startswith("<") else "context"
    return None


def _is_injected(part: Part) -> bool:
    return type(part.data) is dict and "injected" in part.data


def _shown(display: str, parts: list[Part]) -> list[Part]:
    """Put what the person typed first; other texts are what the CLI made of it."""
    shown = display.strip()
    rest = [part for part in parts if part.kind != "text" or (part.text or "").strip() != shown]
    for part in rest:
        if part.kind == "text" and part.data is None:
            part.data = {"injected": "expanded"}
    return [Part("text", display), *rest] if shown else rest


# Tool results ----------------------------------------------------------------------------------


def result_text(result: object) -> str | None:
    """Return what a tool call gave back to the model; None when that is not (or no longer) said."""
    if result is None:
        return None
    texts = []
    for item in content_items(result):
        fields = mapping(item)
        response = fields.get("functionResponse")
        if response is not None:
            texts.append(_response_text(mapping(response).get("response")))
        elif part := _part(item):
            texts.append(part.text or f"[{part.kind}]")
    text = "\n".join(filter(None, texts))
    return None if text.startswith(_MASKED) else text


def _response_text(response: object) -> str:
    if type(response) is str:
        return response
    fields = mapping(response)
    for name in ("output", "error", "content", "llmContent"):
        if type(fields.get(name)) is str:
            return str(fields[name])
    return _json(response) if response else ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def has_failed(status: object, result: object) -> bool | None:
    """Tell whether a tool call failed; None while it runs, or when nobody says."""
    if status == "success":
        return False
    if status in ("error", "cancelled"):
        return True
    for item in content_items(result):
        response = mapping(mapping(mapping(item).get("functionResponse")).get("response"))
        if response.get("error"):
            return True
    return None


def edited_file(name: str | None, arguments: object, display: object) -> str | None:
    """Return the file that an edit is about."""
    fields, shown = mapping(arguments), mapping(display)
    if name not in EDITS and "fileDiff" not in shown:
        return None
    places = (
        shown.get("filePath"),
        fields.get("file_path"),
        fields.get("absolute_path"),
        fields.get("path"),
        shown.get("fileName"),
    )
    return next(filter(None, map(string, places)), None)


def edit_change(
    name: str | None, failed: bool | None, arguments: object, display: object, result: str | None
) -> Change | None:
    """Return which lines an edit changed, if it is one and says so."""
    shown = mapping(display)
    if name not in EDITS and "fileDiff" not in shown:
        return None
    if failed:
        return nothing()
    return _displayed(shown) or (_argued(name, mapping(arguments), result) if not failed else None)


def _displayed(shown: dict[str, Any]) -> Change | None:
    """Return the change that a `resultDisplay` shows; Qwen leaves out texts that are too long."""
    diff = shown.get("fileDiff")
    if type(diff) is str and shown.get("fileDiffTruncated") is not True:
        change = from_unified_diff(diff)
        if change:
            return change
    stat = mapping(shown.get("diffStat"))
    if stat:
        added = [count(stat.get(f"{who}_added_lines")) for who in ("model", "ai", "user")]
        removed = [count(stat.get(f"{who}_removed_lines")) for who in ("model", "ai", "user")]
        if any(number is not None for number in (*added, *removed)):
            return Change([], sum(n or 0 for n in added), sum(n or 0 for n in removed))
    old, new = shown.get("originalContent"), shown.get("newContent")
    is_cut = shown.get("truncatedForSession") is True
    if type(new) is str and not is_cut and (type(old) is str or shown.get("isNewFile") is True):
        return diff_of_texts(old if type(old) is str else "", new)
    return None


def _argued(name: str | None, arguments: dict[str, Any], result: str | None) -> Change | None:
    """Return what a successful edit must have changed by its arguments, when only those remain."""
    if result is None:
        return None
    if name == "write_file":
        content = arguments.get("content")
        is_new = "Successfully created" in result
        return Change([], lines_of(content), 0) if type(content) is str and is_new else None
    old, new = arguments.get("old_string"), arguments.get("new_string")
    is_once = arguments.get("expected_replacements", 1) == 1
    is_once = is_once and not arguments.get("replace_all") and not arguments.get("allow_multiple")
    if type(old) is str and type(new) is str and is_once:
        return diff_of_texts(old, new)
    return None


# Tokens ----------------------------------------------------------------------------------------


def counts_of(fields: Mapping[str, Any]) -> Counts | None:
    """Return the token counts in `fields`, whichever names they have; None without any."""
    found = [
        next((c for n in names if (c := count(fields.get(n))) is not None), None)
        for names in _NAMES
    ]
    if all(number is None for number in found):
        return None
    prompt, output, cached, thoughts, tool, total = found
    return prompt, output, cached, thoughts, tool, total


def usage_of(counts: Counts, *, is_additive: bool) -> Usage:
    """Return what was billed: input without the cached tokens, output with the thoughts.

    Google's API counts thoughts and the prompts of its own tools beside output and prompt
    (`is_additive`). Behind an OpenAI-compatible API they are part of them: the total tells.
    """
    prompt, output, cached, thoughts, tool, _ = counts
    beside = (thoughts, tool) if is_additive else _beside(counts)
    fresh = None if prompt is None else max(0, prompt - (cached or 0))
    return Usage(
        input_tokens=_sum(fresh, beside[1] or None),
        output_tokens=_sum(output, beside[0] or None),
        cache_read_tokens=cached,
        reasoning_tokens=thoughts,
    )


def _beside(counts: Counts) -> tuple[int, int]:
    """Return which thoughts and tool prompts are not in output and prompt already."""
    prompt, output, _, thoughts, tool, total = counts
    thoughts, tool = thoughts or 0, tool or 0
    if not total:
        return (thoughts if thoughts > (output or 0) else 0), tool
    rest = total - (prompt or 0) - (output or 0)
    thoughts = thoughts if rest >= thoughts else 0
    return thoughts, (tool if rest >= thoughts + tool else 0)


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)
