"""F32: what is edited before the cursor is not noticed; `resync` reads it, and doubles nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_code_tracer.errors import NotFound
from claude_code_tracer.requests import Resync
from tests.faults.asking import asked, later
from tests.faults.pipeline import Pipeline, line, running


def _write(pipeline: Pipeline, name: str, *numbers: int) -> Path:
    path = pipeline.folder / f"{name}.jsonl"
    path.write_bytes(b"".join(line(f"{name}-{n}", text=f"{name} {n:03}") for n in numbers))
    return path


def test_f32_an_edit_in_the_middle_arrives_by_resync_of_the_session(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        path = _write(pipeline, "a", *range(100))
        _write(pipeline, "b", 1)
        before = pipeline.drain()
        path.write_bytes(path.read_bytes().replace(b"a 050", b"a xxx"))
        assert pipeline.drain() == before  # the limit that docs/architecture.md names
        done = asked(pipeline, Resync("a"))
        assert (done.files, done.bytes, done.gone) == (1, path.stat().st_size, 0)
        after = pipeline.drain()
        assert "a xxx" in after and len(after) == len(before)


def test_f32_resync_sends_the_same_rows_again_and_no_others(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        for name in "abc":
            _write(pipeline, name, *range(20))
        pipeline.drain()
        rows, sent = dict(pipeline.server.rows), len(pipeline.server.order)
        for _ in range(2):  # obeyed twice, as after a crash before the answer was written
            assert asked(pipeline, Resync("all")).files == 3
        pipeline.drain()
        assert pipeline.server.rows == rows
        assert len(pipeline.server.order) == 2 * sent


def test_f32_resync_goes_on_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        _write(pipeline, "a", *range(20))
        pipeline.drain()
        asked(pipeline, Resync("lines"))
        pipeline.restart()
        sent = len(pipeline.server.order)
        pipeline.drain()
        assert len(pipeline.server.order) == 2 * sent


def test_f32_a_file_that_is_gone_is_counted_and_its_rows_stay(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        path = _write(pipeline, "a", 1)
        _write(pipeline, "b", 1)
        before = pipeline.drain()
        path.unlink()
        done = asked(pipeline, Resync("all"))
        assert (done.files, done.gone) == (1, 1)
        assert pipeline.drain() == before


def test_f32_a_file_that_was_moved_is_found_by_its_new_name(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        path = _write(pipeline, "a", 1)
        pipeline.drain()
        (pipeline.folder / "sub").mkdir()
        path.rename(pipeline.folder / "sub" / "a.jsonl")
        pipeline.drain()
        assert asked(pipeline, Resync("a")).files == 1
        assert pipeline.drain() == ["a 001"]


def test_f32_a_last_line_without_newline_is_read_again_as_well(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        path = _write(pipeline, "a", 1)
        with path.open("ab") as file:
            file.write(line("a-2", text="a 002").rstrip(b"\n"))
        later(pipeline, 700)
        assert pipeline.drain() == ["a 001", "a 002"]
        asked(pipeline, Resync("a"))
        assert pipeline.drain() == ["a 001", "a 002"]
        assert pipeline.outbox.stats().parked_rows == 0


def test_f32_what_nobody_read_cannot_be_read_again(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        _write(pipeline, "a", 1)
        pipeline.drain()
        with pytest.raises(NotFound, match="nothing was read of a session that begins with 'x'"):
            asked(pipeline, Resync("x"))
