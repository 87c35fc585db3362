"""F37 to F40, F46: folders that are missing, locked, looped or oddly named."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.claude import claude_to, user_record
from tests.faults.pipeline import line, running
from tests.faults.real_server import RealServer

NOBODY = 65534


@contextmanager
def _as_ordinary_user() -> Iterator[None]:
    """Root may read everything, so step down for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ct-public-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_f37_missing_and_emptied_root_are_no_files_not_all_gone(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        shutil.rmtree(pipeline.folder)
        assert pipeline.collect().errors == []
        pipeline.folder.mkdir()
        for name in "ab":
            (pipeline.folder / f"{name}.jsonl").write_bytes(line(name))
        assert pipeline.drain() == ["a", "b"]
        pipeline.folder.rename(tmp_path / "unmounted")
        pipeline.drain()
        pipeline.folder.mkdir()
        pipeline.drain()
        assert [row.is_gone for row in pipeline.outbox.files()] == [False, False]
        pipeline.folder.rmdir()
        (tmp_path / "unmounted").rename(pipeline.folder)
        sent = len(pipeline.server.order)
        assert pipeline.drain() == ["a", "b"]
        assert len(pipeline.server.order) == sent


def test_f37_single_file_that_vanished_is_marked_and_may_return(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        for name in "ab":
            (pipeline.folder / f"{name}.jsonl").write_bytes(line(name))
        pipeline.drain()
        (pipeline.folder / "a.jsonl").rename(tmp_path / "away")
        assert pipeline.drain() == ["a", "b"]
        gone = [row.path for row in pipeline.outbox.files() if row.is_gone]
        assert gone == [str(pipeline.folder / "a.jsonl")]
        (tmp_path / "away").rename(pipeline.folder / "a.jsonl")
        pipeline.drain()
        assert [row.is_gone for row in pipeline.outbox.files()] == [False, False]


def test_f38_links_are_not_followed(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "x.jsonl").write_bytes(line("outside"))
        (pipeline.folder / "loop").symlink_to(pipeline.folder)
        (pipeline.folder / "out").symlink_to(outside)
        (pipeline.folder / "x.jsonl").symlink_to(outside / "x.jsonl")
        (pipeline.folder / "a.jsonl").write_bytes(line("inside"))
        assert pipeline.drain() == ["inside"]


def test_f39_what_is_no_file_is_skipped_and_never_blocks(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        os.mkfifo(pipeline.folder / "fifo.jsonl")
        (pipeline.folder / "folder.jsonl").mkdir()
        (pipeline.folder / "a.jsonl").write_bytes(line("1"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(pipeline.folder / "s.jsonl"))
            assert pipeline.drain() == ["1"]
        assert pipeline.collect().errors == []


def test_f40_unreadable_file_and_folder_are_shown_and_picked_up_later(
    public_folder: Path,
) -> None:
    with running(public_folder) as pipeline:
        pipeline.folder.chmod(0o755)
        closed = pipeline.folder / "closed"
        closed.mkdir()
        (closed / "b.jsonl").write_bytes(line("b"))
        for name in "ac":
            (pipeline.folder / f"{name}.jsonl").write_bytes(line(name))
        (pipeline.folder / "a.jsonl").chmod(0o000)
        closed.chmod(0o000)
        with _as_ordinary_user():
            report = pipeline.collect()
        pipeline.ship()
        assert pipeline.server.texts == ["c"]
        errors = sorted(report.errors)
        assert len(errors) == 2
        assert "a.jsonl (Permission denied): run chmod u+r" in errors[0]
        assert "closed (Permission denied): make it readable" in errors[1]
        assert [row.is_gone for row in pipeline.outbox.files()] == [False]
        (pipeline.folder / "a.jsonl").chmod(0o644)
        closed.chmod(0o755)
        with _as_ordinary_user():
            assert pipeline.collect().errors == []
        pipeline.ship()
        assert pipeline.server.texts == ["a", "b", "c"]


def test_f46_path_that_is_not_utf8(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        folder = os.fsencode(pipeline.folder) + b"/caf\xe9"
        os.mkdir(folder)
        path = folder + b"/a.jsonl"
        with open(path, "wb") as file:
            file.write(line("1"))
        assert pipeline.drain() == ["1"]
        pipeline.restart()
        with open(path, "ab") as file:
            file.write(line("2") + b"not json\n")
        assert pipeline.drain() == ["1", "2"]
        assert len(pipeline.outbox.files()) == 1
        assert os.fsencode(pipeline.outbox.files()[0].path) == path


def test_f46_session_whose_name_is_not_utf8(server: RealServer, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/.claude/projects/-caf\xe9"
    os.makedirs(folder)
    for number, name in enumerate((b"\xe9", b"\xea", b"plain")):
        with open(folder + b"/" + name + b".jsonl", "wb") as file:
            file.write(user_record(str(number), f"u{number}", None))
    for _ in range(2):  # and after a restart
        with claude_to(server, tmp_path) as pipeline:
            assert pipeline.collect().errors == []
            pipeline.ship()
            assert pipeline.outbox.stats().parked_rows == 0
            assert len(pipeline.outbox.files()) == 3
    sessions = "select native_id, title from public.sessions where owner_id = %s order by 2"
    assert server.mine(sessions) == [("\\udce9", "0"), ("\\udcea", "1"), ("plain", "2")]
