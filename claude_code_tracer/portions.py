"""What is new in a file that is no growing list of lines: documents, archives, databases.

Each portion is some lines for the parser and the file's row as it is to be kept with what they
give. How each shape is read stands in `tail`; why the shapes differ, in `sources.source`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from claude_code_tracer.errors import BadRecord
from claude_code_tracer.model import Entity
from claude_code_tracer.outbox import FileRow, Parked
from claude_code_tracer.outbox.codec import encode
from claude_code_tracer.sources.source import Line, Shape, Transcript
from claude_code_tracer.tail.discover import find
from claude_code_tracer.tail.lines import Oversize, Piece
from claude_code_tracer.tail.reader import Limits
from claude_code_tracer.tail.rows import Row, row_pages
from claude_code_tracer.tail.whole import (
    Document,
    TooLarge,
    archive_identity,
    archive_items,
    read_document,
)

__all__ = ["Portion", "portions", "too_long", "unsent"]

_DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Portion:
    """Some of a file, to be parsed and put together with `row`."""

    lines: list[Line]
    row: FileRow
    size: int
    """Bytes of the file that it stands for."""
    parked: list[Parked] = field(default_factory=list)
    is_all: bool = False
    """It is all of the file, so most of what it says was said before: see `unsent`."""


def portions(transcript: Transcript, row: FileRow, limits: Limits) -> Iterator[Portion]:
    """Yield what is new in a file behind what `row` says was read of it.

    Raises FileBusy when it cannot be read now; what was yielded before stays good.
    """
    match transcript.shape:
        case Shape.DOCUMENT:
            return _document(transcript, row, limits)
        case Shape.ARCHIVE:
            return _archive(row, limits)
        case Shape.ROWS:
            return _rows(transcript, row, limits)
        case Shape.LINES:
            raise AssertionError("a growing file is followed by its cursor")


def unsent(row: FileRow, entities: list[Entity]) -> tuple[FileRow, list[Entity]]:
    """Return those of a document's entities that were not in its last version, and what to keep.

    `row.mark` holds a digest of every (guarded) entity of the last version. What the document does
    not hold any more is forgotten here and kept everywhere else (I7).
    """
    known = {row.mark[at : at + _DIGEST_BYTES] for at in range(0, len(row.mark), _DIGEST_BYTES)}
    digests = [_digest(entity) for entity in entities]
    new = [e for e, digest in zip(entities, digests, strict=True) if digest not in known]
    return replace(row, mark=b"".join(dict.fromkeys(digests))), new


def too_long(start: int, end: int, sha256: str | None, limit: int) -> Parked:
    """Return the pointer to a line or row that is longer than may be held in memory."""
    reason = f"a line is longer than {limit} bytes"
    return Parked(reason, start=start, end=end, sha256=sha256)


def _digest(entity: Entity) -> bytes:
    try:
        body = encode(entity)
    except BadRecord:  # the outbox will park it, every time
        return bytes(_DIGEST_BYTES)
    return blake2b(body, digest_size=_DIGEST_BYTES).digest()


def _document(transcript: Transcript, row: FileRow, limits: Limits) -> Iterator[Portion]:
    try:
        document = read_document(row.path, limits.document_max)
    except TooLarge as exc:
        if row.seen != exc.size:
            yield Portion([], replace(row, seen=exc.size), 0, [Parked(str(exc), end=exc.size)])
        return
    companions = [_companion(path, limits) for path in transcript.companions]
    digest = _digest_of(document, companions)
    row = replace(row, dev=document.dev, ino=document.ino)
    if digest == row.head:
        return
    size = len(document.raw)
    row = replace(row, cursor=size, seen=size, head=digest)
    lines = [Line(0, size, document.raw)]
    for raw in companions:
        lines.append(Line(lines[-1].end, lines[-1].end + len(raw), raw))
    yield Portion(lines, row, lines[-1].end, is_all=True)


def _companion(path: Path, limits: Limits) -> bytes:
    """Return what stands in a document's companion; nothing when it is no file to be read."""
    if find(str(path)) is None:
        return b""
    try:
        return read_document(str(path), limits.document_max).raw
    except (FileNotFoundError, TooLarge):
        return b""


def _digest_of(document: Document, companions: list[bytes]) -> bytes:
    """Return what a version of a document and its companions is known again by."""
    if not companions:
        return document.digest
    h = blake2b(document.digest, digest_size=16)
    for raw in companions:
        h.update(b"%d:" % len(raw))
        h.update(raw)
    return h.digest()


def _archive(row: FileRow, limits: Limits) -> Iterator[Portion]:
    """Read all of an archive, unless it is the one that was read before."""
    size, head = archive_identity(row.path)
    if (row.cursor, row.head) == (size, head):
        return
    items: list[Piece | Oversize] = []
    for item in archive_items(row.path, limits):
        items.append(item)
        if item.end - items[0].start >= limits.chunk_bytes or len(items) >= limits.chunk_lines:
            yield _lines(items, row, limits)
            items = []
    yield _lines(items, replace(row, cursor=size, seen=size, head=head), limits)


def _lines(items: list[Piece | Oversize], row: FileRow, limits: Limits) -> Portion:
    lines = [Line(item.start, item.end, item.raw) for item in items if isinstance(item, Piece)]
    parked = [
        too_long(item.start, item.end, item.sha256, limits.line_max)
        for item in items
        if isinstance(item, Oversize)
    ]
    return Portion(lines, row, row.cursor, parked)


def _rows(transcript: Transcript, row: FileRow, limits: Limits) -> Iterator[Portion]:
    pages = row_pages(
        row.path,
        transcript.tables,
        row.mark,
        rows=limits.chunk_lines,
        row_max=limits.line_max,
    )
    for page in pages:
        lines = [Line(found.mark, found.mark, found.raw) for found in page.rows]
        parked = [_too_large_row(found, limits) for found in page.too_long]
        size = sum(len(line.raw) for line in lines)
        yield Portion(lines, replace(row, mark=page.marks), size, parked)


def _too_large_row(found: Row, limits: Limits) -> Parked:
    return too_long(found.mark, found.mark, None, limits.line_max)
