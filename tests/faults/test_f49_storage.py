"""F49 to F51, F55: no room, a folder that cannot be used, an outbox of another version."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.errors import ConfigError, ServerUnavailable, StorageFull
from claude_code_tracer.outbox import Outbox, database
from claude_code_tracer.outbox.schema import VERSION
from tests.faults.pipeline import Pipeline, line, running

NAMES = [f"{number:05}" for number in range(3000)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB where `running` keeps its data folder."""
    with _mounted(tmp_path / "home", "size=4m"):
        yield tmp_path / "home"


@contextlib.contextmanager
def _mounted(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() or not mount or not unmount:
        pytest.skip("only root can mount a small file system")
    command = [mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine does not allow a mount")
    try:
        yield
    finally:
        subprocess.run([unmount, str(folder)], check=True, capture_output=True)


def _fill(folder: Path, leave: int) -> Path:
    """Take all the room there is but `leave` bytes."""
    ballast = folder / "ballast"
    free = shutil.disk_usage(folder).free
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for _ in range(max(0, free - leave) // 4096):
            file.write(bytes(4096))
    return ballast


def _collect_and_ship_until_all_is_read(pipeline: Pipeline) -> None:
    for _ in range(50):
        pipeline.ship()
        with contextlib.suppress(StorageFull):
            pipeline.collect()
            return
    raise AssertionError("reading never went on")


def test_f49_full_disk_pauses_reading_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(map(line, NAMES)))
        connect = database.connect

        def small_disk(path: Path) -> sqlite3.Connection:
            db = connect(path)
            db.execute("pragma max_page_count = 100")
            return db

        with monkeypatch.context() as patch:
            patch.setattr(database, "connect", small_disk)
            pipeline.restart()
        with pytest.raises(StorageFull, match="free some disk space"):
            pipeline.collect()
        assert 0 < pipeline.outbox.stats().pending_rows < 3000
        _collect_and_ship_until_all_is_read(pipeline)
        assert pipeline.drain() == NAMES


@pytest.mark.parametrize("room", [0, 40_000, 150_000, 400_000])
def test_f49_really_full_disk_pauses_and_goes_on_when_there_is_room(
    tmp_path: Path, small_disk: Path, room: int
) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(map(line, NAMES)))
        ballast = _fill(small_disk, room)
        for _ in range(2):
            with pytest.raises(StorageFull, match="free some disk space"):
                pipeline.collect()
        pending = pipeline.outbox.stats().pending_rows
        assert pending < 3000 and pending == len(pipeline.outbox.take(9999, 99_999_999))
        _fill(small_disk, 0)
        with contextlib.suppress(StorageFull):  # what was sent may not be crossed out now
            pipeline.ship()
        ballast.unlink()
        _collect_and_ship_until_all_is_read(pipeline)
        assert pipeline.drain() == NAMES
        assert pipeline.outbox.stats().parked_rows == 0


def test_f49_full_disk_at_the_start_is_a_clear_error(tmp_path: Path, small_disk: Path) -> None:
    _fill(small_disk, 0)
    with (
        pytest.raises((StorageFull, ConfigError), match=r"free some disk space|No space left"),
        running(tmp_path),
    ):
        pass


def test_f50_full_outbox_holds_the_reader_back(tmp_path: Path) -> None:
    with running(tmp_path, outbox_max_bytes=100_000) as pipeline:
        for number in range(0, 3000, 100):
            content = b"".join(map(line, NAMES[number : number + 100]))
            (pipeline.folder / f"{number}.jsonl").write_bytes(content)
        read = 0
        for _ in range(3):
            with pytest.raises(StorageFull, match="reading pauses"):
                pipeline.collect()
            stats = pipeline.outbox.stats()
            assert 80_000 < stats.pending_bytes <= 100_000
            assert read in (0, stats.files)
            read = stats.files
        pipeline.server.script = [ServerUnavailable("down")]
        with pytest.raises(ServerUnavailable):
            pipeline.ship()
        with pytest.raises(StorageFull):
            pipeline.collect()
        pipeline.clock.advance_s(1)  # type: ignore[attr-defined]
        _collect_and_ship_until_all_is_read(pipeline)
        assert pipeline.drain() == NAMES
        sent = [name for name in pipeline.server.order if name in NAMES]
        assert len(sent) == len(set(sent)) == 3000


def _sync(env: dict[str, str]) -> tuple[int, str]:
    variables = {"PATH": os.environ["PATH"], "CLAUDE_TRACER_PORT": "0", "LANG": "C.UTF-8", **env}
    command = [sys.executable, "-m", "claude_code_tracer", "sync"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_f51_read_only_home_is_a_configuration_error_with_advice(tmp_path: Path) -> None:
    with _mounted(tmp_path / "home", "ro,size=1m"):
        code, said = _sync({"HOME": str(tmp_path / "home")})
    assert code == 78
    assert "Read-only file system" in said and "set CLAUDE_TRACER_HOME" in said
    assert "Traceback" not in said


def test_f51_home_that_does_not_exist_is_a_configuration_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = _sync({"HOME": str(tmp_path / "file" / "home")})
    assert code == 78
    assert "set CLAUDE_TRACER_HOME" in said and "Traceback" not in said


def test_f51_used_up_quota_pauses_reading_and_loses_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(map(line, NAMES)))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(StorageFull, match="free some disk space"):
                pipeline.collect()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert pipeline.outbox.stats().pending_rows < 3000
        _collect_and_ship_until_all_is_read(pipeline)
        assert pipeline.drain() == NAMES


def test_f55_outbox_of_a_newer_version_stays_untouched(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(line("1"))
        pipeline.collect()
        path = pipeline.config.home.outbox
        pipeline.outbox.close()
        db = sqlite3.connect(path)
        db.execute(f"pragma user_version = {VERSION + 1}")
        db.close()
        before = path.read_bytes()
        with pytest.raises(ConfigError, match="update claude-tracer") as caught:
            Outbox.open(pipeline.config, pipeline.clock)
        assert caught.value.exit_code == 78
        assert path.read_bytes() == before
