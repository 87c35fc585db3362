"""Read what an SQLite database of another program has gained, without leaving a trace in it.

Even a reader that asks for `mode=ro` creates a `-wal` or `-shm` file beside a database in WAL mode
that nobody has open, so how to open it is decided by what stands beside it (F47):

- somebody has it open (`-wal` and `-shm` are there): read through their shared memory, read-only;
- nobody has: it is complete by itself and read as immutable;
- its writer died (`-wal` without `-shm`): only a writer can repair it, so it waits until the tool
  is started again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
import orjson

from claude_code_tracer.errors import FileBusy
from claude_code_tracer.tail.discover import find

__all__ = ["Marks", "Page", "Row", "Selection", "row_pages"]

_WAL_AT = 18
"""Byte of the header that is 2 when the database is in WAL mode."""
_BUSY_MS = 250
_IMMUTABLE = "immutable=1"
_MAX_INT = 2**63 - 1


class Selection(Protocol):
    """What to read: see `sources.source.Table`."""

    @property
    def name(self) -> str: ...
    @property
    def sql(self) -> str: ...
    @property
    def overlap(self) -> int: ...


class Marks(msgspec.Struct):
    """How far every table was read: the mark and the key of its last row."""

    inode: tuple[int, int] = (0, 0)
    tables: dict[str, tuple[int, Any]] = {}

    @classmethod
    def load(cls, raw: bytes) -> Marks:
        """Return what `save` wrote; none when there is nothing to understand."""
        try:
            return msgspec.json.decode(raw or b"{}", type=cls)
        except msgspec.DecodeError:
            return cls()

    def save(self) -> bytes:
        """Return it as bytes."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class Row:
    """A row as JSON, and its mark."""

    mark: int
    raw: bytes


@dataclass(slots=True)
class Page:
    """Some rows of one table, and how far everything is read behind them."""

    rows: list[Row] = field(default_factory=list)
    too_long: list[Row] = field(default_factory=list)
    """Rows larger than may be held, without their content."""
    marks: bytes = b""


def row_pages(
    path: str, tables: Sequence[Selection], known: bytes, *, rows: int, row_max: int
) -> Iterator[Page]:
    """Yield the new and changed rows of a database behind the marks `known`.

    FileBusy when it is locked, damaged or was changed while it was read as immutable; what was
    yielded before stays good, because a row may come again. FileNotFoundError passes through.
    """
    found = find(path)
    if found is None:
        raise FileNotFoundError(path)
    marks = Marks.load(known)
    if marks.inode != (found.dev, found.ino):  # another file: nothing of it is known
        marks = Marks((found.dev, found.ino), {})
    with _open(path) as (db, is_immutable):
        for table in tables:
            for page in _pages(db, path, table, marks, rows, row_max):
                if is_immutable and find(path) != found:
                    raise FileBusy(f"{path} was written while it was read: it is read again")
                yield page


def _pages(
    db: sqlite3.Connection, path: str, table: Selection, marks: Marks, rows: int, row_max: int
) -> Iterator[Page]:
    last = marks.tables.get(table.name)
    select = f"select * from ({table.sql}) where mark >= ? order by mark, key limit {rows}"
    after: tuple[Any, ...] = (last[0] - table.overlap if last else -_MAX_INT,)
    while found := _fetch(db, path, select, after):
        page = Page()
        for row in found:
            mark = row["mark"] if type(row["mark"]) is int else 0
            raw = orjson.dumps({"table": table.name, **row}, option=orjson.OPT_NON_STR_KEYS)
            target = page.rows if len(raw) <= row_max else page.too_long
            target.append(Row(mark, raw if target is page.rows else b""))
            last = (mark, row["key"])
        assert last is not None, "a page has rows"
        marks.tables[table.name] = last
        page.marks = marks.save()
        yield page
        if len(found) < rows:
            return
        select = f"select * from ({table.sql}) where (mark, key) > (?, ?) order by mark, key"
        select += f" limit {rows}"
        after = last


def _fetch(
    db: sqlite3.Connection, path: str, select: str, after: tuple[Any, ...]
) -> list[dict[str, Any]]:
    try:
        with closing(db.execute(select, after)) as cursor:
            names = [column[0] for column in cursor.description]
            return [
                {name: _value(value) for name, value in zip(names, row, strict=True)}
                for row in cursor
            ]
    except sqlite3.OperationalError as exc:
        if "no such" in str(exc):  # another version of the tool: it has no such table or column
            return []
        raise _busy(path, exc) from exc
    except sqlite3.Error as exc:
        raise _busy(path, exc) from exc


def _value(value: Any) -> Any:
    """Return a value that JSON can express; a blob that is no text is null."""
    if type(value) is bytes:
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return value if type(value) is not float or value - value == 0 else None


@contextmanager
def _open(path: str) -> Iterator[tuple[sqlite3.Connection, bool]]:
    """Open a database; True beside it when it is read as one that nobody writes."""
    mode = _mode(path)
    try:
        uri = f"file:{quote(os.fsencode(path))}?mode=ro&{mode}"
        db = sqlite3.connect(uri, uri=True, timeout=_BUSY_MS / 1000, isolation_level=None)
    except sqlite3.Error as exc:
        raise _busy(path, exc) from exc
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")
    with closing(db):
        yield db, mode == _IMMUTABLE


def _mode(path: str) -> str:
    with open(path, "rb") as file:
        header = file.read(_WAL_AT + 1)
    if len(header) <= _WAL_AT or header[_WAL_AT] != 2:
        return "cache=private"  # a rollback journal: reading takes a shared lock, no more
    wal = find(f"{path}-wal")
    if wal is None or wal.size == 0:
        return _IMMUTABLE
    if find(f"{path}-shm") is None:
        raise FileBusy(f"{path} was left open by a crash: start the tool once to repair it")
    return "readonly_shm=1"


def _busy(path: str, exc: sqlite3.Error) -> FileBusy:
    return FileBusy(f"cannot read {path} ({exc}): it is tried again")
