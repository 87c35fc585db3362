"""What the later lines of a chat need to know of those before.

It survives between calls and is written to disk unmasked: so it holds ids, digests, places and
words of a fixed vocabulary, never text of a transcript (D10), and its size is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from typing import TypeVar

import msgspec

from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.genai import Counts

__all__ = ["PendingCall", "SeenMessage", "State", "digest"]

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


class State(msgspec.Struct, omit_defaults=True):
    """The state of one file."""

    session: str | None = None
    is_opened: bool = False
    has_root: bool = False
    has_first_prompt: bool = False
    facts: dict[str, str] = {}
    messages: dict[str, SeenMessage] = {}
    records: dict[str, int] = {}
    pending: list[PendingCall] = []
    last_counts: Counts | None = None
    agent_calls: dict[str, int] = {}

    @classmethod
    def load(cls, state: bytes | None) -> State:
        """Return the state of an earlier call; a fresh one when there is none to understand."""
        try:
            return msgspec.json.decode(state or b"{}", type=cls)
        except msgspec.DecodeError:
            return cls()

    def save(self) -> bytes:
        """Return it for the next call."""
        return msgspec.json.encode(self)

    def see_fact(self, name: str, text: str) -> bool:
        """Remember the last value of a fact by its digest; True when it is a new one."""
        new = digest(text)
        if self.facts.get(name) == new:
            return False
        self.facts[name] = new
        return True

    def see_record(self, uuid: str, start: int) -> bool:
        """Remember where a record stands, until many others have come; True if it is known."""
        is_known = self.records.setdefault(digest(uuid), start) != start
        _shorten(self.records, _KEPT_RECORDS)
        return is_known

    def see_message(self, id: str, seen: SeenMessage) -> None:
        """Remember a message, until many others have begun."""
        self.messages[id] = seen
        _shorten(self.messages, _KEPT_MESSAGES)

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


def digest(text: str) -> str:
    """Return a short digest of a text that must not be kept itself."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()


def _shorten(store: dict[str, _V], limit: int) -> None:
    while len(store) > limit:
        del store[next(iter(store))]
