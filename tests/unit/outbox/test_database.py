from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import (
    ConfigError,
    OutboxDamaged,
    RetryLater,
    StorageFull,
    TracerError,
)
from claude_code_tracer.outbox import FileRow, Lane, Outbox, database
from claude_code_tracer.outbox.database import translated
from claude_code_tracer.outbox.schema import VERSION
from tests.faults.pipeline import make_config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path)


def _sql(path: Path, statement: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute(statement)
    finally:
        db.close()


def test_new_outbox_has_the_current_version(config: Config) -> None:
    Outbox.open(config, FakeClock()).close()
    assert config.home.outbox.read_bytes()[60:64] == VERSION.to_bytes(4, "big")


def test_newer_outbox_is_left_alone(config: Config) -> None:
    Outbox.open(config, FakeClock()).close()
    path = config.home.outbox
    _sql(path, f"pragma user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="newer claude-tracer") as caught:
        Outbox.open(config, FakeClock())
    assert caught.value.exit_code == 78
    with pytest.raises(ConfigError, match="newer claude-tracer"):
        Outbox.open_readonly(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.glob("*damaged*")] == []


def test_folder_in_its_place_is_a_configuration_error(config: Config) -> None:
    config.home.outbox.mkdir()
    with pytest.raises(ConfigError):
        Outbox.open(config, FakeClock())


def test_full_disk_changes_nothing(config: Config) -> None:
    file = FileRow(source="s", path="/p", session="a", dev=1, ino=1)
    connect = database.connect

    def small(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.execute("pragma max_page_count = 30")
        return db

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "connect", small)
        outbox = Outbox.open(config, FakeClock())
    with outbox:
        file = outbox.put(file, [], state=None, lane=Lane.LIVE)
        with pytest.raises(StorageFull, match="free some disk space"):
            outbox.put(file, [], state=b"x" * 500_000, lane=Lane.LIVE)
        assert file.id is not None and outbox.state(file.id) is None
        outbox.put(file, [], state=b"small", lane=Lane.LIVE)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_IOERR | (3 << 8), StorageFull),
        (sqlite3.SQLITE_BUSY, RetryLater),
        (sqlite3.SQLITE_CORRUPT | (1 << 8), OutboxDamaged),
        (sqlite3.SQLITE_NOTADB, OutboxDamaged),
        (sqlite3.SQLITE_CANTOPEN, ConfigError),
        (sqlite3.SQLITE_READONLY, ConfigError),
        (sqlite3.SQLITE_CONSTRAINT, TracerError),
    ],
)
def test_every_complaint_of_sqlite_has_a_meaning(code: int, expected: type[Exception]) -> None:
    error = sqlite3.OperationalError("insert into record values ('secret')")
    error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_X"
    told = translated(error, Path("/home/x/records.db"))
    assert type(told) is expected
    assert "secret" not in str(told)
