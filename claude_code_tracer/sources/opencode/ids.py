"""OpenCode's ids tell when they were made: six bytes of time and counter in hex, then chance.

Only the low 36 bits of the milliseconds fit, so a moment is known when another one near it is.
"""

from __future__ import annotations

import re

__all__ = ["is_copy", "message_position", "milliseconds", "part_position"]

_ASCENDING = re.compile(r"[a-z]{3}_([0-9a-f]{12})[0-9A-Za-z]{2,}")
_OF_FORK = re.compile(r"msg_.+_\d+")
_COUNTER_BITS = 12
_MS_BITS = 36
_COPIED_AFTER_MS = 60_000
_FIRST_MS = 1_577_836_800_000
_END_MS = 4_102_444_800_000


def milliseconds(value: object) -> int | None:
    """Return a time in ms between 2020 and 2100; None when it is none (F22)."""
    if type(value) is float and _FIRST_MS <= value < _END_MS:
        value = int(value)
    return value if type(value) is int and _FIRST_MS <= value < _END_MS else None


def is_copy(message: str, created_ms: int | None) -> bool:
    """Tell whether a message was copied by a fork: its id is younger than itself."""
    found = _ASCENDING.fullmatch(message)
    if not found:
        return _OF_FORK.fullmatch(message) is not None
    if created_ms is None:
        return False
    age = ((int(found[1], 16) >> _COUNTER_BITS) - created_ms) % (1 << _MS_BITS)
    return _COPIED_AFTER_MS < age < 1 << (_MS_BITS - 1)


def message_position(message: str, created_ms: int | None) -> int:
    """Return where a message stands in its session: by its time, then by its id's counter."""
    found = _ASCENDING.fullmatch(message)
    counter = int(found[1], 16) % (1 << _COUNTER_BITS) if found else 0
    return ((created_ms or 0) << _COUNTER_BITS) + counter


def part_position(part: str, at_ms: int | None) -> int:
    """Return where a piece stands in its message: its id ascends, else its time decides."""
    found = _ASCENDING.fullmatch(part)
    if found:
        return int(found[1], 16)
    return (at_ms or 0) << _COUNTER_BITS
