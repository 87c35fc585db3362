"""The values that go into the outbox and come out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path

__all__ = ["FileRow", "Lane", "Parked", "Queue", "Record", "SetAside", "Stats"]


class Lane(IntEnum):
    """What is sent first: sessions at work, or old transcripts."""

    LIVE = 0
    BACKFILL = 1


@dataclass(frozen=True, slots=True)
class FileRow:
    """What is known about one file: who it is and how far it was read."""

    source: str
    path: str
    session: str
    dev: int
    ino: int
    id: int | None = None
    """None until it was put for the first time."""
    generation: int = 0
    cursor: int = 0
    head: bytes = b""
    mark: bytes = b""
    seen: int = 0
    """The cursor, or a digest of a last line that was sent without its newline (F11)."""
    is_gone: bool = False
    mtime_ns: int = 0
    """With `ctime_ns` the file's times when all of it was read; 0 when that is not known."""
    ctime_ns: int = 0


@dataclass(frozen=True, slots=True)
class Parked:
    """A pointer to something that was set aside, and why. It never holds the bytes (D10)."""

    reason: str
    file: int | None = None
    generation: int | None = None
    start: int | None = None
    end: int | None = None
    sha256: str | None = None
    session: str | None = None
    kind: str | None = None
    record: str | None = None
    """Hash of the record's id."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A pointer as it is kept: its number, when it was written, and the file it points into."""

    id: int
    """Never given twice."""
    at: datetime
    pointer: Parked
    file: FileRow | None
    """None: it is not known where the record came from."""

    @property
    def is_current(self) -> bool:
        """Whether the file still is the one that the pointer was made for, as far as was read."""
        return self.file is not None and self.pointer.generation == self.file.generation


@dataclass(frozen=True, slots=True)
class Record:
    """One row that waits to be sent."""

    seq: int
    lane: int
    kind: str
    session: str
    """source/session"""
    id: str | None
    """None: the session itself."""
    file: int | None
    body: bytes
    """Encoded by `codec.encode`."""


@dataclass(frozen=True, slots=True)
class Queue:
    """How much waits to be sent, and since when."""

    rows: int
    bytes: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stats:
    """How much waits, since when, and what was set aside."""

    pending_rows: int
    pending_bytes: int
    oldest_at: datetime | None
    files: int
    parked: dict[str, int]
    """Parked rows per reason."""
    quarantined: tuple[Path, ...]
    """Damaged outboxes that were set aside (F06)."""

    @property
    def parked_rows(self) -> int:
        """How many rows are parked."""
        return sum(self.parked.values())
