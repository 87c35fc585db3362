"""Questions to the outbox. A command beside the running tracer asks them read-only (F54)."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from claude_code_tracer.errors import TracerError
from claude_code_tracer.outbox import database
from claude_code_tracer.outbox.rows import FileRow, Parked, Stats

__all__ = ["OutboxReader"]

_SELECT_FILES = """
select source, path, session, dev, ino, generation, cursor, head, mark, seen, id,
  gone_at is not null
from file
"""
_SELECT_PARKED = """
select reason, file, generation, start, "end", sha256, session, kind, record
from parked order by id desc limit ?
"""


class OutboxReader:
    """What can be asked of the outbox. Close it after use, or use it in a `with` statement."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db
        self._lock = threading.Lock()

    @classmethod
    def open_readonly(cls, path: Path) -> OutboxReader:
        """Open the outbox beside a running tracer; it cannot change anything (F54).

        NotFound when there is none yet.
        """
        return OutboxReader(path, database.connect_readonly(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def stats(self) -> Stats:
        """Count what waits and what was set aside."""
        with self._reading() as db:
            rows, size = self._pending(db)
            oldest = db.execute("select at from record order by seq limit 1").fetchone()
            files = db.execute("select count(*) from file where gone_at is null").fetchone()[0]
            parked = dict(db.execute("select reason, count(*) from parked group by 1 order by 1"))
        return Stats(
            pending_rows=rows,
            pending_bytes=size,
            oldest_at=datetime.fromtimestamp(oldest[0], UTC) if oldest else None,
            files=files,
            parked=parked,
            quarantined=database.quarantined(self._path),
        )

    def files(self) -> list[FileRow]:
        """Return every file that was ever read."""
        with self._reading() as db:
            return [_file_row(row) for row in db.execute(_SELECT_FILES)]

    def stores(self) -> list[tuple[str, str, int]]:
        """Return source, session and rank of every session that has a better store."""
        with self._reading() as db:
            return list(db.execute("select source, session, rank from store"))

    def parked(self, limit: int) -> list[Parked]:
        """Return the newest parked pointers."""
        with self._reading() as db:
            return [Parked(*row) for row in db.execute(_SELECT_PARKED, (limit,))]

    def _pending(self, db: sqlite3.Connection) -> tuple[int, int]:
        rows, size = db.execute("select count(*), coalesce(sum(bytes), 0) from record").fetchone()
        return rows, size

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as exc:
                raise self._translated(exc) from exc

    def _translated(self, exc: sqlite3.Error) -> TracerError:
        return database.translated(exc, self._path)


def _file_row(row: tuple[Any, ...]) -> FileRow:
    source, path, session, dev, ino, generation, cursor, head, mark, seen, file_id, is_gone = row
    return FileRow(
        source=source,
        path=os.fsdecode(path),
        session=session,
        dev=dev,
        ino=ino % (1 << 64),  # SQLite's integers are signed, some file systems use all 64 bits
        id=file_id,
        generation=generation,
        cursor=cursor,
        head=head,
        mark=mark,
        seen=seen,
        is_gone=bool(is_gone),
    )
