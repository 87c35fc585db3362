"""The schema: what hosted Supabase brings along (bootstrap.sql), then our migrations in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg

from claude_code_tracer.config import data_file
from claude_code_tracer.errors import ConfigError, DatabaseFailed
from claude_code_tracer.log import event

__all__ = ["Migration", "migrate", "read_migrations"]

_Connection = psycopg.Connection[tuple[Any, ...]]

_ADMIN, _OWNER = "supabase_admin", "postgres"
_LOCK = 4_318_001
"""Names our advisory lock; any number that nobody else uses in this database."""
_LOCK_WAIT = "set lock_timeout = '120s'"

_FILE_NAME = re.compile(r"(\d{14})_([a-z0-9_]+)\.sql")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_CONCURRENTLY = re.compile(r"\bconcurrently\b", re.IGNORECASE)

_READ_STATE = """
    select (select value from _platform.state where name = 'bootstrap'),
      (select coalesce(array_agg(version), '{}') from supabase_migrations.schema_migrations)
"""
_WRITE_STATE = """
    create schema if not exists _platform;
    create table if not exists _platform.state (name text primary key, value text not null);
"""
_WRITE_BOOTSTRAP = """
    insert into _platform.state (name, value) values ('bootstrap', %s)
    on conflict (name) do update set value = excluded.value
"""
# As the Supabase CLI makes it, so that `supabase migration list` and `db push` agree with us.
_CREATE_HISTORY = """
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (
      version text not null primary key, statements text[], name text);
"""
_WRITE_HISTORY = """
    insert into supabase_migrations.schema_migrations (version, statements, name)
    values (%s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `supabase/migrations`."""

    version: str
    name: str
    sql: str


def read_migrations(folder: Path) -> list[Migration]:
    """Return the migrations of a folder, oldest first; ConfigError names a file that is none."""
    return [_read(path) for path in sorted(folder.glob("*.sql"))]


def migrate(
    conninfo: Callable[[str], str], migrations: Sequence[Migration] | None = None
) -> list[str]:
    """Bring the database up to date and return the versions that were applied.

    `conninfo(user)` tells how to connect. The platform is the superuser's, the migrations run as
    `postgres`, each in one transaction. Raises ConfigError when the database knows migrations
    that we do not, DatabaseFailed when one fails (the ones before it stay).
    """
    known = _shipped() if migrations is None else migrations
    bootstrap = (files(__package__) / "bootstrap.sql").read_bytes()
    try:
        with psycopg.connect(conninfo(_ADMIN), autocommit=True) as admin:
            if not _is_pending(admin, known, bootstrap):
                return []
            admin.execute(_LOCK_WAIT)
            admin.execute("select pg_advisory_lock(%s)", (_LOCK,))
            _run_bootstrap(admin, bootstrap)
            with psycopg.connect(conninfo(_OWNER), autocommit=True) as owner:
                return _run_migrations(owner, known)
    except psycopg.Error as exc:
        raise DatabaseFailed(f"cannot prepare the database: {_reason(exc)}") from exc


def _is_pending(admin: _Connection, known: Sequence[Migration], bootstrap: bytes) -> bool:
    try:
        digest, versions = admin.execute(_READ_STATE).fetchone() or (None, [])
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return True
    applied = set(versions)
    _refuse_newer(applied, known)
    return digest != _hash(bootstrap) or any(m.version not in applied for m in known)


def _run_bootstrap(admin: _Connection, bootstrap: bytes) -> None:
    admin.execute(_WRITE_STATE)
    row = admin.execute("select value from _platform.state where name = 'bootstrap'").fetchone()
    if row == (_hash(bootstrap),):
        return
    with admin.transaction():
        admin.execute(bootstrap)
        admin.execute(_WRITE_BOOTSTRAP, (_hash(bootstrap),))
    event("migrate", "bootstrapped")


def _run_migrations(owner: _Connection, known: Sequence[Migration]) -> list[str]:
    owner.execute(_CREATE_HISTORY)
    rows = owner.execute("select version from supabase_migrations.schema_migrations")
    applied = {version for (version,) in rows}
    _refuse_newer(applied, known)
    pending = [migration for migration in known if migration.version not in applied]
    for migration in pending:
        _run(owner, migration)
        event("migrate", "applied", version=migration.version)
    return [migration.version for migration in pending]


def _run(owner: _Connection, migration: Migration) -> None:
    owner.execute("reset all")  # what an earlier file set is not this one's business
    try:
        with owner.transaction():
            owner.execute(migration.sql.encode())
            row = (migration.version, [migration.sql], migration.name)
            owner.execute(_WRITE_HISTORY, row)
    except psycopg.Error as exc:
        raise DatabaseFailed(
            f"migration {migration.version}_{migration.name} failed ({_reason(exc)}): nothing of "
            "it is left; please report this"
        ) from exc


def _refuse_newer(applied: set[str], known: Sequence[Migration]) -> None:
    unknown = sorted(applied - {migration.version for migration in known})
    if unknown:
        raise ConfigError(
            f"the data folder was written by a newer version of claude-tracer (migration "
            f"{unknown[-1]}): update the program"
        )


def _shipped() -> list[Migration]:
    return read_migrations(data_file("supabase", "migrations"))


def _read(path: Path) -> Migration:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise ConfigError(f"{path} must be named <14 digits>_<name>.sql")
    sql = path.read_text("utf-8")
    if _CONCURRENTLY.search(_COMMENT.sub("", sql)):
        raise ConfigError(f"{path} uses CONCURRENTLY, which a transaction cannot hold")
    return Migration(version=match[1], name=match[2], sql=sql)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _reason(exc: psycopg.Error) -> str:
    # The detail would quote rows.
    return f"{exc.sqlstate}: {exc.diag.message_primary}" if exc.sqlstate else str(exc).strip()
