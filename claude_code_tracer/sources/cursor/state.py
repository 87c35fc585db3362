"""What later rows of a database need to know of earlier ones: digests and names, never text (D10).

It is written to disk unmasked and bounded; what is forgotten is told again, which changes nothing.
"""

from __future__ import annotations

import msgspec

from claude_code_tracer.sources.saved import Saved, digest, put

__all__ = ["State"]

_KEPT = 512


class State(Saved, omit_defaults=True):
    """The state of one database."""

    told: dict[str, str] = msgspec.field(default_factory=dict)
    """Digests of the last facts told, by session and kind of fact."""
    edits: list[str] = msgspec.field(default_factory=list)
    """Tool calls that change a file and whose result has not come yet."""
    is_agent: bool = False
    """The chat was started by another one."""

    def tell(self, session: str, kind: str, *facts: object) -> bool:
        """Remember facts of a kind about a session; True when they are new."""
        key = digest(f"{kind}\n{session}")
        value = digest(repr(facts))
        if self.told.get(key) == value:
            return False
        self.told.pop(key, None)
        put(self.told, key, value, _KEPT)
        return True

    def open_edit(self, call: str) -> None:
        """Remember a call that changes a file."""
        self.edits.append(digest(call))
        del self.edits[:-_KEPT]

    def close_edit(self, call: str) -> bool:
        """Tell whether this was such a call, and forget it."""
        known = digest(call)
        if known not in self.edits:
            return False
        self.edits.remove(known)
        return True
