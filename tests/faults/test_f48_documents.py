"""F48: a document that is rewritten on every turn gives what is new, each once; archives too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import FileBusy
from claude_code_tracer.tail import whole
from tests.faults.pipeline import Pipeline, line, running
from tests.faults.shapes import CompanionSource, ShapeSource, write_archive, write_document


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


# What stands beside it -------------------------------------------------------------------------


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Pipeline]:
    with running(tmp_path, source=CompanionSource()) as pipeline:
        yield pipeline


def _write(pipeline: Pipeline, **texts: str) -> None:
    for suffix, text in texts.items():
        (pipeline.folder / f"a.{suffix}").write_text(text)


def _texts(pipeline: Pipeline) -> list[str]:
    """Collect and ship; return what is new."""
    pipeline.server.rows.clear()
    return pipeline.drain()


def test_f48_a_document_is_read_together_with_its_companions(beside: Pipeline) -> None:
    _write(beside, json="one", more="third")
    assert _texts(beside) == ["one +  + third"]
    _write(beside, json="two", models="second")
    assert _texts(beside) == ["two + second + third"]
    _later(beside)
    beside.restart()
    assert _texts(beside) == []


def test_f48_a_companion_that_changed_alone_is_read_after_a_restart(beside: Pipeline) -> None:
    _write(beside, json="one", models="x", more="yz")
    _texts(beside)
    _later(beside)
    _texts(beside)
    _write(beside, models="xy", more="z")
    assert _texts(beside) == []
    beside.restart()
    assert _texts(beside) == ["one + xy + z"]


def test_f48_what_is_no_readable_companion_is_none(beside: Pipeline) -> None:
    beside.restart(line_max_bytes=10)
    _write(beside, json="one", models="x" * 41)
    (beside.folder / "a.more").symlink_to(beside.folder / "a.json")
    assert _texts(beside) == ["one +  + "]
    (beside.folder / "a.more").unlink()
    (beside.folder / "a.more").mkdir()
    _write(beside, json="two")
    assert _texts(beside) == ["two +  + "]


def test_f48_a_companion_that_changes_while_it_is_read_lets_the_document_wait(
    beside: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(beside, json="one", models="half")
    blocks = whole._blocks

    def rewritten(fd: int, max_bytes: int) -> Iterator[bytes]:
        for block in blocks(fd, max_bytes):
            yield block
            if block == b"half":
                _write(beside, models="all of it")

    with monkeypatch.context() as patch:
        patch.setattr(whole, "_blocks", rewritten)
        assert "a.models was rewritten" in beside.collect().errors[0]
    assert _texts(beside) == ["one + all of it + "]


def test_f48_a_defect_parks_a_document_with_its_companions_once(beside: Pipeline) -> None:
    _write(beside, json="deadly", models="fine", more="fine")
    assert _texts(beside) == []
    assert beside.outbox.stats().parked == {"parser failed: KeyError": 1}
    (parked,) = beside.outbox.parked(9)
    assert (parked.start, parked.end) == (0, len("deadly"))


# Archives ---------------------------------------------------------------------------------------


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
