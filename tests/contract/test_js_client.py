"""The unmodified supabase-js (Realtime protocol 2.0.0) against the gateway."""

from __future__ import annotations

import psycopg

from tests.contract import harness
from tests.contract.conftest import Stack
from tests.contract.harness import Person


def test_supabase_js(stack: Stack, owner: psycopg.Connection) -> None:
    person, other = stack.person(), stack.person()
    facts = {
        "url": stack.url,
        "key": stack.key,
        "email": person.email,
        "password": harness.PASSWORD,
        "deviceToken": person.device_token,
        "oneTimeToken": harness.one_time_token(owner, person),
        "workspace": _workspace(owner, person),
        "otherWorkspace": _workspace(owner, other),
        "batch": harness.batch("from js"),
        "secondBatch": harness.batch("from js again"),
    }
    passed = harness.run_node("check.js", facts)
    assert len(passed) == 13 and passed[-1] == "logout"


def _workspace(owner: psycopg.Connection, person: Person) -> str:
    row = owner.execute(
        "select id::text from public.workspaces where created_by = %s", (person.id,)
    ).fetchone()
    assert row
    return str(row[0])
