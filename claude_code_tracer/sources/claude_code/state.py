"""What the lines of a file that come later need to know of those before.

It survives between calls, so that reading in any pieces gives the same entities. It is written to
disk beside the cursor, unmasked: so it holds ids, names, numbers and digests, never text of a
transcript (D10), and its size is bounded.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import TypeVar

import msgspec

__all__ = ["OpenTool", "SeenCall", "SeenMessage", "State"]

_KEPT_MESSAGES = 32
_KEPT_CALLS = 32
_KEPT_TOOLS = 256
_KEPT_UUIDS = 64
_UUID_CHARS = 8

_V = TypeVar("_V")


class SeenMessage(msgspec.Struct, array_like=True, gc=False):
    """A message whose other lines may follow: where it began and what was odd so far."""

    position: int
    at: datetime | None
    flags: list[str]


class SeenCall(msgspec.Struct, array_like=True, gc=False):
    """A model call whose other lines may follow, with more output."""

    output_tokens: int
    is_exact: bool
    at: datetime | None


class OpenTool(msgspec.Struct, array_like=True, gc=False):
    """A tool call whose result has not come yet."""

    name: str
    lines_added: int | None = None
    lines_removed: int | None = None
    agent_type: str | None = None
    searcher: str | None = None
    """For a web search that no message counts: the model that asked for it, or an empty name."""


class State(msgspec.Struct, omit_defaults=True):
    """The state of one file."""

    parent: str | None = None
    is_opened: bool = False
    has_root: bool = False
    has_first_prompt: bool = False
    facts: dict[str, str] = {}
    messages: dict[str, SeenMessage] = {}
    calls: dict[str, SeenCall] = {}
    tools: dict[str, OpenTool] = {}
    uuids: list[str] = []
    """Of the last records; all of them until they are saved."""

    @classmethod
    def load(cls, state: bytes | None) -> State:
        """Return the state of an earlier call; a fresh one when there is none to understand."""
        try:
            return msgspec.json.decode(state or b"{}", type=cls)
        except msgspec.DecodeError:
            return cls()

    def save(self) -> bytes:
        """Return it for the next call."""
        self.uuids = [uuid[:_UUID_CHARS] for uuid in self.uuids[-_KEPT_UUIDS:]]
        return msgspec.json.encode(self)

    def see_fact(self, name: str, text: str) -> bool:
        """Remember the last value of a fact by its digest; True when it is a new one."""
        digest = blake2b(text.encode(), digest_size=6).hexdigest()
        if self.facts.get(name) == digest:
            return False
        self.facts[name] = digest
        return True

    def has_seen_uuid(self, uuid: str) -> bool:
        """Tell whether the record with this id was among the last ones."""
        last = self.uuids[-_KEPT_UUIDS:]
        return uuid[:_UUID_CHARS] in [seen[:_UUID_CHARS] for seen in last]

    def see_message(self, id: str, seen: SeenMessage) -> None:
        """Remember a message until some others have begun."""
        self.messages[id] = seen
        while len(self.messages) > _KEPT_MESSAGES:
            _drop_oldest(self.messages)

    def see_call(self, id: str, seen: SeenCall) -> None:
        """Remember a model call until some others have begun."""
        self.calls[id] = seen
        while len(self.calls) > _KEPT_CALLS:
            _drop_oldest(self.calls)

    def open_tool(self, call: str, tool: OpenTool) -> None:
        """Remember a tool call until its result comes."""
        self.tools[call] = tool
        while len(self.tools) > _KEPT_TOOLS:
            _drop_oldest(self.tools)

    def close_tool(self, call: str) -> OpenTool | None:
        """Return what is known of a tool call whose result is here."""
        return self.tools.pop(call, None)


def _drop_oldest(store: dict[str, _V]) -> None:
    del store[next(iter(store))]
