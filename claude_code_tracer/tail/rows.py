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
from enum import Enum
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
_MAX_INT = 2**63 - 1

_Values = tuple[Any, ...]


class _Mode(Enum):
    """How to open a database, as its address says it."""

    IMMUTABLE = "immutable=1"
    SHARED = "readonly_shm=1"
    JOURNAL = "cache=private"


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
    with _open(path) as (db, mode):
        for table in tables:
            # A long read holds up nobody but where a rollback journal is in use.
            pages = _paged if mode is _Mode.JOURNAL else _streamed
            for page in pages(db, path, table, marks, rows, row_max):
                if mode is _Mode.IMMUTABLE and find(path) != found:
                    raise FileBusy(f"{path} was written while it was read: it is read again")
                yield page


def _streamed(
    db: sqlite3.Connection, path: str, table: Selection, marks: Marks, rows: int, row_max: int
) -> Iterator[Page]:
    """Read a table in one go, in its own order; how far it is read is known at its end only."""
    last = marks.tables.get(table.name)
    greatest = last[0] if last else -_MAX_INT
    with _query(db, path, f"select * from ({table.sql}) where mark >= ?", _after(table, last)) as (
        names,
        cursor,
    ):
        while found := _fetch(path, cursor, rows):
            page = _page(table, names, found, row_max)
            greatest = max(greatest, *(row.mark for row in (*page.rows, *page.too_long)))
            page.marks = marks.save()
            yield page
    if last is None or greatest > last[0]:
        marks.tables[table.name] = (greatest, None)
        yield Page(marks=marks.save())


def _paged(
    db: sqlite3.Connection, path: str, table: Selection, marks: Marks, rows: int, row_max: int
) -> Iterator[Page]:
    """Read a table page by page, each with a short lock, in the order of marks."""
    last = marks.tables.get(table.name)
    select = f"select * from ({table.sql}) where mark >= ? order by mark, key limit {rows}"
    after = _after(table, last)
    while True:
        with _query(db, path, select, after) as (names, cursor):
            found = _fetch(path, cursor, rows)
        if not found:
            return
        page = _page(table, names, found, row_max)
        last = after = (_mark(found[-1], names), found[-1][names.index("key")])
        marks.tables[table.name] = last
        page.marks = marks.save()
        yield page
        if len(found) < rows:
            return
        select = f"select * from ({table.sql}) where (mark, key) > (?, ?) order by mark, key"
        select += f" limit {rows}"


def _after(table: Selection, last: tuple[int, Any] | None) -> tuple[Any, ...]:
    return (last[0] - table.overlap if last else -_MAX_INT,)


def _page(table: Selection, names: list[str], found: list[_Values], row_max: int) -> Page:
    page = Page()
    for values in found:
        row = dict(zip(names, map(_value, values), strict=True))
        raw = orjson.dumps({"table": table.name, **row}, option=orjson.OPT_NON_STR_KEYS)
        mark = _mark(values, names)
        if len(raw) <= row_max:
            page.rows.append(Row(mark, raw))
        else:
            page.too_long.append(Row(mark, b""))
    return page


def _mark(values: _Values, names: list[str]) -> int:
    mark = values[names.index("mark")]
    return mark if type(mark) is int else 0


@contextmanager
def _query(
    db: sqlite3.Connection, path: str, select: str, values: tuple[Any, ...]
) -> Iterator[tuple[list[str], sqlite3.Cursor | None]]:
    """Run a select; None for a table or column that this version of the tool does not have."""
    try:
        cursor = db.execute(select, values)
    except sqlite3.OperationalError as exc:
        if "no such" not in str(exc):
            raise _busy(path, exc) from exc
        yield [], None
        return
    except sqlite3.Error as exc:
        raise _busy(path, exc) from exc
    with closing(cursor):
        yield [column[0] for column in cursor.description], cursor


def _fetch(path: str, cursor: sqlite3.Cursor | None, rows: int) -> list[_Values]:
    try:
        return cursor.fetchmany(rows) if cursor else []
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
def _open(path: str) -> Iterator[tuple[sqlite3.Connection, _Mode]]:
    mode = _mode_of(path)
    try:
        uri = f"file:{quote(os.fsencode(path))}?mode=ro&{mode.value}"
        db = sqlite3.connect(uri, uri=True, timeout=_BUSY_MS / 1000, isolation_level=None)
    except sqlite3.Error as exc:
        raise _busy(path, exc) from exc
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")
    with closing(db):
        yield db, mode


def _mode_of(path: str) -> _Mode:
    with open(path, "rb") as file:
        header = file.read(_WAL_AT + 1)
    if len(header) <= _WAL_AT or header[_WAL_AT] != 2:
        return _Mode.JOURNAL  # a rollback journal: reading takes a shared lock, no more
    wal = find(f"{path}-wal")
    if wal is None or wal.size == 0:
        return _Mode.IMMUTABLE
    if find(f"{path}-shm") is None:
        raise FileBusy(f"{path} was left open by a crash: start the tool once to repair it")
    return _Mode.SHARED


def _busy(path: str, exc: sqlite3.Error) -> FileBusy:
    return FileBusy(f"cannot read {path} ({exc}): it is tried again")
