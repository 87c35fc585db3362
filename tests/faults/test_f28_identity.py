"""F28 to F35, F44: which file is this, and where were we in it?"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.clock import FakeClock
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
@pytest.mark.parametrize("more", [0, 50], ids=["same length", "longer"])
def test_f29_f30_f31_only_the_bytes_before_the_cursor_are_others(
    tmp_path: Path, restart: bool, more: int
) -> None:
    """The first KiB is the same, as the head of many transcripts is."""
    with running(tmp_path) as pipeline:
        same = [f"{number:04}" for number in range(200)]
        _file(pipeline).write_bytes(_lines(*same, "1", "2"))
        pipeline.drain()
        others = [f"x{number}" for number in range(more)]
        new = _lines(*same, "3", "4", *others)
        texts = _change(pipeline, restart, lambda: _file(pipeline).write_bytes(new))
        assert texts == sorted([*same, "1", "2", "3", "4", *others])
        assert pipeline.outbox.files()[0].generation == 1


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


@restarts
def test_f34_renamed_file_takes_its_cursor_along(tmp_path: Path, restart: bool) -> None:
    """Between two folders of a tool; a session is known by its file's name."""
    with running(tmp_path) as pipeline:
        (pipeline.folder / "new").mkdir()
        _file(pipeline, "b.jsonl").write_bytes(_lines("b"))
        _file(pipeline).write_bytes(_lines("1", "2"))
        pipeline.drain()
        sent, old = len(pipeline.server.order), pipeline.outbox.files()

        def rename() -> None:
            _file(pipeline).rename(pipeline.folder / "new" / "a.jsonl")

        assert _change(pipeline, restart, rename) == ["1", "2", "b"]
        assert len(pipeline.server.order) == sent
        moved = {Path(row.path).name: row for row in pipeline.outbox.files()}["a.jsonl"]
        assert moved.path == str(pipeline.folder / "new" / "a.jsonl")
        assert moved.id in {row.id for row in old} and not moved.is_gone


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


def test_f35_deleted_between_the_search_and_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as pipeline:
        for name in "abc":
            _file(pipeline, f"{name}.jsonl").write_bytes(_lines(name))
        doomed, open_file = _file(pipeline, "b.jsonl"), os.open

        def delete_and_open(path: Any, *more: Any, **named: Any) -> int:
            if Path(path) == doomed:
                doomed.unlink()
            return open_file(path, *more, **named)

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", delete_and_open)
            assert pipeline.collect().errors == []
        assert not doomed.exists()
        assert pipeline.drain() == ["a", "c"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE], ids=errno.errorcode.__getitem__)
def test_f41_io_error_is_reported_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines(*map(str, range(1200))))
        pread, says = os.pread, os.strerror(number)

        def fail_behind(fd: int, size: int, position: int) -> bytes:
            if position >= 8192:
                raise OSError(number, says)
            return pread(fd, min(size, 8192), position)

        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", fail_behind)
            for _ in range(3):
                (error,) = pipeline.collect().errors
                assert f"a.jsonl ({says}): it is tried again" in error
        assert len(pipeline.drain()) == 1200
        assert pipeline.outbox.stats().parked_rows == 0


def test_f44_bytes_appended_during_a_pass_are_not_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as pipeline:
        _file(pipeline).write_bytes(_lines("0"))
        written = ["0"]
        open_file = os.open

        def append(name: str) -> None:
            written.append(name)
            with _file(pipeline).open("ab") as file:
                file.write(_lines(name))

        def append_and_open(path: Any, *more: Any, **named: Any) -> int:
            if Path(path) != _file(pipeline):
                return open_file(path, *more, **named)
            append(f"before {len(written)}")
            fd = open_file(path, *more, **named)
            append(f"after {len(written)}")
            return fd

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", append_and_open)
            for _ in range(3):
                pipeline.collect()
        assert len(written) == 7
        assert pipeline.drain() == sorted(written)


def test_f44_bytes_appended_behind_the_last_read_are_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the end of the reading and the next look, to a file that is not looked at twice."""
    with running(tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        pipeline.clock.advance_s(60)
        _file(pipeline).write_bytes(_lines("1"))
        pread, ends = os.pread, 0

        def read_and_append(fd: int, size: int, position: int) -> bytes:
            nonlocal ends
            block = pread(fd, size, position)
            if size and not block:
                ends += 1
                with _file(pipeline).open("ab") as file:
                    file.write(_lines("2"))
            return block

        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", read_and_append)
            pipeline.collect()
        assert ends == 1
        assert pipeline.drain() == ["1", "2"]


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
