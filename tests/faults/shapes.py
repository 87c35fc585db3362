"""A source of every shape: a document, an archive and a database hold the same small messages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import zstandard

from claude_code_tracer.sources.source import (
    BadSpan,
    Fact,
    Line,
    Parsed,
    Shape,
    Table,
    Transcript,
)
from tests.faults.pipeline import message

NOTES = Table("note", "select id as key, id, session, text, changed as mark from note", overlap=2)
GONE = Table("gone", "select rowid as key, rowid as mark from no_such_table")
SHAPES = {".json": Shape.DOCUMENT, ".zst": Shape.ARCHIVE, ".db": Shape.ROWS}


class ShapeSource:
    """`[{id, text}]` documents, archives of such lines, and a table of such rows."""

    name = "lines"
    label = "Shapes"
    knows: frozenset[Fact] = frozenset()

    def __init__(self) -> None:
        self.parsed: list[int] = []
        """How many records every call of `parse` was given."""

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        return [user_home / "lines"]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        shape = SHAPES.get(path.suffix)
        tables = (GONE, NOTES) if shape is Shape.ROWS else ()
        return shape and Transcript(self.name, path, path.stem, shape=shape, tables=tables)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        entities, bad = [], []
        for line in lines:
            try:
                found: Any = json.loads(line.raw)
            except ValueError:
                bad.append(BadSpan(line.start, line.end, "not JSON"))
                continue
            for record in found if type(found) is list else [found]:
                session = record.get("session", file.session)
                entities.append(message(session, record, line.end))
        self.parsed.append(len(entities))
        return Parsed(list(entities), bad, str(int(state or b"0") + len(lines)).encode())


class CompanionSource(ShapeSource):
    """A document `x.json` is read with `x.models` and `x.more`, and says what is in all three."""

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        if path.suffix != ".json":
            return None
        beside = (path.with_suffix(".models"), path.with_suffix(".more"))
        return Transcript(self.name, path, path.stem, shape=Shape.DOCUMENT, companions=beside)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        if lines[0].raw == b"deadly":
            raise KeyError("deadly")
        text = " + ".join(line.raw.decode() for line in lines)
        places = [(line.start, line.end) for line in lines]
        assert all(end == start for (_, end), (start, _) in pairwise(places))
        record = message(file.session, {"id": text, "text": text}, lines[0].end)
        return Parsed([record], [], str(len(lines)).encode())


def write_document(path: Path, *texts: str) -> None:
    path.write_text(json.dumps([{"id": str(n), "text": text} for n, text in enumerate(texts)]))


def write_archive(path: Path, content: bytes) -> None:
    path.write_bytes(zstandard.compress(content))


def open_database(path: Path, *, wal: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"pragma journal_mode = {'wal' if wal else 'delete'}")
    db.execute("create table if not exists note (id text, session text, text, changed integer)")
    return db


def add_note(
    db: sqlite3.Connection, id: str, text: str | bytes, changed: int, session: str = "s"
) -> None:
    db.execute("insert into note values (?, ?, ?, ?)", (id, session, text, changed))
