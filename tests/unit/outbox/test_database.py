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
from claude_code_tracer.outbox.schema import MIGRATIONS, VERSION
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


def test_outbox_of_an_older_version_is_upgraded_with_all_that_waits(config: Config) -> None:
    path = config.home.outbox
    _sql(path, "pragma journal_mode = wal")
    db = sqlite3.connect(path)
    db.executescript(f"begin; {MIGRATIONS[0]} pragma user_version = 1; commit;")
    db.execute(
        "insert into file (source, path, session, dev, ino, generation, cursor, head, mark, seen,"
        " state) values ('lines', cast('/t/a' as blob), 'a', 1, 2, 0, 9, x'01', x'02', 9, x'73')"
    )
    db.execute("insert into record values (null, 0, 'lines/a', 'message', 1, 1, 2, x'7b7d')")
    db.execute("insert into parked (reason, at) values ('odd', 1)")
    db.execute("insert into meta values ('server', 'one')")
    db.commit()
    db.close()
    with pytest.raises(ConfigError, match="older"):
        Outbox.open_readonly(path)
    with Outbox.open(config, FakeClock()) as outbox:
        (file,) = outbox.files()
        assert (file.path, file.cursor, outbox.state(1)) == ("/t/a", 9, b"s")
        assert [record.body for record in outbox.take(9, 99)] == [b"{}"]
        assert outbox.stats().parked == {"odd": 1}
        assert not outbox.follow("one")
        assert outbox.stores() == []
        outbox.put(file, [], state=None, lane=Lane.LIVE, ranks={"a": 1})
    with Outbox.open_readonly(path) as reader:
        assert reader.stores() == [("lines", "a", 1)]
    assert path.read_bytes()[60:64] == VERSION.to_bytes(4, "big")
    assert [file.name for file in path.parent.glob("*damaged*")] == []


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
