"""What a parser must know to go on, from one call to the next.

It is written to disk unmasked beside the cursor, so it holds ids, plain names, numbers and digests,
never text of a transcript (D10), and whoever adds to it bounds it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Self, TypeVar

import msgspec

__all__ = ["Saved", "SavedFacts", "digest", "put"]

_DIGEST_BYTES = 6
_KEPT_FACTS = 128

_V = TypeVar("_V")


def digest(text: str, size: int = _DIGEST_BYTES) -> str:
    """Return what a text is known again by, in `size` bytes as hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def put(store: dict[str, _V], key: str, value: _V, limit: int) -> None:
    """Remember `value`, and forget the oldest when there are more than `limit`."""
    store[key] = value
    while len(store) > limit:
        del store[next(iter(store))]


class Saved(msgspec.Struct, omit_defaults=True):
    """A state that one call saves and the next loads."""

    @classmethod
    def load(cls, state: bytes | None) -> Self:
        """Return the state of an earlier call; a fresh one when there is none to understand."""
        try:
            return msgspec.json.decode(state or b"{}", type=cls)
        except msgspec.DecodeError:
            return cls()

    def save(self) -> bytes:
        """Return it for the next call."""
        return msgspec.json.encode(self)


class SavedFacts(Saved, omit_defaults=True):
    """A state that knows which facts were told already."""

    facts: dict[str, str] = {}

    def see_fact(self, name: str, text: str) -> bool:
        """Remember the last value of a fact by its digest; True when it is a new one."""
        new = digest(text)
        if self.facts.get(name) == new:
            return False
        put(self.facts, name, new, _KEPT_FACTS)
        return True
