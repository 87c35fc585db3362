"""`api.ingest`: atomic, idempotent, monotone, and for the device's owner only."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.conftest import MAJORS, Database
from tests.unit.database.batches import Person, new_person, row

pytestmark = pytest.mark.parametrize("pg", MAJORS, indirect=True)


@pytest.fixture
def db(pg: Database, fresh_database: Database) -> Iterator[psycopg.Connection[Any]]:
    with fresh_database.connect() as connection:
        yield connection


@pytest.fixture
def ada(db: psycopg.Connection[Any]) -> Person:
    return new_person(db)


def message(number: int, **fields: Any) -> dict[str, Any]:
    at = f"2026-11-01T10:00:{number:02}Z"
    base = {"position": number, "role": "user", "kind": "prompt", "at": at}
    return row(number, **{**base, **fields})


def call(number: int, output: int, **fields: Any) -> dict[str, Any]:
    base = {
        "model": "claude-opus-4-6",
        "at": "2026-11-01T10:00:00Z",
        "input_tokens": 3,
        "output_tokens": output,
        "cost_usd": f"{output / 1000:.8f}",
    }
    return row(number, **{**base, **fields})


def everything(db: psycopg.Connection[Any]) -> list[Any]:
    tables = ("sessions", "messages", "blocks", "tool_calls", "model_calls", "usage_slots")
    return [db.execute(f"select xmin, * from public.{t} order by 2, 3").fetchall() for t in tables]


def test_sending_again_writes_nothing(ada: Person, db: psycopg.Connection[Any]) -> None:
    batch: dict[str, Any] = {
        "sessions": [row(0, project_root="/p", cwd="/p", title="T", title_rank=3, masked={"x": 1})],
        "messages": [message(1), message(2, kind="answer", role="assistant", flags=["salvaged"])],
        "blocks": [row(3, message=row(1)["id"], position=1, kind="text", text="hi")],
        "tool_calls": [row(4, message=row(2)["id"], position=2, name="Bash", input={"a": 1})],
        "model_calls": [call(5, 100, message=row(2)["id"])],
    }
    first = ada.ingest(**batch)
    assert first == {"accepted": 6, "changed_sessions": 1, "refused": []}
    before = everything(db)
    assert ada.ingest(**batch) == {"accepted": 6, "changed_sessions": 0, "refused": []}
    assert everything(db) == before


def test_an_older_version_never_overwrites_a_newer_one(ada: Person) -> None:
    """F74: also when it comes late."""
    ada.ingest(tool_calls=[row(1, revision=20, name="Bash", result="done", is_error=False)])
    ada.ingest(tool_calls=[row(1, revision=10, name="Old", result="early", input={"a": 1})])
    stored = ada.one("select name, result, input from api.tool_calls")
    assert stored == {"name": "Bash", "result": "done", "input": {"a": 1}}


def test_the_greatest_output_of_a_model_call_wins_in_any_order(ada: Person) -> None:
    for output in (5, 400, 20):
        ada.ingest(model_calls=[call(1, output)])
    stored = ada.one("select output_tokens, cost_usd from api.model_calls")
    assert stored == {"output_tokens": 400, "cost_usd": Decimal("0.4")}
    session = ada.one("select output_tokens, cost_usd, model_call_count from api.sessions")
    assert session == {"output_tokens": 400, "cost_usd": Decimal("0.4"), "model_call_count": 1}
    assert ada.one("select calls, output_tokens from api.usage_slots") == {
        "calls": 1,
        "output_tokens": 400,
    }


@pytest.mark.parametrize("order", [("own", "fork"), ("fork", "own")])
def test_a_call_is_counted_once_where_it_was_made(ada: Person, order: tuple[str, str]) -> None:
    sent = {
        "own": call(1, 100, session="own"),
        "fork": call(1, 100, session="fork", attribution=2),
    }
    for name in order:
        ada.ingest(model_calls=[sent[name]])
    costs = {r["native_id"]: r["cost_usd"] for r in ada.read("select * from api.sessions")}
    assert costs == {"own": Decimal("0.1"), "fork": None}
    assert ada.one("select sum(calls) as calls from api.usage_slots") == {"calls": 1}


def test_equal_claims_meet_in_the_same_session_whatever_comes_first(
    ada: Person, db: psycopg.Connection[Any]
) -> None:
    other = new_person(db)
    for person, order in ((ada, ("a", "b")), (other, ("b", "a"))):
        for session in order:
            person.ingest(model_calls=[call(1, 10, session=session)])
        keeper = (
            "select s.native_id from api.model_calls c join api.sessions s on s.id = session_id"
        )
        assert person.one(keeper)["native_id"] == "a"


def test_unknown_prices_stay_unknown(ada: Person) -> None:
    ada.ingest(model_calls=[call(1, 10, cost_usd=None), call(2, 20)])
    session = ada.one("select cost_usd, unpriced_call_count from api.sessions")
    assert session == {"cost_usd": Decimal("0.02"), "unpriced_call_count": 1}
    ada.ingest(model_calls=[call(3, 10, session="s2", cost_usd=None)])
    assert ada.one("select cost_usd from api.sessions where native_id = 's2'")["cost_usd"] is None


def test_a_bad_row_is_refused_and_its_neighbours_are_kept(ada: Person) -> None:
    answer = ada.ingest(
        messages=[message(1), message(2, id="nope"), message(3, role="robot")],
        sessions=[{"source": "Not A Source", "session": "s1", "revision": 1}],
    )
    assert answer["accepted"] == 1
    assert {(r["list"], r["index"]) for r in answer["refused"]} == {
        ("messages", 1),
        ("messages", 2),
        ("sessions", 0),
    }
    assert ada.one("select count(*) as n from api.messages")["n"] == 1


@pytest.mark.parametrize(
    ("lists", "state"),
    [
        ({"messages": [message(n) for n in range(501)]}, "PT413"),
        ({"messages": {"not": "a list"}}, "PT400"),
        ({"guard_version": 0}, "PT422"),
    ],
)
def test_a_batch_out_of_bounds_is_refused_whole(
    ada: Person, lists: dict[str, Any], state: str
) -> None:
    with pytest.raises(psycopg.DatabaseError) as error:
        ada.ingest(**lists)
    assert error.value.sqlstate == state


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_a_token_that_ended_is_answered_with_401(
    ada: Person, db: psycopg.Connection[Any], column: str
) -> None:
    db.execute(f"update private.device_tokens set {column} = now() - interval '1 s'")
    with pytest.raises(psycopg.DatabaseError) as error:
        ada.ingest(messages=[message(1)])
    assert error.value.sqlstate == "PT401"


def test_s05_the_same_ids_of_two_people_never_meet(
    ada: Person, db: psycopg.Connection[Any]
) -> None:
    eve = new_person(db)
    ada.ingest(messages=[message(1)], model_calls=[call(2, 10)])
    eve.ingest(messages=[message(1, kind="notice")], model_calls=[call(2, 99)])
    assert ada.one("select kind from api.messages")["kind"] == "prompt"
    assert ada.one("select output_tokens from api.model_calls")["output_tokens"] == 10
    assert eve.one("select output_tokens from api.model_calls")["output_tokens"] == 99


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_best_title_wins_in_any_order(ada: Person, order: tuple[int, ...]) -> None:
    titles = [
        {"title": "first prompt", "title_rank": 1, "revision": 1},
        {"title": "generated, old", "title_rank": 4, "revision": 2},
        {"title": "generated, new", "title_rank": 4, "revision": 3},
    ]
    for index in order:
        ada.ingest(sessions=[row(0, **titles[index])])
    assert ada.one("select title from api.sessions")["title"] == "generated, new"


def test_every_change_is_announced_once_to_its_workspace(
    ada: Person, db: psycopg.Connection[Any]
) -> None:
    ada.ingest(messages=[message(1), message(2, session="s2")])
    ada.ingest(messages=[message(1)])
    events = db.execute("select topic, event, payload from realtime.messages").fetchall()
    workspace = ada.one("select id from api.workspaces")["id"]
    ids = sorted(str(r["id"]) for r in ada.read("select id from api.sessions"))
    assert [(topic, event) for topic, event, _ in events] == [(f"workspace:{workspace}", "ingest")]
    assert events[0][2]["sessions"] == ids
