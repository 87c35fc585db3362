"""F28 to F35, F44: which file is this, and where were we in it?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_code_tracer.tail import reader
from tests.faults.pipeline import Pipeline, line, running

restarts = pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])


def _lines(*names: str) -> bytes:
    return b"".join(line(name) for name in names)


def _file(pipeline: Pipeline, name: str = "a.jsonl") -> Path:
    return pipeline.folder / name


def _change(pipeline: Pipeline, restart: bool, change: Callable[[], object]) -> list[str]:
    change()
    if restart:
        pipeline.restart()
    return pipeline.drain()


@restarts
@pytest.mark.parametrize("names", [["9"], ["7", "8", "9"]], ids=["shorter", "same length"])
def test_f28_truncated_and_written_anew(tmp_path: Path, restart: bool, names: list[str]) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("1", "2", "3"))
        pipeline.drain()
        new = _lines(*names)
        texts = _change(pipeline, restart, lambda: _file(pipeline).write_bytes(new))
        assert texts == sorted(["1", "2", "3", *names])
        assert pipeline.outbox.files()[0].generation == 1


@restarts
def test_f28_truncated_to_nothing_then_written(tmp_path: Path, restart: bool) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("1", "2"))
        pipeline.drain()
        assert _change(pipeline, restart, lambda: _file(pipeline).write_bytes(b"")) == ["1", "2"]
        new = _lines("3")
        texts = _change(pipeline, restart, lambda: _file(pipeline).write_bytes(new))
        assert texts == ["1", "2", "3"]


@restarts
def test_f29_regrown_larger_than_before(tmp_path: Path, restart: bool) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("1", "2"))
        pipeline.drain()
        new = _lines("3", "4", "5", "6")
        texts = _change(pipeline, restart, lambda: _file(pipeline).write_bytes(new))
        assert texts == ["1", "2", "3", "4", "5", "6"]


@restarts
def test_f30_deleted_and_created_with_the_same_inode_and_size(
    tmp_path: Path, restart: bool
) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("1", "2"))
        pipeline.drain()

        def recreate() -> None:
            _file(pipeline).unlink()
            _file(pipeline).write_bytes(_lines("3", "4"))

        assert _change(pipeline, restart, recreate) == ["1", "2", "3", "4"]


@restarts
def test_f30_inode_of_a_deleted_session_goes_to_a_new_one(tmp_path: Path, restart: bool) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("1", "2"))
        pipeline.drain()

        def recreate() -> None:
            _file(pipeline).unlink()
            _file(pipeline, "b.jsonl").write_bytes(_lines("3", "4"))

        assert _change(pipeline, restart, recreate) == ["1", "2", "3", "4"]


def test_f31_rewritten_with_the_same_size_within_the_same_second(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("1", "2"))
        before = _file(pipeline).stat()
        pipeline.drain()
        _file(pipeline).write_bytes(_lines("3", "4"))
        os.utime(_file(pipeline), ns=(before.st_atime_ns, before.st_mtime_ns))
        assert pipeline.drain() == ["1", "2", "3", "4"]


@restarts
def test_f33_replaced_by_a_longer_copy_of_itself(tmp_path: Path, restart: bool) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("1", "2"))
        pipeline.drain()
        sent = len(pipeline.server.order)

        def replace() -> None:
            copy = tmp_path / "copy"
            copy.write_bytes(_lines("1", "2", "3"))
            copy.replace(_file(pipeline))

        assert _change(pipeline, restart, replace) == ["1", "2", "3"]
        assert len(pipeline.server.order) == sent + 2  # the new record and its session
        assert pipeline.outbox.files()[0].generation == 0


@restarts
def test_f34_renamed_folder_takes_the_cursors_along(tmp_path: Path, restart: bool) -> None:
    with running(tmp_path) as pipeline:
        old, new = pipeline.folder / "old", pipeline.folder / "new"
        old.mkdir()
        (old / "a.jsonl").write_bytes(_lines("1", "2"))
        pipeline.drain()
        sent = len(pipeline.server.order)

        def rename() -> None:
            old.rename(new)
            with (new / "a.jsonl").open("ab") as file:
                file.write(_lines("3"))

        assert _change(pipeline, restart, rename) == ["1", "2", "3"]
        assert len(pipeline.server.order) == sent + 2
        (row,) = pipeline.outbox.files()
        assert (row.path, row.is_gone) == (str(new / "a.jsonl"), False)


def test_f34_hard_link_is_no_move(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "p").mkdir()
        _file(pipeline).write_bytes(_lines("1"))
        pipeline.drain()
        os.link(_file(pipeline), pipeline.folder / "p" / "a.jsonl")
        for _ in range(3):
            assert pipeline.drain() == ["1"]
        assert len(pipeline.outbox.files()) == 2


def test_f35_deleted_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines(*map(str, range(1200))))
        (pipeline.folder / "other.jsonl").write_bytes(_lines("x"))
        pread, inode = os.pread, _file(pipeline).stat().st_ino

        def delete_and_read(fd: int, size: int, position: int) -> bytes:
            if os.fstat(fd).st_ino == inode:
                _file(pipeline).unlink(missing_ok=True)
            return pread(fd, size, position)

        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", delete_and_read)
            pipeline.collect()
        assert len(pipeline.drain()) == 1201
        gone = {Path(row.path).name: row.is_gone for row in pipeline.outbox.files()}
        assert gone == {"a.jsonl": True, "other.jsonl": False}


def test_f41_io_error_is_reported_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("1"))

        def fail(*_: object) -> bytes:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", fail)
            (error,) = pipeline.collect().errors
        assert "a.jsonl (Input/output error)" in error
        assert pipeline.drain() == ["1"]


def test_f44_bytes_appended_during_a_pass_are_not_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("0"))
        opened = reader.open_tail
        count = 0

        def append_and_open(*args: object) -> object:
            nonlocal count
            count += 1
            with _file(pipeline).open("ab") as file:
                file.write(_lines(f"before {count}"))
            tail = opened(*args)  # type: ignore[arg-type]
            with _file(pipeline).open("ab") as file:
                file.write(_lines(f"after {count}"))
            return tail

        with monkeypatch.context() as patch:
            patch.setattr("claude_code_tracer.collector.open_tail", append_and_open)
            for _ in range(3):
                pipeline.collect()
        _file(pipeline).open("ab").close()
        expected = {"0", *(f"{when} {n + 1}" for n in range(count) for when in ("before", "after"))}
        assert set(pipeline.drain()) == expected


def test_f25_copies_of_a_session_are_one_set_of_rows(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        for name in ("p", "q"):
            (pipeline.folder / name).mkdir()
            (pipeline.folder / name / "a.jsonl").write_bytes(_lines("1", "2"))
        assert pipeline.drain() == ["1", "2"]
        assert len(pipeline.server.rows) == 3
        assert len(pipeline.outbox.files()) == 2


def test_f43_without_any_notification_everything_is_found_by_the_search(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        pipeline.collect()
        for number in range(5):
            path = pipeline.folder / f"p{number}" / "a.jsonl"
            path.parent.mkdir()
            path.write_bytes(_lines(str(number)))
            os.utime(path, (1, 1))
            assert pipeline.drain() == [str(n) for n in range(number + 1)]
