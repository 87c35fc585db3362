"""Ids that are a pure function of where a record came from: never of time or chance.

An id is the first 128 bits of BLAKE2b over its parts, written as a UUID. It is unique within one
session; the server prefixes every key with a session id that it derives itself from the owner, so
an id made up by somebody else can never meet ours.
"""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["record_id"]

_SEPARATOR = b"\x1f"


def record_id(*parts: str | int) -> str:
    """Return the UUID text for `parts`; the same parts give the same id on every machine.

    The parts must identify the record within its session by what the tool wrote (a uuid, a message
    id, a tool call id), or by its file position when the tool wrote no id.
    """
    raw = _SEPARATOR.join(str(part).encode("utf-8", "surrogatepass") for part in parts)
    h = blake2b(raw, digest_size=16).hexdigest()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
