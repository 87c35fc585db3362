"""What many tests share: a data folder of its own, and a migrated PostgreSQL for the session."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from claude_code_tracer.config import Config, load_config
from claude_code_tracer.local.migrate import migrate
from claude_code_tracer.local.postgres import Postgres

MAJORS = (18, 16)
"""The versions that bracket hosted Supabase's 17."""
_TEMPLATE = "migrated"
_FAST = {"fsync": "off", "full_page_writes": "off"}
"""Nobody pulls the plug on a throw-away server."""


@dataclass(frozen=True)
class Database:
    """One database; `conninfo(user)` says how to connect to it."""

    postgres: Postgres
    log: Path
    name: str = "postgres"

    def conninfo(self, user: str) -> str:
        return self.postgres.conninfo(user, self.name)

    def connect(self, user: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.conninfo(user), autocommit=True)


@contextlib.contextmanager
def _temporary_config() -> Iterator[Config]:
    # Not pytest's own folder: its path is too long for a socket, and deep below a closed one.
    root = Path(tempfile.mkdtemp(prefix="ct-"))
    env = {"PATH": os.environ["PATH"], "HOME": str(root), "CLAUDE_TRACER_HOME": str(root / "home")}
    config = load_config(env)
    config.home.create()
    try:
        yield config
    finally:
        for major in MAJORS:
            postgres = Postgres(config, major=major)
            postgres.stop()
            shutil.rmtree(postgres.place.folder, ignore_errors=True)
            shutil.rmtree(postgres.place.sockets, ignore_errors=True)
        shutil.rmtree(root)


@pytest.fixture
def tracer_config() -> Iterator[Config]:
    """A configuration with a data folder of its own; a server started in it ends with the test."""
    with _temporary_config() as config:
        yield config


@pytest.fixture(scope="session")
def pg_servers() -> Iterator[Callable[[int], Database]]:
    """`pg_servers(16)` is a migrated server of that version, started on first use."""
    with contextlib.ExitStack() as stack:
        started: dict[int, Database] = {}

        def server(major: int) -> Database:
            if major not in started:
                config = stack.enter_context(_temporary_config())
                postgres = Postgres(config, major=major, extra=_FAST)
                stack.callback(postgres.stop)
                postgres.start()
                migrate(postgres.conninfo)
                started[major] = Database(postgres, config.home.postgres_log)
                _create(started[major], _TEMPLATE, template="postgres")
            return started[major]

        yield server


@pytest.fixture(scope="session")
def pg(request: pytest.FixtureRequest, pg_servers: Callable[[int], Database]) -> Database:
    """A migrated server, shared by all tests; PostgreSQL 16 with an indirect parameter 16."""
    return pg_servers(getattr(request, "param", MAJORS[0]))


@pytest.fixture
def fresh_database(pg: Database) -> Iterator[Database]:
    """A migrated database without rows, for one test (roles are shared by the server)."""
    database = Database(pg.postgres, pg.log, f"test_{uuid.uuid4().hex}")
    _create(pg, database.name, template=_TEMPLATE)
    yield database
    with pg.connect("supabase_admin") as admin:
        drop = sql.SQL("drop database {} with (force)")
        admin.execute(drop.format(sql.Identifier(database.name)))


def _create(server: Database, name: str, *, template: str) -> None:
    # A copy lacks what is set on the database itself: its settings and its grants.
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with psycopg.connect(
        server.postgres.conninfo("supabase_admin", "template1"), autocommit=True
    ) as admin:
        admin.execute(
            sql.SQL("create database {name} template {template} strategy file_copy").format(**names)
        )
    with server.connect("supabase_admin") as admin:
        for statement in (
            "grant all on database {name} to postgres",
            "alter database {name} set search_path from current",
            "alter database {name} set pgrst.db_schemas from current",
        ):
            admin.execute(sql.SQL(statement).format(**names))
