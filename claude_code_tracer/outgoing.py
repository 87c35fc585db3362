"""Records of the outbox as rows of a batch: every key once, and the bytes as they were kept.

What is sent is what was guarded and encoded when it was put; a record is decoded only where two
versions of the same thing must be made one, or one that is too large must be cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from claude_code_tracer.errors import BadRecord
from claude_code_tracer.merge import merge_two
from claude_code_tracer.model import Entity
from claude_code_tracer.outbox import Record
from claude_code_tracer.outbox.codec import decode, encode
from claude_code_tracer.ship.batch import shrink

__all__ = ["Row", "rows_of"]

_SMALLEST_CUT_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One row to send and the outbox records that it stands for."""

    kind: str
    body: bytes
    """Encoded by `codec.encode`."""
    seqs: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it has an entity's edges; damage between them is for the server to find."""
        return self.body.startswith(b'{"type":"') and self.body.endswith(b"}")

    def entity(self) -> Entity:
        """Return what the row says; BadRecord when that cannot be told."""
        return decode(self.body)

    def revision(self) -> int | None:
        """Return where it stood in its file, if that can be told."""
        try:
            return self.entity().revision
        except BadRecord:
            return None

    def cut_to(self, max_bytes: int) -> Row | None:
        """Return the row cut to `max_bytes`; None when it cannot be cut."""
        try:
            smaller = shrink(self.entity(), max_bytes) if max_bytes >= _SMALLEST_CUT_BYTES else None
        except BadRecord:
            return None
        return Row(self.kind, encode(smaller), self.seqs) if smaller else None


def rows_of(records: Iterable[Record]) -> list[Row]:
    """Return the rows that `records` make, up to one that must begin a batch of its own.

    A key is sent once, where it stood first, as its versions together say (SQLSTATE 21000). A batch
    ends before another session's copy of one of its model calls, because only who stored the one
    before the other knows a fork by it; and before a version that cannot be made one with another.
    """
    rows: dict[tuple[str, str, str | None], Row] = {}
    homes: dict[str | None, str] = {}
    for record in records:
        if record.kind == "model_call":
            home = homes.setdefault(record.id, record.session)
            if home != record.session:
                break
        key = (record.kind, record.session, record.id)
        row = Row(record.kind, record.body, (record.seq,))
        if known := rows.get(key):
            try:
                row = _both(known, row)
            except BadRecord:
                break
        rows[key] = row
    return list(rows.values())


def _both(older: Row, newer: Row) -> Row:
    both = encode(merge_two(older.entity(), newer.entity()))
    return Row(newer.kind, both, older.seqs + newer.seqs)
