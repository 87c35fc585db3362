"""The real server for fault tests: our gateway on PostgreSQL with our migrations, and who sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claude_code_tracer.model import Entity
from claude_code_tracer.outbox import FileRow, Lane
from claude_code_tracer.ship.credentials import Credentials
from tests.conftest import Database
from tests.contract import harness
from tests.contract.harness import Gateway, Person
from tests.faults.pipeline import Pipeline, running
from tests.faults.sending import over

__all__ = ["RealServer", "put", "sending_to"]


@dataclass(frozen=True)
class RealServer:
    """A gateway, the database behind it, and one person's device."""

    gateway: Gateway
    database: Database
    person: Person

    @classmethod
    def with_new_person(cls, gateway: Gateway, database: Database) -> RealServer:
        with database.connect() as connection:
            return cls(gateway, database, harness.create_person(connection))

    @property
    def credentials(self) -> Credentials:
        keys = self.gateway.keys
        return Credentials(self.gateway.url, keys.publishable, self.person.device_token)

    def execute(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a query past all servers; its rows, if it gives any."""
        with self.database.connect("supabase_admin") as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def mine(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query that asks for this person's rows: `... where owner_id = %s`."""
        return self.execute(query, self.person.id)

    def texts(self) -> list[str]:
        """The messages of this person that arrived, as `MemoryServer.texts` says them."""
        query = "select native_id from public.messages where owner_id = %s order by 1"
        return [str(text) for (text,) in self.mine(query)]


@contextmanager
def sending_to(server: RealServer, tmp_path: Path, **settings: int) -> Iterator[Pipeline]:
    """A pipeline whose rows go to the real server."""
    with running(tmp_path, **settings) as pipeline, over(pipeline, server.credentials):
        yield pipeline


def put(pipeline: Pipeline, *entities: Entity) -> None:
    """Put rows into the outbox as a parser could have made them, all from one file."""
    known = pipeline.outbox.files()
    file = known[0] if known else FileRow("lines", "/t/a.jsonl", "a", dev=1, ino=2)
    pipeline.outbox.put(file, entities, state=None, lane=Lane.LIVE)
