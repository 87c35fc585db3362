"""A session that its tool keeps in several stores is read from the best that has it, and once."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.collect_report import CollectProgress
from claude_code_tracer.model import Block
from claude_code_tracer.outbox.codec import decode
from claude_code_tracer.sources.cursor import Cursor
from claude_code_tracer.sources.source import Shape, Transcript
from tests.faults.pipeline import Pipeline, line, running
from tests.faults.shapes import ShapeSource, add_note, open_database, write_document


class StoreSource(ShapeSource):
    """Sessions in `best.db`, in other databases, and in documents and lines named after them."""

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        if path.suffix == ".jsonl":
            return Transcript(self.name, path, path.stem)
        file = super().transcript(root, path)
        if file is None or file.shape is not Shape.ROWS:
            return file
        return replace(file, rank=2 if path.stem == "best" else 1)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with running(tmp_path, source=StoreSource()) as pipeline:
        yield pipeline


def _later(pipeline: Pipeline, seconds: float = 60) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    pipeline.clock.advance_s(seconds)


def _rows(pipeline: Pipeline, name: str, *notes: tuple[str, str]) -> Path:
    """Add notes, each a session and a text, to a database."""
    path = pipeline.folder / name
    with closing(open_database(path, wal=False)) as db:
        mark = db.execute("select count(*) from note").fetchone()[0]
        for number, (session, text) in enumerate(notes, mark + 1):
            add_note(db, f"{name} {number}", text, number, session)
    return path


def _document(pipeline: Pipeline, session: str, *texts: str) -> Path:
    path = pipeline.folder / f"{session}.json"
    write_document(path, *texts)
    return path


def test_a_session_is_read_from_its_best_store_only(pipeline: Pipeline) -> None:
    _rows(pipeline, "best.db", ("a", "a, best"))
    _rows(pipeline, "chat.db", ("a", "a, chat"), ("b", "b, chat"))
    for session in "abc":  # written last, so they are the newest
        _document(pipeline, session, f"{session}, document")
        path = pipeline.folder / f"{session}.jsonl"
        path.write_bytes(line(f"{session} line", text=f"{session}, line"))
    _later(pipeline)
    assert pipeline.drain() == ["a, best", "b, chat", "c, document", "c, line"]


def test_what_is_left_out_stays_so_after_a_restart_and_is_not_even_opened(
    pipeline: Pipeline,
) -> None:
    source = pipeline.source
    assert isinstance(source, StoreSource)
    _rows(pipeline, "best.db", ("a", "best"))
    _rows(pipeline, "chat.db", ("a", "chat"))
    _document(pipeline, "a", "document")
    _later(pipeline)
    pipeline.drain()
    for _ in range(2):
        pipeline.restart()
        source.parsed.clear()
        _document(pipeline, "a", *["more"] * 50)
        _rows(pipeline, "chat.db", ("a", "chat, more"))
        assert pipeline.drain() == ["best"]
        assert 50 not in source.parsed


def test_a_store_that_vanished_keeps_its_sessions(pipeline: Pipeline) -> None:
    path = _rows(pipeline, "best.db", ("a", "best"))
    _later(pipeline)
    pipeline.drain()
    path.unlink()
    pipeline.restart()
    _document(pipeline, "a", "document")
    _later(pipeline)
    assert pipeline.drain() == ["best"]


def test_a_new_server_is_told_what_there_is_now(pipeline: Pipeline) -> None:
    pipeline.outbox.follow("first")
    path = _rows(pipeline, "best.db", ("a", "a, best"), ("b", "b, best"))
    _document(pipeline, "a", "a, document")
    _later(pipeline)
    assert pipeline.drain() == ["a, best", "b, best"]
    path.unlink()
    _rows(pipeline, "best.db", ("b", "b, best again"))
    pipeline.outbox.follow("second")
    pipeline.restart()
    pipeline.server.rows.clear()
    _later(pipeline)
    assert pipeline.drain() == ["a, document", "b, best again"]


def test_what_was_read_before_stays_beside_it_and_is_read_no_further(pipeline: Pipeline) -> None:
    _document(pipeline, "a", "document")
    assert pipeline.drain() == ["document"]
    _rows(pipeline, "best.db", ("a", "best"))
    _document(pipeline, "a", "document", "more")
    _later(pipeline)
    assert pipeline.drain() == ["best", "document"]
    pipeline.restart()
    assert pipeline.drain() == ["best", "document"]


def test_nobody_overtakes_a_store_that_cannot_be_read_now(pipeline: Pipeline) -> None:
    known = _document(pipeline, "known", "known")
    pipeline.drain()
    path = _rows(pipeline, "best.db", ("a", "best"))
    _document(pipeline, "a", "document")
    write_document(known, "known", "goes on")
    _later(pipeline)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("begin exclusive")
        for _ in range(2):
            report = pipeline.collect()
            pipeline.ship()
            assert "locked" in report.errors[0]
            assert pipeline.server.texts == ["goes on", "known"]
        db.execute("commit")
    assert pipeline.drain() == ["best", "goes on", "known"]


def test_nobody_waits_for_a_broken_store_that_nobody_uses(pipeline: Pipeline) -> None:
    path = pipeline.folder / "best.db"
    path.write_bytes(b"no database at all" * 100)
    at = (pipeline.clock.now() - timedelta(days=2)).timestamp()
    os.utime(path, (at, at))
    _document(pipeline, "a", "document")
    assert pipeline.collect().errors
    pipeline.ship()
    assert pipeline.server.texts == ["document"]


def test_a_busy_store_that_goes_away_is_not_waited_for(pipeline: Pipeline) -> None:
    path = pipeline.folder / "best.db"
    path.write_bytes(b"no database at all" * 100)
    _document(pipeline, "a", "document")
    assert pipeline.drain() == []
    path.unlink()
    assert pipeline.drain() == ["document"]


def test_a_new_file_leaves_its_better_store_time_to_be_written(pipeline: Pipeline) -> None:
    _rows(pipeline, "best.db", ("known", "known"))
    pipeline.drain()
    _document(pipeline, "a", "a, document")
    _document(pipeline, "b", "b, document")
    assert pipeline.drain() == ["known"]
    _rows(pipeline, "best.db", ("a", "a, best"))
    _document(pipeline, "b", "b, document", "and written on and on")
    assert pipeline.drain() == ["a, best", "and written on and on", "b, document", "known"]


def test_a_file_that_is_found_while_its_better_store_is_read_waits(pipeline: Pipeline) -> None:
    notes = [("other", f"{number:04}") for number in range(2000)]
    _rows(pipeline, "best.db", *notes, ("a", "best"))
    _document(pipeline, "a", "document")
    _later(pipeline)
    created: list[Path] = []

    def work_on(at: CollectProgress) -> None:
        _later(pipeline, 2)
        if at.records and not created:
            created.append(_document(pipeline, "new", "new"))  # so all folders are searched

    pipeline.collector.run_once(work_on)
    assert created
    assert pipeline.drain()[-2:] == ["best", "new"]


def test_better_stores_come_first_and_then_the_newest(pipeline: Pipeline) -> None:
    _document(pipeline, "new", "x")
    ages = {"new.json": 1, "old.json": 5, "best.db": 4, "chat.db": 3, "newest.db": 2}
    for name, age in ages.items():
        path = pipeline.folder / name
        path.touch()
        at = (pipeline.clock.now() - timedelta(days=age)).timestamp()
        os.utime(path, (at, at))
    names = [task.transcript.path.name for task in pipeline.collector.scan()]
    assert names == ["best.db", "newest.db", "chat.db", "new.json", "old.json"]


# Cursor -----------------------------------------------------------------------------------------

BUBBLES = [("u1", {"type": 1, "text": "Fix it"}), ("u2", {"type": 2, "text": "Fixed in the IDE"})]
CHAT = [
    {"role": "user", "content": [{"type": "text", "text": "<user_query>Fix it</user_query>"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "Fixed in the chat"}]},
]


def _ide(home: Path, session: str) -> None:
    path = home / ".config/Cursor/User/globalStorage/state.vscdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table if not exists cursorDiskKV (key text unique, value blob)")
        for key, bubble in BUBBLES:
            row = (f"bubbleId:{session}:{key}", json.dumps(bubble))
            db.execute("insert into cursorDiskKV values (?, ?)", row)
        db.commit()


def _chat(home: Path, session: str) -> None:
    path = home / ".cursor/chats/0f" / session / "store.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table blobs (id text primary key, data blob)")
        db.execute("create table meta (key text primary key, value text)")
        for number, message in enumerate(CHAT):
            db.execute("insert into blobs values (?, ?)", (f"b{number}", json.dumps(message)))
        db.commit()


def _transcript(home: Path, session: str) -> None:
    path = home / ".cursor/projects/p/agent-transcripts" / session / f"{session}.jsonl"
    path.parent.mkdir(parents=True)
    messages = [{"role": m["role"], "message": {"content": m["content"]}} for m in CHAT]
    path.write_text("".join(json.dumps(message) + "\n" for message in messages))


def test_a_conversation_in_all_stores_of_cursor_is_there_once(tmp_path: Path) -> None:
    with running(tmp_path, source=Cursor()) as pipeline:
        for session in ("all", "ide"):
            _ide(tmp_path, session)
        for session in ("all", "chat"):
            _chat(tmp_path, session)
        for session in ("all", "ide", "chat", "alone"):
            _transcript(tmp_path, session)
        _later(pipeline)
        pipeline.collect()
        pipeline.restart()
        pipeline.collect()
        records = pipeline.outbox.take(999, 9_999_999)
        found = [decode(record.body) for record in records]
        blocks = {(b.session, b.id): b.text or "" for b in found if isinstance(b, Block)}
        said = sorted((session, text) for (session, _), text in blocks.items())
        answers = {"all": "the IDE", "alone": "the chat", "chat": "the chat", "ide": "the IDE"}
        assert said == [
            pair
            for session, place in answers.items()
            for pair in ((session, "Fix it"), (session, f"Fixed in {place}"))
        ]
