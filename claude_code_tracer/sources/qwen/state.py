"""What the later lines of a chat need to know of those before.

It survives between calls and is written to disk unmasked: so it holds ids, digests, places and
words of a fixed vocabulary, never text of a transcript (D10), and its size is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

import msgspec

from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.genai import Counts
from claude_code_tracer.sources.saved import SavedFacts, digest, put

__all__ = ["PendingCall", "SeenMessage", "State"]

_KEPT_MESSAGES = 128
_KEPT_RECORDS = 256
_KEPT_AGENT_CALLS = 128
_KEPT_PENDING = 16

_V = TypeVar("_V")


class SeenMessage(msgspec.Struct, array_like=True):
    """A message of which more may be written under the same uuid, or that may be rewound."""

    position: int
    role: Role
    kind: MessageKind
    blocks: int = 0
    digest: str = ""


class PendingCall(msgspec.Struct, array_like=True):
    """A response that telemetry reported; its answer follows, if it has one."""

    uuid: str
    counts: Counts
    model: str | None
    at: datetime | None
    is_copy: bool


class State(SavedFacts, omit_defaults=True):
    """The state of one file."""

    session: str | None = None
    is_opened: bool = False
    has_root: bool = False
    has_first_prompt: bool = False
    messages: dict[str, SeenMessage] = msgspec.field(default_factory=dict)
    records: dict[str, int] = msgspec.field(default_factory=dict)
    pending: list[PendingCall] = msgspec.field(default_factory=list)
    last_counts: Counts | None = None
    agent_calls: dict[str, int] = msgspec.field(default_factory=dict)

    def see_record(self, uuid: str, start: int) -> bool:
        """Remember where a record stands, until many others have come; True if it is known."""
        is_known = self.records.setdefault(digest(uuid), start) != start
        _shorten(self.records, _KEPT_RECORDS)
        return is_known

    def see_message(self, id: str, seen: SeenMessage) -> None:
        """Remember a message, until many others have begun."""
        put(self.messages, id, seen, _KEPT_MESSAGES)

    def rewind(self, parent: str | None) -> Iterator[tuple[str, SeenMessage]]:
        """Yield the messages behind the record `parent`, all of them if there is none."""
        start = -1 if parent is None else self.records.get(digest(parent))
        for id, seen in self.messages.items():
            if start is not None and seen.position > start:
                yield id, seen

    def await_answer(self, call: PendingCall) -> PendingCall | None:
        """Remember a call until its answer comes; return the oldest when there are too many."""
        self.pending.append(call)
        return self.pending.pop(0) if len(self.pending) > _KEPT_PENDING else None

    def count_agent_call(self, key: str) -> int:
        """Return how often a subagent's call with these counts was met here, this one included."""
        self.agent_calls[key] = self.agent_calls.get(key, 0) + 1
        _shorten(self.agent_calls, _KEPT_AGENT_CALLS)
        return self.agent_calls.get(key, 1)


def _shorten(store: dict[str, _V], limit: int) -> None:
    while len(store) > limit:
        del store[next(iter(store))]
