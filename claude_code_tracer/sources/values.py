"""What every source needs to take a value out of foreign JSON without trusting its shape."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

__all__ = [
    "MAX_COUNT",
    "MAX_ID_CHARS",
    "MAX_TEXT_BYTES",
    "bounded",
    "clip",
    "count",
    "identifier",
    "mapping",
    "one_line",
    "string",
    "usd",
    "when",
]

MAX_ID_CHARS = 200

MAX_TEXT_BYTES = 256 * 1024
"""A longer text is cut: nobody reads it, and one row must fit into one ingest call."""

_SURELY_SHORT = MAX_TEXT_BYTES // 4
"""So many characters can never be more bytes than MAX_TEXT_BYTES."""

_MAX_DEPTH = 64
MAX_COUNT = 10**12
"""Far above what one response can be, and its price still fits into the database's number."""
_CONTAINERS = frozenset({dict, list})
_TOO_DEEP = "[nested too deep]"
_LEFT_OUT = "[left out: too large]"


def string(value: object) -> str | None:
    """Return `value` when it is a text that says something, else None."""
    return value if type(value) is str and value else None


def identifier(value: object) -> str | None:
    """Return an id that a tool wrote; a hostile long one by its digest, so that it stays small."""
    if type(value) is not str or not value:
        return None
    if len(value) <= MAX_ID_CHARS:
        return value
    return blake2b(value.encode("utf-8", "replace"), digest_size=16).hexdigest()


def mapping(value: object) -> dict[str, Any]:
    """Return `value` when it is an object, else an empty one."""
    return value if type(value) is dict else {}


def count(value: object, limit: int = MAX_COUNT) -> int | None:
    """Return `value` when it can be a number of things, fewer than `limit`; else None."""
    if type(value) is int:
        return value if 0 <= value < limit else None
    if type(value) is float and value.is_integer():
        return count(int(value), limit)
    return None


def usd(value: object) -> Decimal | None:
    """Return an amount of money that a tool reported; None when it reported none."""
    if (type(value) is int or type(value) is float) and 0 < value < 1_000_000:
        return Decimal(repr(value))
    return None


def when(value: object) -> datetime | None:
    """Return an ISO time as aware UTC; None when it is absent, naive or absurd (F22)."""
    if type(value) is not str or len(value) > 40:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    zone = at.tzinfo
    if zone is None or not 2020 <= at.year < 2100:
        return None
    return at if zone is UTC else at.astimezone(UTC)


def one_line(text: str, limit: int = 200) -> str:
    """Return the first `limit` characters of `text` with all white space made single blanks."""
    return " ".join(text[: limit * 20].split())[:limit].rstrip()


def clip(text: str) -> str:
    """Return `text`, cut after MAX_TEXT_BYTES with a note; the same object when nothing is cut."""
    if len(text) <= _SURELY_SHORT:
        return text
    raw = text.encode("utf-8", "replace")
    if len(raw) <= MAX_TEXT_BYTES:
        return text
    kept = raw[:MAX_TEXT_BYTES].decode("utf-8", "ignore")
    return f"{kept}\n[{len(raw) - len(kept.encode())} of {len(raw)} bytes left out]"


def bounded(value: Any, size: int | None = None) -> Any:
    """Return JSON `value` no deeper than 64 and no larger than MAX_TEXT_BYTES; rarely a copy.

    `size` is how many bytes it was read from, if that is known: it saves weighing the value.
    """
    if size is not None and size <= _SURELY_SHORT and _is_flat(value):
        return value
    if _is_small(value):
        return value
    return _cut(value, [MAX_TEXT_BYTES], _MAX_DEPTH)


def _is_flat(value: Any) -> bool:
    """Tell whether nothing is nested in `value`: what most tools are called with."""
    return type(value) is dict and _CONTAINERS.isdisjoint(map(type, value.values()))


def _is_small(value: Any) -> bool:
    """Tell whether `value` is within the bounds, without recursion (F20: depth is hostile)."""
    left = _SURELY_SHORT
    level = [value]
    for _ in range(_MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            left -= _weight(item)
            if type(item) is dict:
                left -= sum(map(len, item))
                deeper.extend(item.values())
            elif type(item) is list:
                deeper.extend(item)
        if left < len(deeper):
            return False
        if not deeper:
            return True
        level = deeper
    return False


def _weight(item: Any) -> int:
    return len(item) + 1 if type(item) is str else 1


def _cut(value: Any, left: list[int], depth: int) -> Any:
    """Copy `value` until `left[0]` bytes are used; what does not fit becomes a note."""
    if type(value) is str:
        return _cut_text(value, left)
    left[0] -= 8
    if left[0] <= 0:
        return _LEFT_OUT
    if type(value) not in (dict, list):
        return value
    if depth == 0:
        return _TOO_DEEP
    if type(value) is list:
        kept = []
        for item in value:
            kept.append(_cut(item, left, depth - 1))
            if left[0] <= 0:
                break
        return kept
    entries: dict[str, Any] = {}
    for key, item in value.items():
        entries[_cut_text(key, left)] = _cut(item, left, depth - 1)
        if left[0] <= 0:
            break
    return entries


def _cut_text(text: str, left: list[int]) -> str:
    if left[0] <= 0:
        return _LEFT_OUT
    raw = text.encode("utf-8", "replace")
    if len(raw) <= left[0]:
        left[0] -= len(raw)
        return text
    kept = raw[: left[0]].decode("utf-8", "ignore")
    left[0] = 0
    return f"{kept}\n[{len(raw) - len(kept.encode())} of {len(raw)} bytes left out]"
