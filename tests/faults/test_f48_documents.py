"""F48: a document that is rewritten on every turn gives what is new, each once; archives too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import FileBusy
from claude_code_tracer.tail import whole
from tests.faults.pipeline import Pipeline, line, running
from tests.faults.shapes import ShapeSource, write_archive, write_document


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with running(tmp_path, source=ShapeSource()) as pipeline:
        yield pipeline


def _later(pipeline: Pipeline) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    pipeline.clock.advance_s(60)


def _records(pipeline: Pipeline) -> int:
    return pipeline.collect().records


def test_f48_only_what_changed_in_a_document_is_sent(pipeline: Pipeline) -> None:
    path = pipeline.folder / "a.json"
    write_document(path, "one", "two")
    assert _records(pipeline) == 2
    write_document(path, "one", "two changed", "three")
    assert _records(pipeline) == 3  # their revision is the document's, so all are new versions
    _later(pipeline)
    pipeline.restart()
    assert _records(pipeline) == 0
    write_document(path, "one")  # a document that shrank takes nothing back (I7)
    pipeline.collect()
    pipeline.ship()
    assert pipeline.server.texts == ["one", "three", "two changed"]


def test_f48_a_document_that_is_half_written_is_told_and_read_again(pipeline: Pipeline) -> None:
    path = pipeline.folder / "a.json"
    path.write_text('[{"id": "1", "text": "on')
    assert pipeline.collect().bad == 1
    write_document(path, "one")
    assert pipeline.drain() == ["one"]


def test_f48_a_document_that_changes_while_it_is_read_waits(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pipeline.folder / "a.json"
    write_document(path, "one")
    blocks = whole._blocks

    def rewritten(fd: int, max_bytes: int) -> Iterator[bytes]:
        yield from blocks(fd, max_bytes)
        write_document(path, "one", "two")

    monkeypatch.setattr(whole, "_blocks", rewritten)
    with pytest.raises(FileBusy, match="rewritten"):
        whole.read_document(str(path), 10**6)
    monkeypatch.undo()
    assert pipeline.drain() == ["one", "two"]


def test_f48_a_document_too_large_for_memory_is_parked_once(pipeline: Pipeline) -> None:
    pipeline.restart(line_max_bytes=100)
    write_document(pipeline.folder / "a.json", "x" * 1000)
    pipeline.collect()
    _later(pipeline)
    pipeline.restart()
    pipeline.collect()
    (reason,) = pipeline.outbox.stats().parked
    assert "larger than the limit" in reason and pipeline.outbox.stats().parked_rows == 1


def test_an_archive_is_read_as_the_lines_it_holds_and_only_once(pipeline: Pipeline) -> None:
    content = b"".join(line(n) for n in range(1200)) + line("last").rstrip(b"\n")
    path = pipeline.folder / "a.zst"
    write_archive(path, content)
    assert len(pipeline.drain()) == 1201
    pipeline.restart()
    assert _records(pipeline) == 0
    path.write_bytes(path.read_bytes()[:-20])
    assert "no whole archive" in pipeline.collect().errors[0]


def test_an_archive_that_was_interrupted_is_read_again(pipeline: Pipeline) -> None:
    write_archive(pipeline.folder / "a.zst", b"".join(line(n) for n in range(1200)))
    pipeline.collector.interrupt()
    pipeline.collect()
    pipeline.restart()
    assert len(pipeline.drain()) == 1200
