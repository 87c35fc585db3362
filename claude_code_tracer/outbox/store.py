"""The outbox: what is read and not yet acknowledged, and how far every file was read.

Rows, parked pointers, the cursor and the parser's state of a file commit in one transaction (I1):
after any crash either all of them are there or none, and reading goes on exactly behind what is.
Only an acknowledgement removes a row (I5).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from claude_code_tracer.clock import Clock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import BadRecord, OutboxDamaged, StorageFull, TracerError
from claude_code_tracer.killpoints import KillPoints
from claude_code_tracer.model import Entity
from claude_code_tracer.outbox import database
from claude_code_tracer.outbox.codec import encode, kind_of
from claude_code_tracer.outbox.rows import FileRow, Lane, Parked, Record
from claude_code_tracer.outbox.view import OutboxReader

__all__ = ["Outbox"]

_INSERT_FILE = """
insert into file
  (source, path, session, dev, ino, generation, cursor, head, mark, seen, mtime_ns, ctime_ns, state)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning id
"""
_UPDATE_FILE = """
update file set source = ?, path = ?, session = ?, dev = ?, ino = ?, generation = ?, cursor = ?,
  head = ?, mark = ?, seen = ?, mtime_ns = ?, ctime_ns = ?, state = ?, gone_at = null
