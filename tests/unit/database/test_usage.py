"""Usage by any time zone's days, calls whose counts grow, forks without a back-pointer, prices."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import MAJORS, Database
from tests.unit.database.batches import Person, add_member, new_person, row

pytestmark = pytest.mark.parametrize("pg", MAJORS, indirect=True)

USAGE = "select api.get_usage(%s, %s, %s, %s, %s, %s, %s) as rows"


@pytest.fixture
def db(pg: Database, fresh_database: Database) -> Iterator[psycopg.Connection[Any]]:
    with fresh_database.connect() as connection:
        yield connection


@pytest.fixture
def ada(db: psycopg.Connection[Any]) -> Person:
    return new_person(db)


def call(number: int, **fields: Any) -> dict[str, Any]:
    base = {
        "model": "claude-opus-4-6",
        "at": "2026-11-01T23:50:00Z",
        "input_tokens": 3,
        "output_tokens": 10,
        "cost_usd": "0.5",
    }
    return row(number, **{**base, **fields})


def usage(
    person: Person,
    *dimensions: str,
    timezone: str = "UTC",
    since: str | None = None,
    until: str | None = None,
    source: str | None = None,
    project: str | None = None,
    workspace: str | None = None,
) -> list[dict[str, Any]]:
    """Return what get_usage says, without what is null."""
    asked = (list(dimensions), timezone, since, until, source, project, workspace)
    rows: list[dict[str, Any]] = person.one(USAGE, *asked)["rows"]
    return [{name: value for name, value in r.items() if value is not None} for r in rows]


@pytest.mark.parametrize(
    ("timezone", "days"),
    [
        ("UTC", {"2026-11-01": 1, "2026-11-02": 1}),
        ("Asia/Kathmandu", {"2026-11-02": 2}),  # 5:45 ahead
        ("America/St_Johns", {"2026-11-01": 2}),  # 3:30 behind, 2:30 in summer
    ],
)
def test_a_day_is_that_of_the_time_zone(ada: Person, timezone: str, days: dict[str, int]) -> None:
    ada.ingest(model_calls=[call(1), call(2, at="2026-11-02T00:10:00Z")])
    assert {r["day"]: r["calls"] for r in usage(ada, "day", timezone=timezone)} == days
    for day, calls in days.items():
        (only,) = usage(ada, timezone=timezone, since=day, until=day)
        assert only["calls"] == calls


def test_a_call_without_a_time_has_no_day(ada: Person) -> None:
    ada.ingest(model_calls=[call(1, at=None)])
    (only,) = usage(ada, "day", "slot")
    assert "day" not in only and "slot" not in only and only["calls"] == 1
    assert usage(ada, "day", since="2000-01-01") == []


def test_dimensions_and_filters(ada: Person) -> None:
    ada.ingest(
        sessions=[
            row(0, session="one", project_root="/home/u/calc", title="T", title_rank=5, path="/t"),
            row(0, session="one/a", parent="one", relation="subagent"),
            row(0, session="two", source="codex"),
        ],
        model_calls=[
            call(1, session="one"),
            call(2, session="one/a", model="haiku", cost_usd=None, usage_quality="lower_bound"),
            call(3, session="two", source="codex", model=None, cost_usd=None),
        ],
    )
    by_session = {r["session"]: r for r in usage(ada, "session", "project", "source")}
    assert by_session["one"]["title"] == "T" and by_session["one"]["path"] == "/t"
    assert (by_session["one/a"]["parent"], by_session["one/a"]["project"]) == ("one", "calc")
    assert by_session["two"]["source"] == "codex"
    by_model = {r["model"]: r for r in usage(ada, "model")}
    assert (by_model["haiku"]["unpriced_calls"], by_model["haiku"]["lower_bound_calls"]) == (1, 1)
    assert "cost_usd" not in by_model["haiku"]
    assert by_model["unknown"]["calls"] == 1
    assert [r["calls"] for r in usage(ada, source="codex")] == [1]
    assert [r["calls"] for r in usage(ada, project="calc")] == [2]
    mine = ada.one("select id from api.workspaces")["id"]
    assert [r["calls"] for r in usage(ada, workspace=mine)] == [3]
    (slot,) = usage(ada, "slot")
    assert slot["slot"].startswith("2026-11-01T23:45:00")
    assert (slot["calls"], slot["input_tokens"], slot["cost_usd"]) == (3, 9, 0.5)


def test_a_fee_without_tokens_is_no_call(ada: Person) -> None:
    ada.ingest(model_calls=[row(1, at="2026-11-01T10:00:00Z", web_searches=3, cost_usd="0.03")])
    (only,) = usage(ada)
    assert (only["calls"], only["unpriced_calls"], only["web_searches"]) == (0, 0, 3)
    assert only["cost_usd"] == 0.03


def test_members_sum_only_what_is_shared_with_them(
    ada: Person, db: psycopg.Connection[Any]
) -> None:
    ada.ingest(
        sessions=[row(0, project_root="/secret", title="T", title_rank=5, path="/t")],
        model_calls=[call(1)],
    )
    member = new_person(db)
    add_member(db, ada.one("select id from api.workspaces")["id"], member)
    assert usage(member, "session") == []
    db.execute("update public.sessions set visibility = 'metrics'")
    (seen,) = usage(member, "session", "project")
    assert seen["calls"] == 1 and not {"title", "path", "project"} & seen.keys()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_session_total_grows_in_any_order(ada: Person, order: tuple[int, ...]) -> None:
    versions = [
        call(1, usage_quality="session_total", input_tokens=n * 100, output_tokens=5, cost_usd=n)
        for n in (1, 2, 3)
    ]
    for index in order:
        ada.ingest(model_calls=[versions[index]])
    stored = ada.one("select input_tokens, cost_usd from api.model_calls")
    assert stored == {"input_tokens": 300, "cost_usd": Decimal(3)}


def test_a_later_version_fills_the_model_and_its_price(ada: Person) -> None:
    ada.ingest(model_calls=[call(1, model=None, cost_usd=None)])
    ada.ingest(model_calls=[call(1, model="gpt-5", cost_usd="0.25", price_version="v")])
    ada.ingest(model_calls=[call(1, model=None, cost_usd=None)])
    stored = ada.one("select model, cost_usd, price_version from api.model_calls")
    assert stored == {"model": "gpt-5", "cost_usd": Decimal("0.25"), "price_version": "v"}


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_fork_is_found_by_the_calls_it_copied(ada: Person, order: tuple[str, str]) -> None:
    """Its history is counted once, its own tail is counted."""
    for name in order:
        own = call(9 if name == "a" else 8, session=name, at="2026-11-02T08:00:00Z")
        ada.ingest(model_calls=[call(1, session=name), own])
    rows = ada.read(
        "select s.native_id, s.relation, p.native_id as parent, s.model_call_count as calls"
        " from api.sessions s left join api.sessions p on p.id = s.parent_id order by 1"
    )
    assert rows == [
        {"native_id": "a", "relation": None, "parent": None, "calls": 2},
        {"native_id": "b", "relation": "fork", "parent": "a", "calls": 1},
    ]


def test_sessions_that_share_a_made_up_id_at_other_times_are_no_forks(ada: Person) -> None:
    ada.ingest(model_calls=[call(1, session="a")])
    ada.ingest(model_calls=[call(1, session="b", at="2026-11-09T08:00:00Z")])
    assert {r["relation"] for r in ada.read("select relation from api.sessions")} == {None}


def test_prices_are_set_again_by_their_owner_only(ada: Person, db: psycopg.Connection[Any]) -> None:
    ada.ingest(model_calls=[call(1, cost_usd=None), call(2)])
    priced = {"cost_usd": 0.25, "price_version": "new"}
    prices = [{"id": call(1)["id"], "output_tokens": 10, **priced}]
    prices += [{"id": call(2)["id"], "output_tokens": 9, **priced}]  # its output grew meanwhile
    stranger = new_person(db)
    set_prices = "select api.set_prices(%s::jsonb) as n"
    as_json = Jsonb(prices)
    assert stranger.one(set_prices, as_json) == {"n": 0}
    assert ada.one(set_prices, as_json) == {"n": 1}
    assert ada.one(set_prices, as_json) == {"n": 0}
    (total,) = usage(ada)
    assert (total["cost_usd"], total["unpriced_calls"]) == (0.75, 0)
    assert ada.one("select cost_usd from api.sessions") == {"cost_usd": Decimal("0.75")}


def test_f21_unknown_records_are_counted_by_tool_version(ada: Person) -> None:
    ada.ingest(
        sessions=[row(0, tool_version="9.9")],
        messages=[row(1, position=1, role="system", kind="unknown")],
        blocks=[
            row(2, message=row(1)["id"], position=1, kind="unknown", data={"type": "new"}),
            row(3, message=row(1)["id"], position=2, kind="unknown", data=[1]),
        ],
    )
    found = ada.read("select * from api.get_unknown_records() order by type")
    assert found == [
        {"source": "claude_code", "tool_version": "9.9", "type": "(none)", "records": 1},
        {"source": "claude_code", "tool_version": "9.9", "type": "new", "records": 1},
    ]
