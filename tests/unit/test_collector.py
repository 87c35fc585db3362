from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.collector import Collector, CollectProgress, CollectReport
from claude_code_tracer.model import Entity
from claude_code_tracer.sources.source import Line, Parsed, Source, Transcript
from tests.faults.pipeline import (
    SECRET,
    LineSource,
    Pipeline,
    StubGuard,
    line,
    running,
    same_price,
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with running(tmp_path) as pipeline:
        yield pipeline


def _write(pipeline: Pipeline, name: str, content: bytes) -> Path:
    path = pipeline.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(content)
    return path


def _with(pipeline: Pipeline, source: LineSource, guard: StubGuard | None = None) -> Collector:
    return Collector(
        pipeline.config,
        [source],
        guard or StubGuard(),
        same_price,
        pipeline.outbox,
        pipeline.clock,
    )


def test_report_counts_what_was_done(pipeline: Pipeline) -> None:
    content = line("1", text=f"{SECRET} x") + line("2", kind="unknown") + b"broken\n"
    _write(pipeline, "a.jsonl", content)
    _write(pipeline, "p/b.jsonl", line("3"))
    _write(pipeline, "p/notes.txt", b"not a transcript\n")
    report = pipeline.collect()
    assert report == CollectReport(
        files=2,
        bytes=len(content) + len(line("3")),
        records=5,
        masked=1,
        bad=1,
        unknown=1,
        errors=[],
        is_scan=True,
    )
    assert pipeline.collect() == CollectReport(is_scan=True)


def test_reports_add_up() -> None:
    search = CollectReport(files=1, records=2, errors=["a"], is_scan=True)
    hot = CollectReport(files=1, records=3, errors=["b"])
    assert (search + hot).records == 5
    assert (search + hot).errors == ["a"]
    assert (hot + search).errors == ["a"]


def test_scan_gives_the_newest_first(pipeline: Pipeline) -> None:
    for age, name in ((3, "c"), (1, "a"), (2, "b")):
        path = _write(pipeline, f"{name}.jsonl", line("1"))
        at = (pipeline.clock.now() - timedelta(days=age)).timestamp()
        os.utime(path, (at, at))
    assert [task.transcript.session for task in pipeline.collector.scan()] == ["a", "b", "c"]


def test_progress_ends_with_everything(pipeline: Pipeline) -> None:
    content = b"".join(map(line, range(1200)))
    _write(pipeline, "a.jsonl", content)
    _write(pipeline, "b.jsonl", line("x") + b"half")
    seen: list[CollectProgress] = []
    pipeline.collector.run_once(seen.append)
    assert [at.files_total for at in seen] == [2] * len(seen)
    assert [at.bytes_done for at in seen] == sorted(at.bytes_done for at in seen)
    last = seen[-1]
    assert (last.files_done, last.bytes_total) == (2, len(content) + len(line("x")) + 4)
    assert last.bytes_done == last.bytes_total - 4
    assert last.records == 1200 + 3 + 1 + 1


def test_hot_pass_reads_only_what_changed(pipeline: Pipeline) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    _write(pipeline, "a.jsonl", line("1"))
    pipeline.collect()
    assert pipeline.collector.run_hot().records == 0
    _write(pipeline, "a.jsonl", line("2"))
    report = pipeline.collector.run_hot()
    assert (report.files, report.records, report.is_scan) == (1, 2, False)


def test_hot_pass_finds_a_new_session_beside_a_hot_one(pipeline: Pipeline) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    _write(pipeline, "p/a.jsonl", line("1"))
    pipeline.collect()
    pipeline.clock.advance_s(1)
    _write(pipeline, "p/b.jsonl", line("2"))
    assert pipeline.collector.run_hot().records == 2
    pipeline.clock.advance_s(2)
    _write(pipeline, "q/c.jsonl", line("3"))
    assert pipeline.collector.run_hot().records == 2


def test_parser_state_goes_on_after_a_restart(pipeline: Pipeline) -> None:
    _write(pipeline, "a.jsonl", b"".join(map(line, range(1200))))
    pipeline.collect()
    pipeline.restart()
    _write(pipeline, "a.jsonl", line("x"))
    pipeline.collect()
    assert pipeline.outbox.state(1) == b"1201"


def test_interrupted_pass_ends_soon_and_goes_on_later(pipeline: Pipeline) -> None:
    _write(pipeline, "a.jsonl", b"".join(map(line, range(3000))))
    report = pipeline.collector.run_once(lambda _: pipeline.collector.interrupt())
    assert (report.records, report.is_scan) == (501, False)
    pipeline.restart()
    assert len(pipeline.drain()) == 3000


class _Defective(LineSource):
    """Its parser dies of one record."""

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        if any(b"deadly" in line.raw for line in lines):
            raise KeyError("deadly")
        return super().parse(file, lines, state)


def test_defect_of_a_parser_costs_one_line(pipeline: Pipeline) -> None:
    lines = [line(number) for number in range(300)]
    lines[77] = lines[200] = deadly = line("deadly")
    _write(pipeline, "a.jsonl", b"".join(lines))
    pipeline.collector = _with(pipeline, _Defective())
    assert len(pipeline.drain()) == 298
    parked = pipeline.outbox.parked(9)
    assert {row.reason for row in parked} == {"parser failed: KeyError"}
    assert [row.start for row in parked] == [sum(map(len, lines[:n])) for n in (200, 77)]
    assert {row.sha256 for row in parked} == {sha256(deadly).hexdigest()}
    assert pipeline.outbox.state(1) == b"298"


class _Broken(StubGuard):
    """Fails in a way it should not."""

    def mask_entity(self, entity: Entity) -> Entity:
        raise RecursionError("sk-secret")


def test_defect_of_the_guard_keeps_nothing(pipeline: Pipeline) -> None:
    _write(pipeline, "a.jsonl", line("1"))
    pipeline.collector = _with(pipeline, LineSource(), _Broken())
    assert pipeline.collect().bad == 2
    assert pipeline.outbox.stats().pending_rows == 0
    assert pipeline.outbox.stats().parked == {"the guard cannot vouch for it: RecursionError": 2}


def test_unfinished_line_is_not_read_again_and_again(pipeline: Pipeline) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    _write(pipeline, "a.jsonl", line("1") + b'{"id": ')
    pipeline.collect()
    pipeline.clock.advance_s(5)
    pipeline.collect()
    assert pipeline.collector.scan() == []


def test_read_is_not_disturbed_by_sources_without_a_folder(pipeline: Pipeline) -> None:
    pipeline.folder.rmdir()
    assert pipeline.collect() == CollectReport(is_scan=True)


@pytest.mark.parametrize("is_first", [True, False])
def test_tool_in_a_folder_of_another_tool_is_found(pipeline: Pipeline, is_first: bool) -> None:
    """As Cline's tasks in Cursor's storage, or those of two extensions in an editor's profiles."""
    inside, around = _Inside(), LineSource()
    _write(pipeline, "inside/a.jsonlines", line("1"))
    _write(pipeline, "b.jsonl", line("2"))
    sources: list[Source] = [inside, around] if is_first else [around, inside]
    collector = Collector(
        pipeline.config, sources, StubGuard(), same_price, pipeline.outbox, pipeline.clock
    )
    for report in (collector.run_once(), collector.run_once()):
        assert report.errors == []
    found = {Path(row.path).name: row.source for row in pipeline.outbox.files()}
    assert found == {"a.jsonlines": "inside", "b.jsonl": "lines"}


class _Inside(LineSource):
    name = "inside"

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        return [user_home / "lines" / "inside"]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        is_mine = path.suffix == ".jsonlines" and path.is_relative_to(root)
        return Transcript(self.name, path, path.stem) if is_mine else None