where id = ?
"""
_INSERT_RECORD = """
insert into record (lane, at, file, session, kind, id, bytes, body)
values (?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_PARKED = """
insert into parked (reason, file, generation, start, "end", sha256, session, kind, record, at)
values
  (?1, ?2, coalesce(?3, (select generation from file where id = ?2)), ?4, ?5, ?6, ?7, ?8, ?9, ?10)
on conflict do update set start = excluded.start, "end" = excluded."end",
  sha256 = excluded.sha256, at = excluded.at  -- the same, found again by a second reading
"""
_INSERT_STORE = """
insert into store (source, session, rank) values (?, ?, ?)
on conflict do update set rank = excluded.rank where rank < excluded.rank
"""
_PROMOTE = "update record set lane = 0 where lane = 1 and session = ?"
_TAKE = """
select seq, {lane:d}, kind, session, id, file, body from record
where lane = {lane:d} and seq not in (select value from json_each(?)) order by seq limit ?
"""
_DELETE = "delete from record where seq in (select value from json_each(?)) returning bytes"
_BEGIN_ANEW = """
update file set generation = generation + 1, cursor = 0, head = x'', mark = x'', seen = 0,
  state = null
"""
_OF_FILES = " where id in (select value from json_each(?))"
_FORGET_PARKED = """
delete from parked where exists (
  select 1 from file where id = parked.file and file.generation = parked.generation
    and gone_at is null
)
"""
_FORGET_PARKED_OF_FILES = f"{_FORGET_PARKED} and file in (select value from json_each(?))"
_DROP_PARKED = "delete from parked where id in (select value from json_each(?))"
_VACUUM_PAGES = 4096
_INTEGERS = 1 << 63
"""SQLite's are smaller than this."""

_Row = tuple[str, str, str | None, int, bytes]
"""session, kind, id, bytes, body"""


class Outbox(OutboxReader):
    """The one writer. The collecting and the shipping thread share it."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, max_bytes: int, clock: Clock, kill: KillPoints
    ) -> None:
        super().__init__(path, db)
        self._max_bytes = max_bytes
        self._clock = clock
        self._kill = kill
        self.damage: OutboxDamaged | None = None
        """Set for good once the file turned out to be damaged: close it and open a new one."""
        self._pending_rows, self._pending_bytes = super()._pending(db)

    @classmethod
    def open(cls, config: Config, clock: Clock) -> Outbox:
        """Open or create the outbox of this data folder; a damaged one is set aside (F06).

        ConfigError when a newer version wrote it or the folder cannot be used.
        """
        path = config.home.outbox
        db = database.connect(path)
        try:
            return cls(path, db, config.settings.outbox_max_bytes, clock, KillPoints(config.env))
        except BaseException:
            db.close()
            raise

    def follow(self, server: str) -> bool:
        """Say which server the rows go to; True when that changed and every file begins anew.

        A cursor says what one server has. Another one, or a new database, has nothing yet; rows
        that it should have after all change nothing there (I3). `server` is any name for it.
        """
        with self._transaction() as db:
            known = db.execute("select value from meta where name = 'server'").fetchone()
            if known == (server,):
                return False
            db.execute("insert or replace into meta values ('server', ?)", (server,))
            if not known:
                return False
            db.execute("delete from store")
            db.execute(_FORGET_PARKED)
            return db.execute(_BEGIN_ANEW).rowcount > 0

    def begin_anew(self, files: Iterable[FileRow]) -> None:
        """Let `files` be read from their start again; all or nothing.

        Pointers to what is in them now are forgotten: what is still bad is set aside again. Those
        to what stood there before (`generation`) stay, because nobody can read that any more.
        """
        keys = (json.dumps([file.id for file in files]),)
        with self._transaction() as db:
            db.execute(_FORGET_PARKED_OF_FILES, keys)
            db.execute(_BEGIN_ANEW + _OF_FILES, keys)

    def drop_parked(self, ids: Iterable[int] | None) -> int:
        """Forget the pointers with these ids, or all; return how many there were."""
        with self._transaction() as db:
            if ids is None:
                return db.execute("delete from parked").rowcount
            return db.execute(_DROP_PARKED, (json.dumps(list(ids)),)).rowcount

    def state(self, file_id: int) -> bytes | None:
        """Return what the parser said it must know to go on with this file."""
        with self._reading() as db:
            row = db.execute("select state from file where id = ?", (file_id,)).fetchone()
        return row[0] if row else None

    def put(
        self,
        file: FileRow,
        entities: Sequence[Entity],
        *,
        state: bytes | None,
        lane: Lane,
        parked: Iterable[Parked] = (),
        ranks: Mapping[str, int] | None = None,
    ) -> FileRow:
        """Keep `entities` and how far `file` was read, all or nothing; return the file with its id.

        `ranks` are the sessions that this file now has as a store of that rank (`stores.Stores`).

        Raises StorageFull, with nothing changed, while the disk or the outbox is full: the reader
        pauses and tries again, nothing is dropped (F49, F50). An entity that JSON cannot express is
        parked instead.
        """
        now = int(self._clock.now().timestamp())
        rows, bad = _encoded(entities)
        bad += parked
        size = sum(row[-2] for row in rows)
        if rows and self._pending_rows and self._pending_bytes + size > self._max_bytes:
            raise StorageFull(
                f"{self._pending_bytes} bytes wait to be sent, outbox_max_bytes is "
                f"{self._max_bytes}: reading pauses until the server took some"
            )
        with self._transaction(len(rows), size) as db:
            file = replace(file, id=_put_file(db, file, state))
            if lane is Lane.LIVE:
                # Rows of this session that wait in the slow lane go first, so order is kept.
                db.executemany(_PROMOTE, {(session,) for session, *_ in rows})
            db.executemany(_INSERT_RECORD, [(lane, now, file.id, *row) for row in rows])
            won = [(file.source, session, rank) for session, rank in (ranks or {}).items()]
            db.executemany(_INSERT_STORE, won)
            here = [replace(item, file=file.id, generation=file.generation) for item in bad]
            _park(db, here, now)
            self._kill.hit("in_put")
        return file

    def mark_gone(self, file_ids: Iterable[int]) -> None:
        """Remember that these files vanished. Nothing of theirs is deleted anywhere (I7)."""
        now = int(self._clock.now().timestamp())
        with self._transaction() as db:
            db.executemany("update file set gone_at = ? where id = ?", [(now, i) for i in file_ids])

    def take(self, max_rows: int, max_bytes: int, but: Iterable[int] = ()) -> list[Record]:
        """Return the rows to send next, live ones first, each session in order; at least one.

        They stay until they are acknowledged or parked. Those whose seq is in `but` are passed by:
        they are on their way.
        """
        records: list[Record] = []
        size = 0
        on_their_way = json.dumps(list(but))
        with self._reading() as db:
            for lane in Lane:
                limits = (on_their_way, max_rows - len(records))
                cursor = db.execute(_TAKE.format(lane=lane), limits)
                for values in cursor:
                    record = Record(*values)
                    size += len(record.body)
                    if records and size > max_bytes:
                        cursor.close()
                        return records
                    records.append(record)
        return records

    def has_live(self) -> bool:
        """Tell whether a session at work waits to be sent."""
        with self._reading() as db:
            return db.execute("select 1 from record where lane = 0 limit 1").fetchone() is not None

    def ack(self, seqs: Sequence[int]) -> None:
        """Remove rows that the server has."""
        self._remove(seqs, ())

    def park(self, seqs: Sequence[int], parked: Iterable[Parked]) -> None:
        """Remove rows that nobody will take, and keep pointers to them."""
        self._remove(seqs, parked)

    def _remove(self, seqs: Sequence[int], parked: Iterable[Parked]) -> None:
        with self._transaction() as db:
            sizes = db.execute(_DELETE, (json.dumps(list(seqs)),)).fetchall()
            _park(db, parked, int(self._clock.now().timestamp()))
            self._kill.hit("in_ack")
        with self._lock:
            self._pending_rows -= len(sizes)
            self._pending_bytes -= sum(size for (size,) in sizes)
        if not self._pending_rows:
            self._give_back()

    def _pending(self, db: sqlite3.Connection) -> tuple[int, int]:
        return self._pending_rows, self._pending_bytes

    def _give_back(self) -> None:
        """Shrink the file after a large backfill went out."""
        with self._reading() as db:
            if db.execute("pragma freelist_count").fetchone()[0] >= _VACUUM_PAGES:
                # A few at a time, because the reader waits meanwhile. `execute` would free one.
                db.executescript(f"pragma incremental_vacuum({_VACUUM_PAGES})")

    @contextmanager
    def _transaction(self, rows: int = 0, size: int = 0) -> Iterator[sqlite3.Connection]:
        """Do all of it or nothing; `rows` and `size` are what it adds to the records."""
        with self._lock:
            try:
                self._db.execute("begin immediate")
                yield self._db
                self._db.execute("commit")
                self._pending_rows += rows
                self._pending_bytes += size
            except BaseException as exc:
                if self._db.in_transaction:
                    self._db.rollback()
                if isinstance(exc, sqlite3.Error):
                    raise self._translated(exc) from exc
                raise

    def _translated(self, exc: sqlite3.Error) -> TracerError:
        error = super()._translated(exc)
        if isinstance(error, OutboxDamaged):
            self.damage = error
            database.report_damage(self._path)
        return error


def _put_file(db: sqlite3.Connection, file: FileRow, state: bytes | None) -> int:
    ino = file.ino if file.ino < 1 << 63 else file.ino - (1 << 64)
    values = (
        file.source,
        os.fsencode(file.path),
        file.session,
        file.dev,
        ino,
        file.generation,
        file.cursor,
        file.head,
        file.mark,
        file.seen,
        file.mtime_ns,
        file.ctime_ns,
        state,
    )
    if file.id is None:
        return int(db.execute(_INSERT_FILE, values).fetchone()[0])
    db.execute(_UPDATE_FILE, (*values, file.id))
    return file.id


def _encoded(entities: Sequence[Entity]) -> tuple[list[_Row], list[Parked]]:
    rows: list[_Row] = []
    bad: list[Parked] = []
    for entity in entities:
        kind, session = kind_of(entity), f"{entity.source}/{entity.session}"
        try:
            body = encode(entity)
        except BadRecord as exc:
            bad.append(Parked(str(exc), start=entity.revision, session=session, kind=kind))
        else:
            rows.append((session, kind, getattr(entity, "id", None), len(body), body))
    return rows, bad


def _park(db: sqlite3.Connection, parked: Iterable[Parked], now: int) -> None:
    db.executemany(_INSERT_PARKED, [(*_fields(item), now) for item in parked])


def _fields(item: Parked) -> tuple[Any, ...]:
    start = item.start if item.start is None or abs(item.start) < _INTEGERS else None
    place = (item.file, item.generation, start, item.end, item.sha256)
    return (item.reason, *place, item.session, item.kind, item.record)
