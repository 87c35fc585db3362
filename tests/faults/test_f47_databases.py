"""F47: SQLite databases of other programs are read while they are written, and left untouched."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from tests.faults.pipeline import Pipeline, running
from tests.faults.shapes import ShapeSource, add_note, open_database

WRITER = """
import sys
from pathlib import Path
from tests.faults.shapes import add_note, open_database

db = open_database(Path(sys.argv[1]), wal=sys.argv[2] == "True")
add_note(db, "1", "one", 10)
print("written", flush=True)
sys.stdin.readline()
db.close()
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with running(tmp_path, source=ShapeSource()) as pipeline:
        yield pipeline


def _later(pipeline: Pipeline) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    pipeline.clock.advance_s(60)


def _traces(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        entry.name: (entry.stat().st_mtime_ns, entry.stat().st_size, Path(entry).read_bytes())
        for entry in os.scandir(folder)
    }


@pytest.mark.parametrize("wal", [True, False])
@pytest.mark.parametrize("is_open", [True, False])
def test_f47_a_database_is_read_without_a_trace(
    pipeline: Pipeline, wal: bool, is_open: bool
) -> None:
    # Another process, because connections of one process share their memory with each other.
    command = [sys.executable, "-c", WRITER, str(pipeline.folder / "a.db"), str(wal)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdin and writer.stdout and writer.stdout.readline() == b"written\n"
        if not is_open:
            writer.communicate(b"close\n")
        before = _traces(pipeline.folder)
        assert len(before) == (3 if wal and is_open else 1)
        assert pipeline.drain() == ["one"]
        assert _traces(pipeline.folder) == before


def test_f47_new_and_changed_rows_come_without_the_old_ones(pipeline: Pipeline) -> None:
    source = pipeline.source
    assert isinstance(source, ShapeSource)
    db = open_database(pipeline.folder / "a.db", wal=True)
    for number in range(1200):  # more than one page, many with the same mark
        add_note(db, f"{number:04}", f"text {number:04}", number // 400 * 100)
    assert len(pipeline.drain()) == 1200
    assert sum(source.parsed) == 1200
    source.parsed.clear()
    db.execute("update note set text = 'changed', changed = 999 where id = '0003'")
    add_note(db, "late", "committed late", 199)  # within the overlap of the last mark, 200
    assert {"changed", "committed late"} <= set(pipeline.drain())
    assert sum(source.parsed) < 500
    _later(pipeline)
    pipeline.restart()
    source.parsed.clear()
    pipeline.drain()
    assert sum(source.parsed) < 500
    db.close()


def test_f47_a_locked_database_waits_for_the_next_round(pipeline: Pipeline) -> None:
    db = open_database(pipeline.folder / "a.db", wal=False)
    add_note(db, "1", "one", 10)
    db.execute("begin exclusive")
    report = pipeline.collect()
    assert "locked" in report.errors[0] and "tried again" in report.errors[0]
    db.execute("commit")
    assert pipeline.drain() == ["one"]
    db.close()


def test_f47_a_crashed_writer_is_told_and_nothing_is_created(pipeline: Pipeline) -> None:
    path = pipeline.folder / "a.db"
    db = open_database(path, wal=True)
    add_note(db, "1", "one", 10)
    copies = {name: (pipeline.folder / name).read_bytes() for name in ("a.db", "a.db-wal")}
    db.close()
    path.unlink()
    for name, content in copies.items():
        (pipeline.folder / name).write_bytes(content)
    assert "crash" in pipeline.collect().errors[0]
    assert sorted(os.listdir(pipeline.folder)) == ["a.db", "a.db-wal"]
    sqlite3.connect(path).execute("select * from note").fetchall()  # the tool starts again
    assert pipeline.drain() == ["one"]


def test_f47_another_database_in_its_place_is_read_from_the_start(pipeline: Pipeline) -> None:
    path = pipeline.folder / "a.db"
    db = open_database(path, wal=False)
    add_note(db, "1", "one", 1000)
    db.close()
    assert pipeline.drain() == ["one"]
    other = open_database(pipeline.folder / "new.db-tmp", wal=False)
    add_note(other, "2", "two", 10)
    other.close()
    (pipeline.folder / "new.db-tmp").rename(path)
    assert pipeline.drain() == ["one", "two"]


def test_f47_odd_content_is_parked_or_left_out(pipeline: Pipeline) -> None:
    pipeline.restart(line_max_bytes=1000)
    db = open_database(pipeline.folder / "a.db", wal=False)
    add_note(db, "1", "x" * 2000, 1)
    add_note(db, "2", b"as a blob", 2)
    add_note(db, "3", "after", 3)
    db.execute("insert into note values ('4', 's', cast(x'ff' as text), 4)")
    db.close()
    assert pipeline.drain() == ["after", "as a blob", "\N{REPLACEMENT CHARACTER}"]
    assert pipeline.outbox.stats().parked == {"a line is longer than 1000 bytes": 1}
    (pipeline.folder / "b.db").write_bytes(b"no database at all" * 100)
    assert "tried again" in pipeline.collect().errors[0]
