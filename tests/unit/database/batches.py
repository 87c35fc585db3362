"""Send batches to `api.ingest` and read as somebody, the way the gateway does it."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg

from claude_code_tracer.local.account import create_user
from claude_code_tracer.model import Entity
from claude_code_tracer.outbox.codec import encode, kind_of

__all__ = ["Person", "add_member", "encoded", "new_person", "row", "second_device"]

SESSION = "5e551011-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Person:
    """A user with one device."""

    connection: psycopg.Connection[Any]
    user_id: str
    token: str

    def ingest(self, **lists: list[dict[str, Any]]) -> dict[str, Any]:
        """Send one batch; returns what `api.ingest` answers."""
        batch = json.dumps({"guard_version": 1, **lists})
        with self.connection.transaction():
            self.connection.execute("set local role anon")
            headers = json.dumps({"x-device-token": self.token})
            self.connection.execute("select set_config('request.headers', %s, true)", (headers,))
            answer = self.connection.execute("select api.ingest(%s)", (batch,)).fetchone()
        assert answer
        result: dict[str, Any] = answer[0]
        return result

    def read(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Run a query with this user's rights."""
        claims = json.dumps({"sub": self.user_id, "role": "authenticated"})
        with self.connection.transaction():
            self.connection.execute("set local role authenticated")
            self.connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
            cursor = self.connection.execute(query, values)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, values, strict=True)) for values in cursor]

    def one(self, query: str, *values: object) -> dict[str, Any]:
        """Run a query that gives exactly one row."""
        rows = self.read(query, *values)
        assert len(rows) == 1, rows
        return rows[0]


def new_person(connection: psycopg.Connection[Any]) -> Person:
    """Create a user with a device and its token."""
    return _with_device(connection, create_user(connection, f"{uuid.uuid4().hex}@example.org"))


def second_device(person: Person) -> Person:
    """Return the same person at another device."""
    return _with_device(person.connection, person.user_id)


def _with_device(connection: psycopg.Connection[Any], user_id: object) -> Person:
    token = f"ctd_{secrets.token_urlsafe(32)}"
    device = connection.execute(
        "insert into public.devices (owner_id, name) values (%s, 'test') returning id", (user_id,)
    ).fetchone()
    assert device
    connection.execute(
        "insert into private.device_tokens (device_id, token_sha256) values (%s, %s)",
        (device[0], sha256(token.encode()).digest()),
    )
    return Person(connection, str(user_id), token)


def add_member(connection: psycopg.Connection[Any], workspace: str, person: Person) -> None:
    """Make `person` a member of a workspace."""
    connection.execute(
        "insert into public.workspace_members (workspace_id, user_id, role) values (%s, %s, %s)",
        (workspace, person.user_id, "member"),
    )


def row(number: int = 0, session: str = "s1", **fields: Any) -> dict[str, Any]:
    """Return a row of a batch; `number` makes its id, and its revision unless one is given."""
    base = {"source": "claude_code", "session": session, "revision": number}
    return {**base, "id": str(uuid.UUID(int=number)), **fields}


def encoded(entities: Iterable[Entity]) -> list[tuple[str, bytes]]:
    """Return entities as `ship.batch.encode_batch` takes them: kind and JSON."""
    return [(kind_of(entity), encode(entity)) for entity in entities]
