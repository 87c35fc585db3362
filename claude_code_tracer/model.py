"""The unified schema: what every tool's transcript is turned into. Frozen values, no I/O.

A source turns bytes into these; the guard masks their text; the outbox keeps them; the shipper
sends them to `api.ingest`, whose arguments have the same names. Anything a tool does not say is
None ("unknown"), never 0 or an empty string.

All times are aware UTC. All `id` fields are UUID text from `ids.record_id`. `revision` orders two
versions of the same thing: the byte offset (or ordinal) of the record it came from; the newer
version wins field by field, and a field it does not know keeps its older value.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

__all__ = [
    "TITLE_RANKS",
    "Block",
    "BlockKind",
    "Entity",
    "Message",
    "MessageKind",
    "ModelCall",
    "Relation",
    "Role",
    "Session",
    "ToolCall",
    "UsageQuality",
]

Role = Literal["user", "assistant", "system"]
MessageKind = Literal[
    "prompt",  # typed by a person
    "answer",  # written by the model
    "injected",  # put in by the tool: reminders, hooks, command output, files
    "compaction",  # the summary that replaced older context
    "notice",  # something happened: an error, a retry, an interruption, a mode change
    "unknown",  # a record type this version does not know, kept raw
]
BlockKind = Literal["text", "thinking", "tool_call", "image", "document", "unknown"]
Relation = Literal["subagent", "fork", "resume"]
UsageQuality = Literal[
    "exact",
    "lower_bound",  # the tool wrote a placeholder: at least so many
    "session_total",  # all calls of a session in one: the tool does not say them one by one
]

TITLE_RANKS = {"custom": 5, "generated": 4, "last_prompt": 3, "summary": 2, "first_prompt": 1}
"""How much a title is worth; a better rank wins, then the newer one."""


class _Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every row says about where it belongs.

    No row is part of a cycle, as JSON has none: so the garbage collector need not look at them.
    """

    source: str
    session: str
    """The tool's own id of the session (for Claude Code the file name, not `sessionId`)."""
    revision: int
    masked: dict[str, int] | None = None
    """How often which privacy rule fired in this row; set by the guard, never by a source."""


class Session(_Row, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="session"):
    """Facts about one session; many of these merge into one row."""

    parent: str | None = None
    relation: Relation | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    project_root: str | None = None
    """The first folder the session worked in: what its project is."""
    cwd: str | None = None
    branch: str | None = None
    tool_version: str | None = None
    entrypoint: str | None = None
    title: str | None = None
    title_rank: int | None = None
    path: str | None = None
    """The transcript file."""


class Message(_Row, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="message"):
    """One turn: what a person typed, what the model answered, or what the tool put in."""

    id: str
    native_id: str | None = None
    position: int
    """Where it stands in its session: byte offset of its first record, or an ordinal."""
    role: Role
    kind: MessageKind
    at: datetime | None = None
    model: str | None = None
    is_sidechain: bool | None = None
    flags: list[str] | None = None
    """What was odd: invalid_utf8, salvaged, truncated, no_timestamp, interrupted, api_error ..."""


class Block(_Row, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="block"):
    """One piece of a message's content, in the order it was written."""

    id: str
    message: str
    position: int
    kind: BlockKind
    text: str | None = None
    tool_call: str | None = None
    data: Any = None
    """Small JSON: an image's media type and size, or an unknown record as it was written."""


class ToolCall(_Row, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="tool_call"):
    """One use of a tool: the request and, once known, what came back."""

    id: str
    native_id: str | None = None
    message: str | None = None
    position: int | None = None
    name: str | None = None
    input: Any = None
    result: str | None = None
    is_error: bool | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    file_path: str | None = None
    diff: Any = None
    """Hunks `{old_start, old_lines, new_start, new_lines, lines: ["+..", "-..", " .."]}`."""
    lines_added: int | None = None
    lines_removed: int | None = None
    agent_session: str | None = None
    """Native id of the session this call started (a subagent)."""


class ModelCall(_Row, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="model_call"):
    """One billed API response. `input_tokens` excludes what came from or went to the cache."""

    id: str
    native_id: str | None = None
    message: str | None = None
    attribution: int = 0
    """0 the session that made the call, 1 a sidechain replay, 2 a copy in a fork."""
    model: str | None = None
    at: datetime | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    web_searches: int | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    """Where it was computed, when that changes the price: `us`."""
    usage_quality: UsageQuality | None = None
    cost_usd: Decimal | None = None
    """Calculated; None when the price of the model is not known."""
    price_version: str | None = None
    reported_cost_usd: Decimal | None = None


Entity = Session | Message | Block | ToolCall | ModelCall
