"""What a source makes of one call's lines: entities with their ids and places filled in.

Every id comes from what the tool wrote, so that any way of reading gives the same rows; what a
tool repeats is told once per call. Texts are clipped here, so that no source can forget it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import (
    TITLE_RANKS,
    Block,
    BlockKind,
    Entity,
    Message,
    MessageKind,
    ModelCall,
    Role,
    Session,
    ToolCall,
    UsageQuality,
)
from claude_code_tracer.sources.changes import Change
from claude_code_tracer.sources.source import BadSpan, Parsed
from claude_code_tracer.sources.values import bounded, clip, one_line

__all__ = ["BLOCKS_PER_BYTE", "Draft", "Part", "Usage", "path_text"]

BLOCKS_PER_BYTE = 64
"""Blocks of one message stand this far apart at most, so that lines stay in order."""
_FACT_CHARS = 1000


class Part(msgspec.Struct, gc=False):
    """One piece of a message's content; it gets its id and place when it is added."""

    kind: BlockKind
    text: str | None = None
    tool_call: str | None = None
    data: Any = None


class Usage(msgspec.Struct, kw_only=True, frozen=True):
    """Tokens of a model call as `model.ModelCall` counts them: input without the cached ones."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None


class Draft:
    """The entities of one call of `parse`, in the order they were found."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.entities: list[Entity] = []
        self.bad: list[BadSpan] = []

    def parsed(self, state: bytes = b"") -> Parsed:
        """Return what `parse` must return."""
        return Parsed(self.entities, self.bad, state)

    def session(self, session: str, revision: int, **facts: Any) -> None:
        """Add facts about a session (fields of `model.Session`); those that are None are left."""
        known: dict[str, Any] = {
            name: value[:_FACT_CHARS] if type(value) is str else value
            for name, value in facts.items()
            if value is not None
        }
        self.entities.append(
            Session(source=self.source, session=session, revision=revision, **known)
        )

    def title(self, session: str, revision: int, text: object, kind: str) -> None:
        """Add a title of a kind in `model.TITLE_RANKS`; one that says nothing is left out."""
        line = one_line(text) if type(text) is str else ""
        if line:
            self.session(session, revision, title=line, title_rank=TITLE_RANKS[kind])

    def message(
        self,
        session: str,
        revision: int,
        key: str | int,
        role: Role,
        kind: MessageKind,
        parts: Iterable[Part],
        *,
        position: int,
        at: datetime | None,
        native_id: str | None = None,
        model: str | None = None,
        flags: Iterable[str] = (),
    ) -> str:
        """Add a message with its blocks and return its id.

        `key` says which message of the session it is: the tool's own id, or where it stands.
        """
        id = record_id("message", key)
        odd = set(flags)
        if at is None:
            odd.add("no_timestamp")
        blocks = [
            self._block(session, revision, key, id, position, index, part, odd)
            for index, part in enumerate(parts)
        ]
        self.entities.append(
            Message(
                source=self.source,
                session=session,
                revision=revision,
                id=id,
                native_id=native_id,
                position=position,
                role=role,
                kind=kind,
                at=at,
                model=model,
                flags=sorted(odd) or None,
            )
        )
        self.entities += blocks
        return id

    def tool_call(
        self,
        session: str,
        revision: int,
        call: str,
        *,
        message: str | None = None,
        position: int | None = None,
        name: str | None = None,
        input: Any = None,
        result: str | None = None,
        is_error: bool | None = None,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        file_path: str | None = None,
        change: Change | None = None,
        agent_session: str | None = None,
    ) -> str:
        """Add what is known of a tool call, asked for or answered, and return its id.

        `call` is the tool's own id of it, or where it stands. Call it again with the result: what
        is None leaves what an earlier one said.
        """
        id = record_id("tool_call", call)
        self.entities.append(
            ToolCall(
                source=self.source,
                session=session,
                revision=revision,
                id=id,
                native_id=call,
                message=message,
                position=position,
                name=name[:200] if name else name,
                input=bounded(input),
                result=None if result is None else clip(result),
                is_error=is_error,
                started_at=started_at,
                ended_at=ended_at,
                file_path=file_path,
                diff=change.hunks or None if change else None,
                lines_added=change.added if change else None,
                lines_removed=change.removed if change else None,
                agent_session=agent_session,
            )
        )
        return id

    def model_call(
        self,
        session: str,
        revision: int,
        key: tuple[str | int, ...],
        usage: Usage,
        *,
        message: str | None = None,
        native_id: str | None = None,
        model: str | None = None,
        at: datetime | None = None,
        attribution: int = 0,
        service_tier: str | None = None,
        speed: str | None = None,
        web_searches: int | None = None,
        quality: UsageQuality = "exact",
        reported_cost_usd: Decimal | None = None,
    ) -> None:
        """Add one billed response.

        `key` names it among all calls of its owner, so it must hold an id that copies of the
        transcript keep: the API's response id, or the session's id and the message's.
        """
        self.entities.append(
            ModelCall(
                source=self.source,
                session=session,
                revision=revision,
                id=record_id("model_call", self.source, *key),
                native_id=native_id,
                message=message,
                attribution=attribution,
                model=model,
                at=at,
                **msgspec.structs.asdict(usage),
                web_searches=web_searches,
                service_tier=service_tier,
                speed=speed,
                usage_quality=quality,
                reported_cost_usd=reported_cost_usd,
            )
        )

    def _block(
        self,
        session: str,
        revision: int,
        key: str | int,
        message: str,
        position: int,
        index: int,
        part: Part,
        odd: set[str],
    ) -> Block:
        text = part.text
        if text is not None:
            text = clip(text)
            if text is not part.text:
                odd.add("truncated")
        return Block(
            source=self.source,
            session=session,
            revision=revision,
            id=record_id("block", key, index),
            message=message,
            position=position * BLOCKS_PER_BYTE + index,
            kind=part.kind,
            text=text,
            tool_call=part.tool_call,
            data=bounded(part.data),
        )


def path_text(path: Path) -> str:
    """Return a path as text that can be stored, whatever bytes are in it (F46)."""
    return str(path).encode("utf-8", "replace").decode()
