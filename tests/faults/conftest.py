"""The real server that the fault tests share; each test is a person of its own there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import MAJORS, Database
from tests.contract import harness
from tests.contract.harness import Gateway
from tests.faults.real_server import RealServer


@pytest.fixture(scope="session")
def _faults_gateway(
    pg_servers: Callable[[int], Database], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, Database]]:
    server = pg_servers(MAJORS[0])
    database = Database(server.postgres, server.log, "faults")
    with server.connect("supabase_admin") as admin:
        admin.execute("create database faults template migrated strategy file_copy")
    home: Path = tmp_path_factory.mktemp("faults") / "home"
    with harness.gateway(database.conninfo, home) as gateway:
        yield gateway, database


@pytest.fixture
def server(_faults_gateway: tuple[Gateway, Database]) -> RealServer:
    """The gateway on PostgreSQL with our migrations, and a new person's device."""
    return RealServer.with_new_person(*_faults_gateway)
