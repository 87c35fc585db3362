"""F77: what was set aside is read again by a program that learned something, and goes away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from claude_code_tracer.ids import record_id
from claude_code_tracer.outbox import Parked, SetAside
from claude_code_tracer.requests import Done, Drop, Resync, Retry
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.sources.source import Line, Parsed, Shape, Transcript
from tests.faults.asking import asked, later
from tests.faults.pipeline import UNGUARDABLE, LineSource, Pipeline, line, message, running

NEW = b'!{"id": "new", "text": "in a new format"}\n'


class Upgradable(LineSource):
    """Takes a line with an exclamation mark for damaged until it is upgraded."""

    knows_new = False

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        if self.knows_new:
            lines = [Line(li.start, li.end, li.raw.removeprefix(b"!")) for li in lines]
        return super().parse(file, lines, state)


class Documents(LineSource):
    """The whole file is one message; nothing else than JSON is one."""

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        return Transcript(self.name, path, path.stem, shape=Shape.DOCUMENT)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        (document,) = lines
        values: dict[str, Any] = msgspec.json.decode(document.raw)
        return Parsed([message(file.session, values, document.end)], [], None)


def _list(pipeline: Pipeline) -> list[SetAside]:
    return pipeline.outbox.set_aside()


def _retry(pipeline: Pipeline, *ids: int) -> Done:
    return asked(pipeline, Retry(list(ids) or None))


def test_f77_an_upgraded_parser_makes_the_record_arrive_and_the_pointer_go(tmp_path: Path) -> None:
    source = Upgradable()
    with running(tmp_path, source=source) as pipeline:
        path = pipeline.folder / "a.jsonl"
        path.write_bytes(line(1) + NEW + line(2))
        assert pipeline.drain() == ["1", "2"]
        (item,) = _list(pipeline)
        assert (item.pointer.start, item.is_current) == (len(line(1)), True)
        assert item.file and item.file.path == str(path)

        assert _retry(pipeline, item.id).pointers == 1
        assert pipeline.drain() == ["1", "2"]
        (again,) = _list(pipeline)  # not upgraded yet: it came back, once
        assert again.id != item.id and again.pointer.sha256 == item.pointer.sha256

        source.knows_new = True
        done = _retry(pipeline)
        assert (done.files, done.bytes, done.pointers) == (1, path.stat().st_size, 1)
        assert pipeline.drain() == ["1", "2", "in a new format"]
        assert _list(pipeline) == []
        assert pipeline.outbox.stats().parked == {}


def test_f77_a_replaced_file_cannot_be_tried_and_its_pointer_stays(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        path = pipeline.folder / "a.jsonl"
        path.write_bytes(line(1) + NEW)
        pipeline.drain()
        path.write_bytes(line(7) + line(8) * 9)  # not read yet
        (item,) = _list(pipeline)
        assert _retry(pipeline).kept == {"its file was replaced since": [item.id]}
        pipeline.drain()
        (item,) = _list(pipeline)
        assert not item.is_current
        done = _retry(pipeline)
        assert (done.pointers, done.files) == (0, 0)
        assert done.kept == {"its file was replaced since": [item.id]}
        asked(pipeline, Resync("all"))
        pipeline.drain()
        assert [kept.id for kept in _list(pipeline)] == [item.id]


def test_f77_the_pointer_into_a_file_that_is_gone_stays(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        path = pipeline.folder / "a.jsonl"
        path.write_bytes(line(1) + NEW)
        pipeline.drain()
        path.unlink()
        (item,) = _list(pipeline)
        assert _retry(pipeline, item.id, 99).kept == {
            "it is not set aside (any more)": [99],
            "its file is gone": [item.id],
        }
        assert _list(pipeline) == [item]


def test_f77_a_refused_row_is_sent_again_from_its_file(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        pipeline.server.refused = {"2"}
        (pipeline.folder / "a.jsonl").write_bytes(line(1) + line(2) + line(3))
        assert pipeline.drain() == ["1", "3"]
        (item,) = _list(pipeline)
        assert item.is_current and item.pointer.kind == "message"
        _retry(pipeline)
        assert pipeline.drain() == ["1", "3"]
        assert len(_list(pipeline)) == 1
        pipeline.server.refused = set()
        _retry(pipeline)
        assert pipeline.drain() == ["1", "2", "3"]
        assert _list(pipeline) == []


def test_f77_a_row_that_waited_while_its_file_began_anew_is_set_aside_once(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        pipeline.server.refused = {"2"}
        (pipeline.folder / "a.jsonl").write_bytes(line(1) + line(2))
        pipeline.collect()
        asked(pipeline, Resync("all"))
        pipeline.server.script = [Answer(429)]
        pipeline.collect()
        later(pipeline, 400)
        pipeline.server.script = []
        assert pipeline.drain() == ["1"]
        assert len(_list(pipeline)) == 1


def test_f77_what_the_guard_refused_is_guarded_again(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        path = pipeline.folder / "a.jsonl"
        path.write_bytes(line(1) + line(2, text=UNGUARDABLE))
        pipeline.drain()
        for _ in range(2):
            _retry(pipeline)
            pipeline.drain()
            (item,) = _list(pipeline)
            assert "the guard cannot vouch for it" in item.pointer.reason


def test_f77_a_document_that_stays_damaged_is_set_aside_once(tmp_path: Path) -> None:
    with running(tmp_path, source=Documents()) as pipeline:
        path = pipeline.folder / "a.json"
        for size in range(1, 5):  # every version is read as a whole
            path.write_bytes(b"{" + b" " * size)
            pipeline.drain()
        (item,) = _list(pipeline)
        assert item.pointer.end == 5
        path.write_bytes(line("whole"))
        assert _retry(pipeline).pointers == 1
        assert pipeline.drain() == ["whole"]
        assert _list(pipeline) == []


def test_f77_dropped_pointers_are_counted_no_more(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(NEW * 3 + line(1))
        pipeline.drain()
        first, second, third = (item.id for item in _list(pipeline))
        done = asked(pipeline, Drop([first, 99]))
        assert (done.pointers, done.kept) == (1, {"it is not set aside (any more)": [99]})
        assert {item.id for item in _list(pipeline)} == {second, third}
        assert asked(pipeline, Drop(None)).pointers == 2
        assert pipeline.outbox.stats().parked_rows == 0
        pipeline.restart()
        (pipeline.folder / "b.jsonl").write_bytes(NEW)
        assert pipeline.drain() == ["1"]
        (item,) = _list(pipeline)
        assert item.id > max(first, second, third), "a number is never given twice"


def test_f77_a_record_of_a_file_nobody_knows_stays(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        pipeline.outbox.park([], [Parked("refused", record="r")])
        (item,) = _list(pipeline)
        assert (item.file, item.is_current) == (None, False)
        assert _retry(pipeline).kept == {"it is not known which file it is from": [item.id]}


def test_f77_ids_are_those_of_the_record(tmp_path: Path) -> None:
    """What arrives by a retry is the row that would have arrived at first."""
    source = Upgradable()
    with running(tmp_path, source=source) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(line(1) + NEW)
        pipeline.drain()
        source.knows_new = True
        _retry(pipeline)
        pipeline.drain()
        assert ("messages", record_id("lines", "a", "new")) in pipeline.server.rows
