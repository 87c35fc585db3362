"""Read what a growing file has gained: whole lines with their byte positions.

What stands behind the last newline is not a line yet and waits, so a cursor only ever points just
behind a newline (I2). The file is opened for reading only and never written.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from claude_code_tracer.errors import FileBusy
from claude_code_tracer.tail.fingerprint import Consumed, Fingerprint, recognise
from claude_code_tracer.tail.lines import Oversize, Piece, Splitter

__all__ = ["Chunk", "Limits", "TailFile", "busy", "open_regular", "open_tail"]

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is held at once."""

    line_max: int
    """A longer line is streamed past and reported, not held."""
    chunk_bytes: int = 1024 * 1024
    chunk_lines: int = 500
    block_bytes: int = 256 * 1024

    @property
    def document_max(self) -> int:
        """A document larger than this is reported, not held: it is one line of many records."""
        return 4 * self.line_max


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines that follow each other, and what the file is known by behind them."""

    items: list[Piece | Oversize]
    fingerprint: Fingerprint

    @property
    def lines(self) -> list[Piece]:
        """The lines to parse."""
        return [item for item in self.items if isinstance(item, Piece)]

    @property
    def oversize(self) -> list[Oversize]:
        """The lines to park."""
        return [item for item in self.items if isinstance(item, Oversize)]


@dataclass(slots=True)
class TailFile:
    """An open transcript and where its cursor stands. Use it in a `with` statement."""

    path: str
    fd: int
    known: Fingerprint
    dev: int = 0
    ino: int = 0
    is_other: bool = False
    """These are other bytes than those `known` is of: everything is read from the start."""
    partial: bytes = b""
    """What stands behind the last newline, once all chunks are read."""
    _consumed: Consumed = field(default_factory=Consumed)

    def __post_init__(self) -> None:
        status = os.fstat(self.fd)
        self.dev, self.ino = status.st_dev, status.st_ino
        consumed = self._recognise(self.known)
        self.is_other = consumed is None
        self._consumed = consumed or Consumed()

    def __enter__(self) -> TailFile:
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self.fd)

    @property
    def cursor(self) -> int:
        """Where the next chunk begins: 0 or just behind a newline."""
        return self._consumed.cursor

    def chunks(self, limits: Limits) -> Iterator[Chunk]:
        """Yield everything up to the last newline, each chunk about as large as the limits say.

        Raises FileBusy when the file cannot be read or was rewritten meanwhile; what was yielded
        before stays good.
        """
        items: list[Piece | Oversize] = []
        for item in self._items(limits):
            items.append(item)
            if item.end - items[0].start >= limits.chunk_bytes or len(items) >= limits.chunk_lines:
                yield self._consume(items)
                items = []
        if items:
            yield self._consume(items)

    def _items(self, limits: Limits) -> Iterator[Piece | Oversize]:
        splitter = Splitter(self.cursor, limits.line_max)
        position = self.cursor
        while block := self._pread(limits.block_bytes, position):
            position += len(block)
            yield from splitter.feed(block)
        self.partial = splitter.partial

    def _consume(self, items: list[Piece | Oversize]) -> Chunk:
        # Truncated and written anew since it was opened: these may be halves of two files.
        if self._recognise(self._consumed.fingerprint()) is None:
            raise FileBusy(f"{self.path} was rewritten while it was read: it is read again")
        self._consumed = self._consumed.behind(items)
        return Chunk(items, self._consumed.fingerprint())

    def _recognise(self, known: Fingerprint) -> Consumed | None:
        try:
            return recognise(self.fd, known)
        except OSError as exc:
            raise busy(self.path, exc) from exc

    def _pread(self, size: int, position: int) -> bytes:
        try:
            return os.pread(self.fd, size, position)
        except OSError as exc:  # F41: EIO, ESTALE
            raise busy(self.path, exc) from exc


def open_tail(path: str, known: Fingerprint) -> TailFile:
    """Open `path` behind what `known` says was read; FileBusy when that is not possible now.

    FileNotFoundError passes through.
    """
    fd = open_regular(path)
    try:
        return TailFile(path, fd, known)
    except BaseException:
        os.close(fd)
        raise


def open_regular(path: str) -> int:
    """Open a regular file for reading and return its descriptor; FileBusy when it is none.

    A link is not followed and a FIFO does not block (F38, F39). FileNotFoundError passes through.
    """
    try:
        fd = os.open(path, _OPEN_FLAGS)
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise busy(path, exc) from exc
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise FileBusy(f"{path} is no regular file: it is skipped")


def busy(path: str, exc: OSError) -> FileBusy:
    """Return the error that says why a file cannot be read and what to do."""
    shown = path.encode("utf-8", "backslashreplace").decode()
    advice = f"run chmod u+r '{shown}'" if exc.errno == 13 else "it is tried again"
    return FileBusy(f"cannot read {shown} ({exc.strerror}): {advice}")
