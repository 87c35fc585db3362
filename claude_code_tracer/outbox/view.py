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
from claude_code_tracer.outbox.rows import FileRow, Parked, Queue, SetAside, Stats

__all__ = ["OutboxReader"]

_SELECT_FILES = """
select source, path, session, dev, ino, generation, cursor, head, mark, seen, id,
  gone_at is not null, mtime_ns, ctime_ns
from file
"""
_SELECT_PARKED = """
select reason, file, generation, start, "end", sha256, session, kind, record
from parked order by id desc limit ?
"""
_SELECT_SET_ASIDE = """
select p.id, p.at, p.reason, p.file, p.generation, p.start, p."end", p.sha256, p.session, p.kind,
  p.record, f.source, f.path, f.session, f.dev, f.ino, f.generation, f.cursor, f.head, f.mark,
  f.seen, f.id, f.gone_at is not null, f.mtime_ns, f.ctime_ns
from parked p left join file f on f.id = p.file
order by p.at desc, p.id desc limit ?
"""
_PARKED_COLUMNS = 9
_CLOSE_S = 2.0


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
        """Close the file, unless somebody hangs in it: then it is left to the process's end."""
        if self._lock.acquire(timeout=_CLOSE_S):
            try:
                self._db.close()
            finally:
                self._lock.release()

    def queue(self) -> Queue:
        """Count what waits. The one writer knows it by heart, so that it may be asked often."""
        with self._reading() as db:
            rows, size = self._pending(db)
            oldest = db.execute("select at from record order by seq limit 1").fetchone()
        return Queue(rows, size, datetime.fromtimestamp(oldest[0], UTC) if oldest else None)

    def last_parked(self) -> int:
        """Return the number of the newest parked pointer; 0 when there is none."""
        with self._reading() as db:
            return int(db.execute("select coalesce(max(id), 0) from parked").fetchone()[0])

    def parked_reasons(self) -> dict[str, int]:
        """Count the parked pointers by their reason."""
        with self._reading() as db:
            return dict(db.execute("select reason, count(*) from parked group by 1 order by 1"))

    def stats(self) -> Stats:
        """Count what waits, every file and what was set aside; takes long when that is much."""
        queue = self.queue()
        with self._reading() as db:
            files = db.execute("select count(*) from file where gone_at is null").fetchone()[0]
        return Stats(
            pending_rows=queue.rows,
            pending_bytes=queue.bytes,
            oldest_at=queue.oldest_at,
            files=files,
            parked=self.parked_reasons(),
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

    def set_aside(self, limit: int = -1) -> list[SetAside]:
        """Return the pointers with their numbers and files, newest first; all without a limit."""
        with self._reading() as db:
            return [_set_aside(row) for row in db.execute(_SELECT_SET_ASIDE, (limit,))]

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


def _set_aside(row: tuple[Any, ...]) -> SetAside:
    number, at, *rest = row
    file = rest[_PARKED_COLUMNS:]
    return SetAside(
        id=number,
        at=datetime.fromtimestamp(at, UTC),
        pointer=Parked(*rest[:_PARKED_COLUMNS]),
        file=_file_row(tuple(file)) if file[0] is not None else None,
    )


def _file_row(row: tuple[Any, ...]) -> FileRow:
    source, path, session, dev, ino, generation, cursor, head, mark, seen, file_id, *rest = row
    is_gone, mtime_ns, ctime_ns = rest
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
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
    )
