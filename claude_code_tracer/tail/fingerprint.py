"""How a file is known again: by its first bytes and by the bytes before the cursor.

An inode is no identity, because a deleted file's inode goes to the next one (F30); a size is none,
because a file may be rewritten with the same size (F31). Both hashes cover only bytes that were
consumed, so that a file that grows keeps its fingerprint.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

__all__ = ["HEAD_BYTES", "MARK_BYTES", "Consumed", "Edges", "Fingerprint", "recognise"]

HEAD_BYTES = 1024
MARK_BYTES = 64


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept about the bytes before a cursor: enough to know them again, nothing to read."""

    cursor: int = 0
    head: bytes = b""
    """Hash of the first min(1024, cursor) bytes."""
    mark: bytes = b""
    """Hash of the last min(64, cursor) bytes before the cursor."""


class Edges(Protocol):
    """A line as far as a fingerprint needs it."""

    @property
    def end(self) -> int: ...
    @property
    def first(self) -> bytes: ...
    @property
    def last(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Consumed:
    """The bytes themselves that a fingerprint is made of, while a file is being read."""

    cursor: int = 0
    head: bytes = b""
    tail: bytes = b""

    def behind(self, lines: Sequence[Edges]) -> Consumed:
        """Return what is consumed when `lines`, which stand at the cursor, are consumed too."""
        head, tail = self.head, b""
        for line in lines:
            if len(head) == HEAD_BYTES:
                break
            head = (head + line.first)[:HEAD_BYTES]
        for line in reversed(lines):
            tail = line.last + tail
            if len(tail) >= MARK_BYTES:
                break
        return Consumed(lines[-1].end, head, (self.tail + tail)[-MARK_BYTES:])

    def fingerprint(self) -> Fingerprint:
        """Return the hashes to keep."""
        return Fingerprint(self.cursor, _hash(self.head), _hash(self.tail))


def recognise(fd: int, known: Fingerprint) -> Consumed | None:
    """Return what was consumed of the open file, or None when these are other bytes.

    The size is asked of the descriptor, never of the path: what is appended meanwhile is not missed
    and a shorter file is noticed (F28, F44).
    """
    if os.fstat(fd).st_size < known.cursor:
        return None
    head = os.pread(fd, min(HEAD_BYTES, known.cursor), 0)
    size = min(MARK_BYTES, known.cursor)
    tail = os.pread(fd, size, known.cursor - size)
    if known.cursor and (_hash(head) != known.head or _hash(tail) != known.mark):
        return None
    return Consumed(known.cursor, head, tail)


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
