"""A draft for a tool that keeps the pieces of a message apart from it."""

from __future__ import annotations

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import Block
from claude_code_tracer.sources.draft import Draft, Part
from claude_code_tracer.sources.values import bounded, clip

__all__ = ["LAST", "Store"]

LAST = 1 << 53
"""A position behind that of every piece."""


class Store(Draft):
    """A draft whose blocks come one by one, each with its own id and place."""

    def piece(
        self,
        session: str,
        revision: int,
        key: str,
        message: str,
        position: int,
        part: Part,
    ) -> None:
        """Add a piece of the message with the id `message`; `key` is unique within the message."""
        self.entities.append(
            Block(
                source=self.source,
                session=session,
                revision=revision,
                id=record_id("block", message, key),
                message=message,
                position=position,
                kind=part.kind,
                text=None if part.text is None else clip(part.text),
                tool_call=part.tool_call,
                data=bounded(part.data),
            )
        )
