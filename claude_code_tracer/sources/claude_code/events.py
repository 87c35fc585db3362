"""Records beside the conversation: system events, attachments, progress, titles."""

from __future__ import annotations

from typing import Any, TypeGuard

from claude_code_tracer.model import Session
from claude_code_tracer.sources.claude_code.known import (
    ATTACHMENTS,
    NOTED,
    REFUSAL_FACTS,
    SKIPPED_ATTACHMENTS,
    SKIPPED_PROGRESS,
    SKIPPED_SYSTEM,
    SKIPPED_TYPES,
    SYSTEM_EVENTS,
    SYSTEM_FLAGS,
    TITLES,
)
from claude_code_tracer.sources.claude_code.layout import NAME
from claude_code_tracer.sources.claude_code.prompts import has_human_origin
from claude_code_tracer.sources.claude_code.reading import (
    Entry,
    Reading,
    entry_of,
    event_of,
    is_plain_id,
)
from claude_code_tracer.sources.claude_code.turns import (
    add_typed,
    add_unknown,
    content_parts,
    keep_raw,
)
from claude_code_tracer.sources.claude_code.usage import add_model_call
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = [
    "SKIPPED_ATTACHMENTS",
    "SKIPPED_PROGRESS",
    "SKIPPED_SYSTEM",
    "SKIPPED_TYPES",
    "add_attachment",
    "add_continuation",
    "add_cost_state",
    "add_move",
    "add_noted",
    "add_progress",
    "add_summary",
    "add_system",
    "add_title",
    "skip",
]


def skip(reading: Reading, record: Record) -> None:
    """Leave out a record that tells of nothing that happened."""


def add_title(reading: Reading, record: Record) -> None:
    """Take a title; the tool repeats these lines, so only a change says anything."""
    kind, field = TITLES[record.value["type"]]
    reading.title(record.start, record.value.get(field), kind)


def add_summary(reading: Reading, record: Record) -> None:
    """Take a summary as title, when it is of this session: most are of other ones (trap 15)."""
    if reading.has_seen_uuid(record.value.get("leafUuid")):
        reading.title(record.start, record.value.get("summary"), "summary")


def add_noted(reading: Reading, record: Record) -> None:
    """Add a pull request, a published page or a tag; the tool repeats these lines for ever."""
    kind = record.value["type"]
    field, others = NOTED[kind]
    text = string(record.value.get(field))
    if text is None:
        return
    facts = {name: record.value[name] for name in others if record.value.get(name) is not None}
    part = Part("text", text, data=bounded({"event": kind, **facts}))
    reading.message(event_of(record, f"{kind} {text}"), "system", "notice", [part])


def add_cost_state(reading: Reading, record: Record) -> None:
    """Keep what the tool itself thinks the session cost so far: the last one of it.

    It is a running total that holds calls of no transcript and, after a resume, those of others;
    so it stands beside what the calls sum up to and never in their place.
    """
    facts = {name: fact for name, fact in record.value.items() if name not in ("type", "sessionId")}
    part = Part("text", data=bounded({"event": "cost-state", **facts}))
    reading.message(event_of(record, "cost-state"), "system", "notice", [part])


def add_move(reading: Reading, record: Record) -> None:
    """Take where a session goes on: in a worktree of its project or in another folder."""
    worktree = mapping(record.value.get("worktreeSession"))
    folder = record.value.get("relocatedCwd") or worktree.get("worktreePath")
    reading.move(record.start, folder, root=worktree.get("originalCwd"))


def add_continuation(reading: Reading, record: Record) -> None:
    """Tell the session that goes on with this one whose continuation it is."""
    session = record.value.get("continuedInSessionId")
    if is_plain_id(session) and session != reading.session:
        reading.entities.append(
            Session(
                source=NAME,
                session=session,
                revision=0,  # never newer than what its own file says
                parent=reading.session,
                relation="resume",
            )
        )


