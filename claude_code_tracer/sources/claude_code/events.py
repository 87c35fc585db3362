"""Records beside the conversation: system events, attachments, progress, titles."""

from __future__ import annotations

from typing import Any, TypeGuard

from claude_code_tracer.model import MessageKind
from claude_code_tracer.sources.claude_code.prompts import has_human_origin
from claude_code_tracer.sources.claude_code.reading import Reading
from claude_code_tracer.sources.claude_code.turns import add_typed, add_unknown, content_parts
from claude_code_tracer.sources.claude_code.usage import add_model_call
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.values import bounded, mapping, string

__all__ = [
    "SKIPPED_ATTACHMENTS",
    "SKIPPED_PROGRESS",
    "SKIPPED_SYSTEM",
    "SKIPPED_TYPES",
    "add_attachment",
    "add_progress",
    "add_summary",
    "add_system",
    "add_title",
]

SKIPPED_TYPES = frozenset(
    {
        "agent-name",  # repeats the custom title
        "bridge-session",  # remote control; holds account ids
        "file-history-delta",
        "file-history-snapshot",
        "fork-context-ref",  # the path names the parent already
        "mode",
        "permission-mode",
        "queue-operation",  # what was queued comes as `queued_command`
    }
)
"""Bookkeeping of the tool: nothing that happened in the session."""

SKIPPED_SYSTEM = frozenset({"stop_hook_summary", "turn_duration"})

SKIPPED_PROGRESS = frozenset(
    {
        "bash_progress",
        "hook_progress",
        "mcp_progress",
        "query_update",
        "search_results_received",
        "waiting_for_task",
    }
)

SKIPPED_ATTACHMENTS = frozenset(
    {
        "agent_listing_delta",
        "auto_mode",
        "command_permissions",
        "date_change",
        "deferred_tools_delta",
        "deferred_tools_record",
        "hook_success",
        "mcp_instructions_delta",
        "read_truncation_notice",
        "skill_listing",
        "task_reminder",
        "todo_reminder",
        "total_tokens_reminder",
        "workflow_keyword_request",
    }
)

# What of an attachment is worth a line, and what kind of message that is.
_ATTACHMENTS: dict[str, tuple[MessageKind, tuple[str, ...]]] = {
    "compact_file_reference": ("injected", ("displayPath", "filename")),
    "edited_text_file": ("injected", ("filename",)),
    "file": ("injected", ("displayPath", "filename")),
    "hook_additional_context": ("injected", ("content",)),
    "hook_cancelled": ("notice", ("hookName",)),
    "hook_non_blocking_error": ("notice", ("stderr", "stdout", "hookName")),
    "hook_system_message": ("injected", ("content",)),
    "invoked_skills": ("injected", ("skills",)),
    "nested_memory": ("injected", ("displayPath", "path")),
    "opened_file_in_ide": ("injected", ("filename",)),
    "plan_file_reference": ("injected", ("planFilePath",)),
    "plan_mode": ("notice", ("planFilePath",)),
    "plan_mode_exit": ("notice", ("planFilePath",)),
    "plan_mode_reentry": ("notice", ("planFilePath",)),
}

_SYSTEM: dict[str | None, MessageKind] = {
    None: "injected",
    "api_error": "notice",
    "away_summary": "injected",
    "bridge_status": "notice",
    "compact_boundary": "compaction",
    "informational": "notice",
    "local_command": "injected",
    "microcompact_boundary": "notice",
    "scheduled_task_fire": "injected",
}

_TITLES = {
    "ai-title": ("generated", "aiTitle"),
    "custom-title": ("custom", "customTitle"),
    "last-prompt": ("last_prompt", "lastPrompt"),
}


def add_title(reading: Reading, record: Record) -> None:
    """Take a title; the tool repeats these lines, so only a change says anything."""
    kind, field = _TITLES[record.value["type"]]
    reading.title(record.start, record.value.get(field), kind)


def add_summary(reading: Reading, record: Record) -> None:
    """Take a summary as title, when it is of this session: most are of other ones (trap 15)."""
    if reading.has_seen_uuid(record.value.get("leafUuid")):
        reading.title(record.start, record.value.get("summary"), "summary")


def add_system(reading: Reading, record: Record) -> None:
    """Add an event that the tool reports about itself."""
    value = record.value
    subtype = value.get("subtype")
    if not _is_name(subtype) or subtype not in _SYSTEM:
        if not _is_name(subtype) or subtype not in SKIPPED_SYSTEM:
            add_unknown(reading, record)
        return
    reading.chain(record)
    text = _api_error(value) if subtype == "api_error" else string(value.get("content"))
    facts = mapping(value.get("compactMetadata")) or mapping(value.get("microcompactMetadata"))
    parts = [Part("text", text, data=bounded(facts) or None)] if text or facts else []
    flags = ["api_retry"] if subtype == "api_error" else []
    reading.message(record, "system", _SYSTEM[subtype], parts, flags=flags)


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
    reading.chain(record)
    if kind == "queued_command":
        _add_queued(reading, record, attachment)
    elif type(kind) is str and kind in _ATTACHMENTS:
        _add_short(reading, record, attachment, kind)
    else:
        add_unknown(reading, record)


def _add_queued(reading: Reading, record: Record, attachment: dict[str, Any]) -> None:
    prompt = attachment.get("prompt")
    parts = content_parts(prompt if type(prompt) is list else [prompt])
    is_human = attachment.get("commandMode", "prompt") == "prompt" and has_human_origin(attachment)
    is_human = is_human and has_human_origin(record.value)
    add_typed(reading, record, parts, is_human=is_human)


def _add_short(reading: Reading, record: Record, attachment: dict[str, Any], kind: str) -> None:
    role_kind, fields = _ATTACHMENTS[kind]
    text = next(filter(None, (_plain(attachment.get(field)) for field in fields)), None)
    part = Part("text", text, data={"injected": kind})
    reading.message(record, "system", role_kind, [part])


def _plain(value: object) -> str | None:
    if type(value) is list:
        names = (item if type(item) is str else mapping(item).get("name") for item in value)
        return "\n".join(name for name in names if type(name) is str and name) or None
    return string(value)


def add_progress(reading: Reading, record: Record) -> None:
    """Count what a subagent's replayed answer cost (trap 7); nothing else of progress stays."""
    data = mapping(record.value.get("data"))
    kind = data.get("type")
    if kind == "agent_progress":
        add_model_call(reading, record, mapping(data.get("message")), None)
    elif type(kind) is not str or kind not in SKIPPED_PROGRESS:
        add_unknown(reading, record)
