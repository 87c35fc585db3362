"""Parse databases and documents the way the contract in `sources.source` says they are read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from claude_code_tracer.sources.source import Line, Shape, Source, Transcript
from tests.unit.sources.parsing import Outcome

__all__ = ["build_database", "document", "parse_file", "parse_home", "parse_lines", "row_lines"]


def build_database(path: Path, script: str) -> Path:
    """Make an SQLite file out of SQL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.commit()
    connection.close()
    return path


def row_lines(file: Transcript) -> list[Line]:
    """Return every row of every table as a Line; a table that cannot be selected has none."""
    connection = sqlite3.connect(file.path)
    connection.row_factory = sqlite3.Row
    lines = []
    for table in file.tables:
        try:
            rows = connection.execute(f"select * from ({table.sql}) order by mark, key").fetchall()
        except sqlite3.OperationalError as exc:
            assert "no such" in str(exc), exc
            continue
        assert len({row["key"] for row in rows}) == len(rows)
        for row in rows:
            columns = {
                name: value if type(value) is not bytes else _text(value)
                for name, value in zip(row.keys(), row, strict=True)
            }
            raw = json.dumps({**columns, "table": table.name}, ensure_ascii=False)
            lines.append(Line(row["mark"], row["mark"], raw.encode("utf-8", "replace")))
    connection.close()
    return lines


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def document(path: Path) -> list[Line]:
    """Return a whole file as one Line."""
    raw = path.read_bytes()
    return [Line(0, len(raw), raw)]


def parse_file(source: Source, file: Transcript) -> Outcome:
    """Parse one file in one go."""
    lines = row_lines(file) if file.shape is Shape.ROWS else document(file.path)
    return Outcome([source.parse(file, lines, None)])


def parse_lines(
    source: Source, file: Transcript, lines: list[Line], cuts: Iterable[int] = ()
) -> Outcome:
    """Parse lines in pieces that end before those numbered in `cuts`, with restarts in between."""
    state: bytes | None = None
    parsed = []
    for start, end in pairwise([0, *sorted(set(cuts)), len(lines)]):
        parsed.append(source.parse(file, lines[start:end], state))
        state = parsed[-1].state
    return Outcome(parsed)


def parse_home(source: Source, home: Path) -> Outcome:
    """Parse everything a tool wrote below a home folder; `x.db.sql` builds `x.db` first."""
    for script in sorted(home.rglob("*.db.sql")):
        build_database(script.with_suffix(""), script.read_text())
    parsed = []
    for root in source.roots({}, home):
        for path in sorted(root.rglob("*")):
            file = source.transcript(root, path) if path.is_file() else None
            if file:
                lines = row_lines(file) if file.shape is Shape.ROWS else document(file.path)
                parsed.append(source.parse(file, lines, None))
    return Outcome(parsed)
