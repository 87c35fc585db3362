"""Open the outbox's SQLite file, upgrade it, and say in our words what SQLite complains about."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from claude_code_tracer.errors import (
    ConfigError,
    NotFound,
    OutboxDamaged,
    RetryLater,
    StorageFull,
    TracerError,
)
from claude_code_tracer.log import event
from claude_code_tracer.outbox.schema import MIGRATIONS, VERSION
from claude_code_tracer.paths import create_private_file

__all__ = [
    "OLDEST_SQLITE",
    "SQLITE_VERSION",
    "connect",
    "connect_readonly",
    "quarantined",
    "report_damage",
    "translated",
]

_MAGIC = b"SQLite format 3\0"
OLDEST_SQLITE = (3, 37)  # strict tables
SQLITE_VERSION = sqlite3.sqlite_version_info
_BUSY_TIMEOUT_S = 5.0
_CHECKED_BYTES = 64 * 1024 * 1024
"""A file that was closed properly and is larger than this is not checked page by page."""
_KEPT_QUARANTINES = 3
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_FORBIDDEN = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def connect(path: Path) -> sqlite3.Connection:
    """Return the one writing connection, at the current version, creating the file if needed.

    A damaged file is set aside first and a new one begun (F06): the transcripts are read again and
    the server recognises what it has. ConfigError for a file of a newer version (F55).
    """
    if SQLITE_VERSION < OLDEST_SQLITE:
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 is needed")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_newer(path, _header_version(path))
        if _is_damaged(path):
            _set_aside(path)
        create_private_file(path)
    except OSError as exc:
        raise ConfigError(f"cannot use {path} ({exc.strerror}): check its permissions") from exc
    db = _connect(path, "rw")
    try:
        db.execute("pragma auto_vacuum = incremental")
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")  # L1: rows and cursor roll back together
        db.execute("pragma journal_size_limit = 16777216")
        db.execute(
            "pragma wal_autocheckpoint = 4000"
        )  # as large as that; seldom waits for the disk
        _migrate(db, path)
    except sqlite3.Error as exc:
        db.close()
        raise translated(exc, path) from exc
    except BaseException:
        db.close()
        raise
    return db


def connect_readonly(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write, for commands beside the running tracer (F54)."""
    if not path.exists():
        raise NotFound(f"there is no outbox at {path} yet: run `claude-tracer start`")
    db = _connect(path, "ro")
    try:
        version = _version(db)
        _refuse_newer(path, version)
        if version < VERSION:
            raise ConfigError(f"the outbox {path} is older: run `claude-tracer start` once")
    except sqlite3.Error as exc:
        db.close()
        raise translated(exc, path) from exc
    except BaseException:
        db.close()
        raise
    return db


def translated(exc: sqlite3.Error, path: Path) -> TracerError:
    """Return our error for SQLite's. SQL and values are not quoted."""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    name = getattr(exc, "sqlite_errorname", type(exc).__name__)
    if code in _DAMAGE:
        return OutboxDamaged(f"{path} is damaged ({name}): restart claude-tracer to rebuild it")
    if code in _FULL:
        return StorageFull(f"cannot write {path} ({name}): free some disk space; nothing is lost")
    if code in _LOCKED:
        return RetryLater(f"{path} is locked by another process ({name}): tried again")
    if code in _FORBIDDEN:
        return ConfigError(f"cannot use {path} ({name}): check its permissions and folder")
    return TracerError(f"{path}: unexpected {name}")  # a defect of ours


def report_damage(path: Path) -> None:
    """Leave a note so that the next `connect` sets the file aside without a long check."""
    create_private_file(_note(path))


def quarantined(path: Path) -> tuple[Path, ...]:
    """Return the damaged outboxes that were set aside, oldest first."""
    found = path.parent.glob(f"{path.stem}.damaged-*{path.suffix}")
    return tuple(sorted(found, key=lambda file: file.stat().st_mtime_ns))


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as exc:
        raise translated(exc, path) from exc


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    version = _version(db)
    _refuse_newer(path, version)
    for script in MIGRATIONS[version:]:
        version += 1
        db.executescript(f"begin immediate; {script} pragma user_version = {version}; commit;")
        db.execute("pragma wal_checkpoint(truncate)")  # so that the header tells the version


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])


def _header_version(path: Path) -> int:
    """Read `user_version` from the file's header, so that a newer file stays untouched."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return 0
    return int.from_bytes(header[60:64], "big") if header.startswith(_MAGIC) else 0


def _refuse_newer(path: Path, version: int) -> None:
    if version > VERSION:
        raise ConfigError(
            f"{path} was written by a newer claude-tracer (schema {version}, this one knows "
            f"{VERSION}): update claude-tracer or set CLAUDE_TRACER_HOME to another folder"
        )


def _is_damaged(path: Path) -> bool:
    if _note(path).exists():
        return True
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    if size == 0:
        return False
    thorough = size <= _CHECKED_BYTES or _beside(path, "-wal").exists()
    try:
        db = _connect(path, "rw")
        try:
            tables = {row[0] for row in db.execute("select name from sqlite_schema")}
            if not tables >= {"file", "record", "parked"} and _version(db) > 0:
                return True
            return thorough and db.execute("pragma quick_check(1)").fetchone()[0] != "ok"
        finally:
            db.close()
    except sqlite3.DatabaseError as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
            return True
        raise translated(exc, path) from exc


def _set_aside(path: Path) -> None:
    number = len(quarantined(path)) + 1
    while (target := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        if (part := _beside(path, suffix)).exists():
            os.replace(part, _beside(target, suffix))
    _note(path).unlink(missing_ok=True)
    for old in quarantined(path)[:-_KEPT_QUARANTINES]:
        for suffix in ("", "-wal", "-shm"):
            _beside(old, suffix).unlink(missing_ok=True)
    event("outbox", "quarantined", level=40, file=target)


def _note(path: Path) -> Path:
    return _beside(path, ".damaged")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
