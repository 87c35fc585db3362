"""What the lines of a rollout that come later need to know of those before.

It survives between calls, so that reading in any pieces gives the same entities. It is written to
disk beside the cursor, unmasked: so it holds ids, names, numbers and digests, never text of a
transcript (D10), and its size is bounded.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import TypeVar

import msgspec

from claude_code_tracer.sources import saved
from claude_code_tracer.sources.saved import SavedFacts

__all__ = [
    "Counter",
    "OpenAnswer",
    "OpenPrompt",
    "OpenTool",
    "Replay",
    "State",
    "Unnamed",
    "digest",
]

_KEPT_TOOLS = 160
_KEPT_TWINS = 32
_KEPT_RESPONSES = 64
_KEPT_UNNAMED = 64
_KEPT_RECORDS = 16

_T = TypeVar("_T")


class Replay(IntEnum):
    """Whether the lines are those that a fork or subagent copied from its parent."""

    NONE = 0
    """The file is no fork: everything in it is its own."""
    MAYBE = 1
    """It names a parent, but nothing has shown yet that it copied anything."""
    COPYING = 2
    """These lines are the parent's."""
    OVER = 3
    """The copy is behind us."""


class Counter(msgspec.Struct, array_like=True):
    """Tokens as Codex counts them: input with the cached ones, output with the reasoning."""

    input: int | None = None
    cached: int | None = None
    written: int | None = None
    output: int | None = None
    reasoning: int | None = None
    total: int | None = None


class OpenTool(msgspec.Struct, array_like=True):
    """A tool call whose result may follow."""

    name: str
    lines_added: int | None = None
    lines_removed: int | None = None
    is_edit: bool = False
    is_reported: bool = False
    """An event told its result already, better than the output in the conversation does."""
    is_answered: bool = False
    """Its output is known; a script can have more, behind it, that say less."""


class OpenPrompt(msgspec.Struct, array_like=True):
    """What stands in the conversation as a user's message, until an event says that it is one."""

    digests: list[str]
    key: str | int
    position: int
    at: datetime | None


class OpenAnswer(msgspec.Struct, array_like=True):
    """A response that more items or calls may belong to."""

    key: str | int
    position: int
    at: datetime | None
    model: str | None


class Unnamed(msgspec.Struct, array_like=True):
    """A model call told before the file says which model it was."""

    key: list[str | int]
    used: Counter
    at: datetime | None
    message: str | None
    attribution: int
    native_id: str | None


class State(SavedFacts, omit_defaults=True):
    """The state of one file."""

    # Which session this is.
    session: str | None = None
    family: str | None = None
    """The outermost ancestor that the file names: its copies name the same."""
    is_agent: bool = False
    is_fork: bool = False
    base: int = 0
    """How many bytes of the thread stand in an earlier file."""
    is_opened: bool = False
    has_root: bool = False
    title_from: int = 0
    # What of the file is a copy.
    replay: Replay = Replay.NONE
    started: float | None = None
    start_ordinal: int | None = None
    has_markers: bool = False
    copied_at: float | None = None
    is_foreign: bool = False
    has_records: bool = False
    # Model calls.
    turn: str | None = None
    model: str | None = None
    tier: str | None = None
    total: Counter | None = None
    epoch: int = 0
    is_inherited: bool = False
    """The counter may have started in another file or anew: the last response tells how far."""
    growth: Counter | None = None
    records: list[Counter] = msgspec.field(default_factory=list)
    responses: list[str] = msgspec.field(default_factory=list)
    unnamed: list[Unnamed] = msgspec.field(default_factory=list)
    # Messages.
    answer: OpenAnswer | None = None
    """The last response of this turn."""
    is_answering: bool = False
    """More items of it may come."""
    prompts: list[OpenPrompt] = msgspec.field(default_factory=list)
    has_prompt_events: bool = False
    review: list[str] | None = None
    """In a review: what the person was shown of it, and what was asked for them."""
    attached: int = 0
    """Images that a tool showed to the model, which are told as if the person had sent them."""
    compaction: str | int | None = None
    twins: dict[str, list[str]] = msgspec.field(default_factory=dict)
    tools: dict[str, OpenTool] = msgspec.field(default_factory=dict)

    def see_response(self, id: str) -> bool:
        """Remember a response by its id; False when it is among the last ones."""
        seen = digest(id)
        if seen in self.responses:
            return False
        _push(self.responses, seen, _KEPT_RESPONSES)
        return True

    def see_twin(self, stream: str, kind: str, text: str) -> bool:
        """Tell whether the other stream has told this already; else remember that this one did.

        Codex writes most things twice: as an item of the conversation and as an event. Each
        telling of one stream is matched with one telling of the other.
        """
        twin = digest(text)
        told = self.twins.get(f"{'event' if stream == 'item' else 'item'}/{kind}")
        if told and twin in told:
            told.remove(twin)
            return True
        _push(self.twins.setdefault(f"{stream}/{kind}", []), twin, _KEPT_TWINS)
        return False

    def open_prompt(self, prompt: OpenPrompt) -> None:
        """Remember a user's message of the conversation until its event comes."""
        _push(self.prompts, prompt, _KEPT_TWINS)

    def add_record(self, used: Counter) -> None:
        """Remember what a response used until the counter says so, too."""
        _push(self.records, used, _KEPT_RECORDS)

    def add_unnamed(self, call: Unnamed) -> None:
        """Remember a call until its model is known."""
        _push(self.unnamed, call, _KEPT_UNNAMED)

    def open_tool(self, call: str, tool: OpenTool) -> None:
        """Remember a tool call until many others have begun."""
        self.tools[call] = tool
        while len(self.tools) > _KEPT_TOOLS:
            del self.tools[next(iter(self.tools))]


def digest(text: str) -> str:
    """Return what stands for a text in the state."""
    return saved.digest(text.strip(), 8)


def _push(items: list[_T], item: _T, limit: int) -> None:
    items.append(item)
    del items[:-limit]