def add_system(reading: Reading, record: Record) -> None:
    """Add an event that the tool reports about itself."""
    value = record.value
    subtype = value.get("subtype")
    if not _is_name(subtype) or subtype not in SYSTEM_EVENTS:
        if not _is_name(subtype) or subtype not in SKIPPED_SYSTEM:
            add_unknown(reading, record)
        return
    entry = reading.chain(record)
    text = string(value.get("content"))
    facts = mapping(value.get("compactMetadata")) or mapping(value.get("microcompactMetadata"))
    if subtype == "api_error":
        text = _api_error(value)
    elif subtype == "error":
        error = mapping(value.get("error"))
        text = text or string(error.get("formatted")) or string(error.get("message"))
    elif subtype in SYSTEM_FLAGS:
        facts = {name: value[name] for name in REFUSAL_FACTS if value.get(name) is not None}
    parts = [Part("text", text, data=bounded(facts) or None)] if text or facts else []
    flags = [SYSTEM_FLAGS[subtype]] if subtype in SYSTEM_FLAGS else []
    reading.message(entry, "system", SYSTEM_EVENTS[subtype], parts, flags=flags)


def _is_name(value: object) -> TypeGuard[str | None]:
    """Tell whether `value` can be looked up: a list or an object cannot."""
    return value is None or type(value) is str


def _api_error(value: dict[str, Any]) -> str:
    """Say in one line which request failed; the tool tries it again by itself."""
    error = mapping(value.get("error"))
    cause = mapping(mapping(error.get("error")).get("error")).get("message")
    status = error.get("status") or mapping(value.get("cause")).get("code") or "no answer"
    attempt = f"attempt {value.get('retryAttempt')} of {value.get('maxRetries')}"
    return f"API error ({str(status)[:40]}), {attempt[:80]}: {string(cause) or 'no details'}"


def add_attachment(reading: Reading, record: Record) -> None:
    """Add what the tool put into the conversation, or a prompt typed while the model worked."""
    attachment = mapping(record.value.get("attachment"))
    kind = attachment.get("type")
    if type(kind) is str and kind in SKIPPED_ATTACHMENTS:
        return
    entry = reading.chain(record)
    if kind == "queued_command":
        _add_queued(reading, entry, attachment)
    elif type(kind) is str and kind in ATTACHMENTS:
        _add_short(reading, entry, attachment, kind)
    else:
        keep_raw(reading, entry)


def _add_queued(reading: Reading, entry: Entry, attachment: dict[str, Any]) -> None:
    prompt = attachment.get("prompt")
    parts = content_parts(prompt if type(prompt) is list else [prompt])
    is_human = attachment.get("commandMode", "prompt") == "prompt" and has_human_origin(attachment)
    is_human = is_human and has_human_origin(entry.value)
    add_typed(reading, entry, parts, is_human=is_human)


def _add_short(reading: Reading, entry: Entry, attachment: dict[str, Any], kind: str) -> None:
    role_kind, fields = ATTACHMENTS[kind]
    text = next(filter(None, (_plain(attachment.get(field)) for field in fields)), None)
    part = Part("text", text, data={"injected": kind})
    reading.message(entry, "system", role_kind, [part])


def _plain(value: object) -> str | None:
    if type(value) is list:
        names = (item if type(item) is str else mapping(item).get("name") for item in value)
        return "\n".join(name for name in names if type(name) is str and name) or None
    return string(value)


def add_progress(reading: Reading, record: Record) -> None:
    """Count what a subagent's replayed answer cost (trap 7); nothing else of progress stays."""
    data = mapping(record.value.get("data"))
    kind = data.get("type")
    if type(kind) is str and kind in SKIPPED_PROGRESS:
        return
    if kind == "agent_progress":
        line = mapping(data.get("message"))
        message = mapping(line.get("message"))
        call_id = identifier(message.get("id")) or identifier(line.get("uuid"))
        add_model_call(reading, entry_of(record), line, message, call_id, None)
    else:
        add_unknown(reading, record)
