"""The servers under contract: our gateway on PostgreSQL 18 and 16, and PostgREST beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.conftest import MAJORS, Database
from tests.contract import harness
from tests.contract.harness import Gateway, Person

FIXTURES = Path(__file__).with_name("fixtures.sql")


@dataclass(frozen=True)
class Stack:
    """A gateway, its database and what was asked of it."""

    gateway: Gateway
    database: Database
    folder: Path

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def key(self) -> str:
        return self.gateway.keys.publishable

    def person(self, *, password: str | None = harness.PASSWORD) -> Person:
        with self.database.connect() as connection:
            return harness.create_person(connection, password=password)


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def stack(request: pytest.FixtureRequest, pg_servers: Callable[[int], Database]) -> Iterator[Stack]:
    """A gateway on a database of its own, with the suite's own views and functions."""
    server = pg_servers(request.param)
    database = Database(server.postgres, server.log, "contract")
    folder = Path(tempfile.mkdtemp(prefix="ct-gw-"))
    with server.connect("supabase_admin") as admin:
        admin.execute("create database contract template migrated strategy file_copy")
    with database.connect() as owner:
        owner.execute(FIXTURES.read_text())
    with ExitStack() as exit_stack:
        exit_stack.callback(shutil.rmtree, folder)
        running = exit_stack.enter_context(harness.gateway(database.conninfo, folder / "home"))
        yield Stack(running, database, folder)


@pytest.fixture(scope="session")
def postgrest_url(stack: Stack) -> Iterator[str]:
    with harness.postgrest(stack.database.conninfo, stack.gateway.keys, stack.folder) as url:
        yield url


@pytest.fixture
def owner(stack: Stack) -> Iterator[psycopg.Connection]:
    """A connection past all servers, to arrange what users cannot."""
    with stack.database.connect() as connection:
        yield connection
