"""What later rows of a database need to know of earlier ones: digests and names, never text (D10).

It is written to disk unmasked and bounded; what is forgotten is told again, which changes nothing.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

__all__ = ["State"]

_KEPT = 512


class State(msgspec.Struct, omit_defaults=True):
    """The state of one database."""

    told: dict[str, str] = {}
    """Digests of the last facts told, by session and kind of fact."""
    edits: list[str] = []
    """Tool calls that change a file and whose result has not come yet."""
    is_agent: bool = False
    """The chat was started by another one."""

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

    def tell(self, session: str, kind: str, *facts: object) -> bool:
        """Remember facts of a kind about a session; True when they are new."""
        key = _digest(f"{kind}\n{session}")
        value = _digest(repr(facts))
        if self.told.get(key) == value:
            return False
        self.told.pop(key, None)
        self.told[key] = value
        while len(self.told) > _KEPT:
            del self.told[next(iter(self.told))]
        return True

    def open_edit(self, call: str) -> None:
        """Remember a call that changes a file."""
        self.edits.append(_digest(call))
        del self.edits[:-_KEPT]

    def close_edit(self, call: str) -> bool:
        """Tell whether this was such a call, and forget it."""
        digest = _digest(call)
        if digest not in self.edits:
            return False
        self.edits.remove(digest)
        return True


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
