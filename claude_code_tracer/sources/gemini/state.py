"""What the later lines of a conversation need to know of those before.

It survives between calls and is written to disk unmasked: so it holds ids, digests, places and
words of a fixed vocabulary, never text of a transcript (D10), and its size is bounded.
"""

from __future__ import annotations

import msgspec

from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.saved import SavedFacts, put

__all__ = ["SeenMessage", "State"]

_KEPT_MESSAGES = 256


class SeenMessage(msgspec.Struct, array_like=True):
    """A message that may be written again, in full, or be rewound."""

    position: int
    role: Role
    kind: MessageKind
    is_told: bool = True
    """False for one that holds only results of tools: there is no message of it."""


class State(SavedFacts, omit_defaults=True):
    """The state of one conversation. Messages are in the order in which they were said."""

    session: str | None = None
    last_position: int = -1
    is_opened: bool = False
    is_agent: bool = False
    has_first_prompt: bool = False
    project: str | None = None
    """The digest of the session's folder, while the folder is not known."""
    messages: dict[str, SeenMessage] = msgspec.field(default_factory=dict)

    def place(self, id: str, at_ms: int) -> int:
        """Return where the message `id` stands: where it first did, else behind the last one.

        A place is the time in ms, so that the `.json` and the `.jsonl` of one session, and every
        version of either, agree about it; what was written within one ms keeps its order.
        """
        if seen := self.messages.get(id):
            return seen.position
        self.last_position = max(self.last_position + 1, at_ms)
        return self.last_position

    def see_message(self, id: str, seen: SeenMessage) -> None:
        """Remember a message until many others have begun."""
        put(self.messages, id, seen, _KEPT_MESSAGES)

    def rewind(self, id: str) -> dict[str, SeenMessage]:
        """Forget the message `id` and all behind it, and return them; all, if it is not known.

        That is what the CLI does, and of a long conversation the messages that are still known
        here are those behind.
        """
        known = list(self.messages)
        at = known.index(id) if id in self.messages else 0
        return {gone: self.messages.pop(gone) for gone in known[at:]}

    def keep_only(self, ids: list[str]) -> None:
        """Let the conversation consist of `ids`, in this order: a checkpoint replaced it."""
        self.messages = {id: self.messages[id] for id in ids if id in self.messages}
