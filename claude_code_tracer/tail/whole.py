"""Read a file that is no growing list of lines: a document, or a compressed archive.

A document is rewritten as a whole, so it is read as a whole whenever it changed, and only when it
stood still meanwhile: half of an old and half of a new version are no version.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import zstandard

from claude_code_tracer.errors import FileBusy
from claude_code_tracer.tail.lines import Oversize, Piece, Splitter
from claude_code_tracer.tail.reader import Limits, busy, open_regular

__all__ = ["Document", "TooLarge", "archive_identity", "archive_items", "read_document"]

_EDGE_BYTES = 4096
_COMPRESSED_BYTES = 2048
"""So few at a time because they can become 32,000 times as many."""


class Document:
    """All of a file, and the digest it is known again by."""

    def __init__(self, raw: bytes, status: os.stat_result) -> None:
        self.raw = raw
        self.dev, self.ino = status.st_dev, status.st_ino
        self.digest = blake2b(raw, digest_size=16).digest()


class TooLarge(Exception):
    """A document that is larger than may be held in memory."""

    def __init__(self, size: int) -> None:
        super().__init__(f"a document is larger than the limit ({size} bytes)")
        self.size = size


def read_document(path: str, max_bytes: int) -> Document:
    """Return what stands in `path`; FileBusy when it cannot be read or changes meanwhile.

    TooLarge when it is larger than `max_bytes`; FileNotFoundError passes through.
    """
    with _open(path) as fd:
        before = os.fstat(fd)
        if before.st_size > max_bytes:
            raise TooLarge(before.st_size)
        try:
            raw = b"".join(_blocks(fd, max_bytes))
        except OSError as exc:
            raise busy(path, exc) from exc
        after = os.fstat(fd)
    if len(raw) != after.st_size or after.st_mtime_ns != before.st_mtime_ns:
        raise FileBusy(f"{path} was rewritten while it was read: it is read again")
    return Document(raw, after)


def archive_identity(path: str) -> tuple[int, bytes]:
    """Return an archive's size and a digest of its edges: it is written once, never changed."""
    with _open(path) as fd:
        size = os.fstat(fd).st_size
        try:
            edges = os.pread(fd, _EDGE_BYTES, 0) + os.pread(
                fd, _EDGE_BYTES, max(0, size - _EDGE_BYTES)
            )
        except OSError as exc:
            raise busy(path, exc) from exc
    return size, blake2b(edges, digest_size=16).digest()


def archive_items(path: str, limits: Limits) -> Iterator[Piece | Oversize]:
    """Yield the lines that a Zstandard archive holds, with offsets in what it holds.

    FileBusy when it is cut off or damaged: it is tried again when it changed.
    """
    splitter = Splitter(0, limits.line_max)
    with _open(path) as fd:
        try:
            for block in _decompressed(fd):
                yield from splitter.feed(block)
        except (zstandard.ZstdError, OSError) as exc:
            raise FileBusy(f"{path} is no whole archive ({exc}): it is tried again") from exc
    if splitter.partial:  # an archive is complete: its last line needs no newline
        yield from splitter.feed(b"\n")


def _decompressed(fd: int) -> Iterator[bytes]:
    """Yield what an archive of any number of frames holds; ZstdError when the last is cut off."""
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    is_open = False
    while block := os.read(fd, _COMPRESSED_BYTES):
        while block:
            is_open = True
            yield frame.decompress(block)
            block = b""
            if frame.eof:
                block, frame, is_open = frame.unused_data, decompressor.decompressobj(), False
    if is_open:
        raise zstandard.ZstdError("it is cut off")


def _blocks(fd: int, max_bytes: int) -> Iterator[bytes]:
    size = 0
    while size <= max_bytes and (block := os.read(fd, 1024 * 1024)):
        size += len(block)
        yield block


@contextmanager
def _open(path: str) -> Iterator[int]:
    fd = open_regular(path)
    try:
        yield fd
    finally:
        os.close(fd)
