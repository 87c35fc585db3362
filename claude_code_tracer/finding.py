"""Find a word in much text: three times as fast with Hyperscan, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["places_of"]

Places = Callable[["bytes | bytearray", int], list[int]]


def places_of(word: bytes) -> Places:
    """Return a function that finds `word` in the first so many bytes of a text.

    It returns where each occurrence begins, in order.
    """
    try:
        import hyperscan  # 10 ms: only for who searches
    except ImportError:
        return lambda content, size: _found_by_hand(word, content, size)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[_quoted(word)], ids=[0], flags=[0])

    def find(content: bytes | bytearray, size: int) -> list[int]:
        found: list[int] = []

        def add(_id: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append(end - len(word))

        text: Any = memoryview(content)[:size]  # taken, though its types name bytes only
        database.scan(text, match_event_handler=add)
        return found

    return find


def _found_by_hand(word: bytes, content: bytes | bytearray, size: int) -> list[int]:
    found = []
    at = content.find(word, 0, size)
    while at >= 0:
        found.append(at)
        at = content.find(word, at + 1, size)
    return found


def _quoted(word: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in word)
