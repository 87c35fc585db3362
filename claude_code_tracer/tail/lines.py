"""Cut a stream of blocks into lines, holding at most one line and never a too long one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from claude_code_tracer.tail.fingerprint import HEAD_BYTES, MARK_BYTES

__all__ = ["Oversize", "Piece", "Splitter"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One complete line: `raw` without its newline, `[start, end)` with it."""

    start: int
    end: int
    raw: bytes

    @property
    def first(self) -> bytes:
        """Its first bytes, as many as a fingerprint's head can use."""
        return (self.raw[:HEAD_BYTES] + b"\n")[:HEAD_BYTES]

    @property
    def last(self) -> bytes:
        """Its last bytes, newline included, as many as a mark can use."""
        return self.raw[1 - MARK_BYTES :] + b"\n"


@dataclass(frozen=True, slots=True)
class Oversize:
    """A line too long to be held: where it stands and its SHA-256, newline included."""

    start: int
    end: int
    sha256: str
    first: bytes
    last: bytes


class Splitter:
    """Turn blocks that follow each other from byte `start` on into lines (split on b"\\n" only)."""

    def __init__(self, start: int, line_max: int) -> None:
        self._start = start
        self._line_max = line_max
        self._held: list[bytes] = []
        self._size = 0
        self._long: _LongLine | None = None

    def feed(self, block: bytes) -> Iterator[Piece | Oversize]:
        """Yield the lines that `block` completes; keep what stands behind its last newline."""
        *ends, rest = block.split(b"\n")
        for end in ends:
            yield self._complete(end)
        if rest:
            self._hold(rest)

    @property
    def partial(self) -> bytes:
        """What stands behind the last newline; empty when that is too long to be held."""
        return b"".join(self._held)

    def _complete(self, end: bytes) -> Piece | Oversize:
        start = self._start
        if self._size + len(end) > self._line_max or self._held or self._long:
            self._hold(end)
            raw, self._start = b"".join(self._held), start + self._size + 1
        else:
            raw, self._start = end, start + len(end) + 1
        long, self._long, self._held, self._size = self._long, None, [], 0
        return long.finish(start, self._start) if long else Piece(start, self._start, raw)

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        self._held.append(piece)
        if self._long is None and self._size > self._line_max:
            self._long = _LongLine()
        if self._long is not None:
            for held in self._held:
                self._long.update(held)
            self._held = []


class _LongLine:
    """What is kept of a line while it is streamed past (F17): a digest and its two edges."""

    def __init__(self) -> None:
        self._digest = sha256()
        self._first = b""
        self._last = b""

    def update(self, piece: bytes) -> None:
        self._digest.update(piece)
        if len(self._first) < HEAD_BYTES:
            self._first = (self._first + piece[:HEAD_BYTES])[:HEAD_BYTES]
        self._last = (self._last + piece[-MARK_BYTES:])[-MARK_BYTES:]

    def finish(self, start: int, end: int) -> Oversize:
        self.update(b"\n")
        return Oversize(start, end, self._digest.hexdigest(), self._first, self._last)
