"""Factory Droid: `~/.factory/sessions/<folder>/<session>.jsonl` and `<session>.settings.json`.

The lines hold the conversation in the shape of Anthropic's API, without a token in it. What the
session used so far stands in its settings, rewritten as it grows: one model call per session.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import MessageKind
from claude_code_tracer.sources.changes import Change, diff_of_texts, lines_of
from claude_code_tracer.sources.codex.patches import Patch, patch_in
from claude_code_tracer.sources.draft import Draft, Part, Usage
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.reading import Memory, Reading, call_key
from claude_code_tracer.sources.source import Fact, Line, Parsed, Shape, Transcript
from claude_code_tracer.sources.values import bounded, count, identifier, mapping, string, when

__all__ = ["SKIPPED", "Droid"]

SKIPPED = frozenset({"agent_turn_outcome", "session_end", "session_settings", "todo_state"})
"""Bookkeeping: the to-do list is in its tool's calls, the settings in their own file."""

_MAX_NATIVE_ID = 200
_SETTINGS = ".settings.json"
_REMINDER = re.compile(r"\s*<(system-(?:reminder|notification))>.*?(?:</\1>|\Z)\s*", re.DOTALL)
_NO_TITLES = {"New Session", "New Agent"}
_CUSTOM_MODEL = re.compile(r"custom:(.+?)(?:[\s-]*\[[^\]]*[^\]\dkm][^\]]*\](?:-\d+)?)?", re.DOTALL)

_Reading = Reading[Memory]


