"""Read Cursor's stores as the engine does: documents as one line, rows of a database one by one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.cursor import Cursor
from claude_code_tracer.sources.source import Line, Parsed, Table, Transcript
from tests.unit.sources.parsing import Outcome

__all__ = ["CURSOR", "HOME", "SESSION", "document", "jsonl", "read_home", "row_lines", "rows"]

CURSOR = Cursor()
HOME = Path("/home/u")
SESSION = "7c1d6f0e-0000-4000-8000-000000000001"


def transcript(path: str) -> Transcript:
    """Return what the source says of a path below the home folder."""
    full = HOME / path
    found = (CURSOR.transcript(root, full) for root in CURSOR.roots({}, HOME))
    file = next(filter(None, found), None)
    assert file is not None, path
    return file


def document(*versions: bytes, name: str = f"{SESSION}/{SESSION}.jsonl") -> Outcome:
    """Parse versions of one transcript, one after the other."""
    file = transcript(f".cursor/projects/home-u-proj/agent-transcripts/{name}")
    state, parts = None, []
    for raw in versions:
        parsed = CURSOR.parse(file, [Line(0, len(raw), raw)], state)
        state = parsed.state
        parts.append(parsed)
    return Outcome(parts)


def jsonl(*records: Any) -> bytes:
    """Return records as lines."""
    return b"".join(json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in records)


def row_lines(path: Path, tables: Iterable[Table]) -> list[Line]:
    """Return the rows of `tables` as `source.Table` says; a missing table has none."""
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    lines = []
    for table in tables:
        try:
            found = database.execute(f"select * from ({table.sql}) order by mark").fetchall()
        except sqlite3.OperationalError as exc:
            assert "no such" in str(exc), exc
            continue
        for row in found:
            value = {"table": table.name, **{k: _column(row[k]) for k in row.keys()}}  # noqa: SIM118
            lines.append(Line(row["mark"], row["mark"], json.dumps(value).encode()))
    database.close()
    return lines


def _column(value: object) -> object:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return value


def rows(file: Transcript, lines: Sequence[Line], cuts: Iterable[int] = ()) -> Outcome:
    """Parse rows in pieces, each with the state of the one before."""
    state, parts, at = None, list[Parsed](), 0
    for cut in [*cuts, len(lines)]:
        parsed = CURSOR.parse(file, lines[at:cut], state)
        state, at = parsed.state, cut
        parts.append(parsed)
    return Outcome(parts)


def read_home(home: Path, work: Path) -> Outcome:
    """Read all stores below a home folder; `x.db.sql` stands for the database that it builds."""
    parts: list[Parsed] = []
    for root in CURSOR.roots({}, home):
        for path in sorted(root.rglob("*")):
            real = path.with_suffix("") if path.suffix == ".sql" else path
            file = CURSOR.transcript(root, real) if path.is_file() else None
            if file is None:
                continue
            if file.tables:
                database = work / f"{len(parts)}.db"
                connection = sqlite3.connect(database)
                connection.executescript(path.read_text())
                connection.close()
                lines = row_lines(database, file.tables)
            else:
                raw = path.read_bytes()
                lines = [Line(0, len(raw), raw)]
            parts.append(CURSOR.parse(file, lines, None))
    return Outcome(parts)