class Droid:
    """The source `droid`."""

    name = "droid"
    label = "Droid"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the `sessions` folder, whether it exists or not."""
        configured = env.get("FACTORY_DIR", "").strip()
        if configured.startswith("~/"):
            home = user_home / configured[2:]
        else:
            home = Path(configured) if configured else user_home / ".factory"
        return [home if home.name == "sessions" else home / "sessions"]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the sessions folder `root` holds; None: no transcript."""
        if not path.is_relative_to(root):
            return None
        parts = path.relative_to(root).parts
        if ".." in parts or len(parts) not in (1, 2) or path.name.startswith("."):
            return None
        is_settings = path.name.endswith(_SETTINGS)
        if not is_settings and path.suffix != ".jsonl":
            return None
        session = path.name.removesuffix(_SETTINGS) if is_settings else path.stem
        if not session or len(session) > _MAX_NATIVE_ID:
            return None
        shape = Shape.DOCUMENT if is_settings else Shape.LINES
        return Transcript(self.name, path, session, None, shape)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a transcript into entities; see `Source.parse`."""
        if file.shape is Shape.DOCUMENT:
            return _settings(Draft(self.name), file, lines)
        reading = Reading(file, Memory.load(state))
        for line in lines:
            found, bad = records(line, _is_whole)
            reading.bad += bad
            for record in found:
                kind = record.value.get("type")
                if type(kind) is not str or kind not in SKIPPED:
                    _handler(kind)(reading, record)
        return reading.done()


def _is_whole(value: dict[str, Any]) -> bool:
    """Tell a record from an object nested in one."""
    return value.get("type") == "message" or ("id" in value and "timestamp" in value)


def _handler(kind: object) -> Callable[[_Reading, Record], None]:
    return _HANDLERS.get(kind, _add_unknown) if type(kind) is str else _add_unknown


# The settings ----------------------------------------------------------------------------------


def _settings(draft: Draft, file: Transcript, lines: Sequence[Line]) -> Parsed:
    """Add what a session used until now; the sum only grows, so it orders the versions."""
    for line in lines:
        found, bad = records(line, lambda value: "tokenUsage" in value)
        draft.bad += bad
        for record in found[:1]:
            _add_total(draft, file.session, record.value)
    return draft.parsed()


def _add_total(draft: Draft, session: str, settings: dict[str, Any]) -> None:
    usage = mapping(settings.get("tokenUsage"))
    tokens = Usage(
        input_tokens=count(usage.get("inputTokens")),
        output_tokens=count(usage.get("outputTokens")),
        cache_read_tokens=count(usage.get("cacheReadTokens")),
        cache_write_5m_tokens=count(usage.get("cacheCreationTokens")),
        reasoning_tokens=count(usage.get("thinkingTokens")),
    )
    known = (
        tokens.input_tokens,
        tokens.output_tokens,
        tokens.cache_read_tokens,
        tokens.cache_write_5m_tokens,
    )
    if not any(known):
        return
    draft.model_call(
        session,
        sum(number or 0 for number in known),
        ("total", session),
        tokens,
        model=_model(settings.get("model")),
        at=when(settings.get("providerLockTimestamp")),
        quality="session_total",
    )


def _model(value: object) -> str | None:
    """Return the model; `custom:Name-[Provider]-0` is how an own one of the person is named."""
    name = identifier(value)
    custom = _CUSTOM_MODEL.fullmatch(name) if name else None
    return custom[1].strip() if custom else name


# The lines -------------------------------------------------------------------------------------


def _add_unknown(reading: _Reading, record: Record) -> None:
    value = record.value
    reading.add_unknown(record, when(value.get("timestamp")), identifier(value.get("id")))


def _add_start(reading: _Reading, record: Record) -> None:
    """Take the facts of the session, and which call of which one started it."""
    value = record.value
    parent = identifier(value.get("callingSessionId"))
    facts: dict[str, object] = {"cwd": value.get("cwd"), "tool_version": value.get("version")}
    if parent:
        facts |= {"parent": parent, "relation": "subagent", "agent_id": value.get("id")}
    if parent or value.get("decompSessionType") == "worker":
        reading.memory.facts["is_called"] = "1"
    reading.tell(record.start, **facts)
    reading.tell(record.start, cwd=value.get("lastCwd"))
    call = identifier(value.get("callingToolUseId"))
    if parent and call:
        reading.tool_call(parent, 0, call, agent_session=reading.native)
    is_own = value.get("isSessionTitleManuallySet") is True
    titles = filter(None, map(string, (value.get("sessionTitle"), value.get("title"))))
    title = next((title for title in titles if title.strip() not in _NO_TITLES), None)
    reading.tell_title(record.start, title, "custom" if is_own else "generated")


def _date_total(reading: _Reading, record: Record) -> None:
    """Tell when what the session used began: its settings do not always say a time."""
    at = when(record.value.get("timestamp"))
    if at and reading.memory.see_fact("is_dated", "1"):
        reading.model_call(
            reading.native, 0, ("total", reading.native), Usage(), at=at, quality="session_total"
        )


def _add_message(reading: _Reading, record: Record) -> None:
    message = mapping(record.value.get("message"))
    role = message.get("role")
    content = message.get("content")
    _date_total(reading, record)
    blocks = content if type(content) is list else [content]
    if role == "assistant":
        _add_answer(reading, record, message, blocks)
    elif role == "user":
        _add_prompt(reading, record, message, blocks)
    elif role == "system":
        _add(reading, record, "injected", _parts(blocks))
    else:
        _add_unknown(reading, record)


def _add_prompt(
    reading: _Reading, record: Record, message: dict[str, Any], blocks: list[Any]
) -> None:
    """Add a prompt, what Droid put in its place, or the results of tool calls."""
    results = [block for block in blocks if mapping(block).get("type") == "tool_result"]
    for index, block in enumerate(results):
        _add_result(reading, record, block, index)
    parts = _parts([block for block in blocks if mapping(block).get("type") != "tool_result"])
    if not parts and results:
        return
    typed = [part for part in parts if not part.data or part.kind != "text"]
    typed = [part for part in typed if part.kind != "unknown"]
    is_typed = bool(typed) and not _is_made(record.value) and not _is_made(message)
    if "user_only" in (record.value.get("visibility"), message.get("visibility")):
        _add(reading, record, "notice", parts)  # what Droid shows the person: an error, a switch
    elif is_typed and "is_called" not in reading.memory.facts:
        reading.tell_prompt(record.start, next((part.text for part in typed if part.text), None))
        _add(reading, record, "prompt", parts)
    else:
        _add(reading, record, "injected", parts)


def _is_made(fields: dict[str, Any]) -> bool:
    """Tell whether a hook, an automation or the tool itself wrote a message of the user."""
    return (
        fields.get("userMessageSource") in ("automation", "hook", "system")
        or fields.get("hookOrder") is not None
        or fields.get("visibility") == "llm_only"
    )


def _parts(blocks: list[Any]) -> list[Part]:
    parts = []
    for block in blocks:
        fields = mapping(block)
        text = block if type(block) is str else fields.get("text")
        media = _media(fields)
        if type(text) is str:
            parts += _split(text)
        elif media:
            parts.append(media)
        elif block is not None:
            parts.append(Part("unknown", data=bounded(block)))
    return parts


def _split(text: str) -> list[Part]:
    """Split off the reminders that Droid puts in front of a prompt; they say so in `data`."""
    parts = []
    at = 0
    while found := _REMINDER.match(text, at):
        parts.append(Part("text", text[at : found.end()].strip(), data={"injected": found[1]}))
        at = found.end()
    if text[at:] or not parts:
        parts.append(Part("text", text[at:]))
    return parts


def _media(block: dict[str, Any]) -> Part | None:
    kind = block.get("type")
    if kind != "image" and kind != "document":
        return None
    source = mapping(block.get("source"))
    data = string(source.get("data")) or string(block.get("data")) or ""
    media_type = string(source.get("media_type")) or string(block.get("mediaType"))
    size = len(data) * 3 // 4 - data[-2:].count("=")
    facts = {"media_type": media_type, "bytes": size}
    return Part("image" if kind == "image" else "document", data=facts)


def _add(reading: _Reading, record: Record, kind: MessageKind, parts: list[Part]) -> None:
    """Add a message that the model did not write."""
    reading.add(
        record,
        "system" if kind in ("compaction", "notice") else "user",
        kind,
        parts,
        at=when(record.value.get("timestamp")),
        key=identifier(record.value.get("id")),
        native_id=identifier(record.value.get("id")),
    )


def _add_answer(
    reading: _Reading, record: Record, message: dict[str, Any], blocks: list[Any]
) -> None:
    at = when(record.value.get("timestamp"))
    key = identifier(record.value.get("id"))
    parts = []
    for index, block in enumerate(blocks):
        fields = mapping(block)
        kind = fields.get("type")
        text = block if type(block) is str else fields.get("text")
        if kind == "tool_use":
            parts.append(_ask(reading, record, fields, index, at))
        elif kind == "thinking" or type(text) is str:
            if said := string(fields.get("thinking") if kind == "thinking" else text):
                parts.append(Part("thinking" if kind == "thinking" else "text", said))
        elif block is not None and kind != "redacted_thinking":
            parts.append(_media(fields) or Part("unknown", data=bounded(block)))
    model = _model(message.get("model"))
    reading.add(record, "assistant", "answer", parts, at=at, key=key, native_id=key, model=model)


def _ask(
    reading: _Reading, record: Record, block: dict[str, Any], index: int, at: datetime | None
) -> Part:
    fields = mapping(block.get("input"))
    name = string(block.get("name")) or "unknown"
    patch = _patch(block.get("input")) if name == "ApplyPatch" else None
    change = patch.change if patch else _proposed(name, fields)
    path = patch.paths[0] if patch else string(fields.get("file_path"))
    id = reading.ask_tool(
        record,
        call_key(record, block.get("id"), index),
        record_id("message", identifier(record.value.get("id")) or f"@{record.start}"),
        name,
        block.get("input"),
        at=at,
        file_path=path if change else None,
        change=change,
    )
    return Part("tool_call", tool_call=id)


def _patch(input: object) -> Patch | None:
    """Return the patch that a GPT model edits with, in whichever field it stands."""
    texts = input.values() if type(input) is dict else [input]
    return next((patch for text in texts if type(text) is str and (patch := patch_in(text))), None)


def _proposed(name: str, fields: dict[str, Any]) -> Change | None:
    """Return what an edit changes: the result does not say."""
    if name in ("Create", "Write"):
        return Change([], lines_of(string(fields.get("content")) or ""), 0)
    if name not in ("Edit", "MultiEdit"):
        return None
    edits = next((e for n in ("changes", "edits") if type(e := fields.get(n)) is list), [fields])
    changes = [
        diff_of_texts(
            string(edit.get("old_str")) or string(edit.get("old_string")) or "",
            string(edit.get("new_str")) or string(edit.get("new_string")) or "",
        )
        for edit in map(mapping, edits)
    ]
    return Change(
        [hunk for change in changes for hunk in change.hunks],
        sum(change.added for change in changes),
        sum(change.removed for change in changes),
    )


def _add_result(reading: _Reading, record: Record, block: dict[str, Any], index: int) -> None:
    is_error = block.get("is_error")
    reading.tell(record.start)
    reading.answer_tool(
        record,
        call_key(record, block.get("tool_use_id"), index),
        _text(block.get("content")),
        is_error=is_error if type(is_error) is bool else None,
        at=when(record.value.get("timestamp")),
    )


def _text(content: object) -> str:
    texts = []
    for block in content if type(content) is list else [content]:
        media = _media(mapping(block))
        if media:
            texts.append(f"[{media.kind}: {media.data['media_type']}, {media.data['bytes']} bytes]")
        else:
            texts.append(string(block) or string(mapping(block).get("text")) or "")
    return "\n".join(filter(None, texts))


def _add_compaction(reading: _Reading, record: Record) -> None:
    value = record.value
    text = string(value.get("summaryText")) or string(value.get("summary"))
    _add(reading, record, "compaction", [Part("text", text)] if text else [])


_HANDLERS: dict[str, Callable[[_Reading, Record], None]] = {
    "compaction_state": _add_compaction,
    "message": _add_message,
    "session_start": _add_start,
}
