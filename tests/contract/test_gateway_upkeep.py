"""What the gateway keeps in order by itself: its view of the schema, connections, old rows."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.housekeeping import purge
from tests.contract import harness
from tests.contract.conftest import Stack


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{stack.url}/rest/v1", headers={"apikey": stack.key}) as client:
        yield client


def test_a_migration_is_noticed(api: httpx.Client, owner: psycopg.Connection) -> None:
    assert api.post("/rpc/brand_new", json={}).status_code == 404
    owner.execute("create function api.brand_new() returns int language sql as 'select 1'")
    owner.execute("grant execute on function api.brand_new() to anon")
    harness.wait_until(lambda: api.post("/rpc/brand_new", json={}).status_code == 200)
    owner.execute("create or replace view api.many as select 1 as n, 2 as more")
    try:
        harness.wait_until(lambda: api.get("/many?select=more").json() == [{"more": 2}])
    finally:
        owner.execute("drop view api.many")
        owner.execute(
            "create view api.many with (security_invoker = true) as "
            "select n from generate_series(1, 1500) n"
        )
        owner.execute("grant select on api.many to anon, authenticated")
        owner.execute("drop function api.brand_new()")
    harness.wait_until(lambda: api.post("/rpc/brand_new", json={}).status_code == 404)
    harness.wait_until(lambda: api.get("/many?limit=1").status_code == 200)


def test_more_callers_than_connections(api: httpx.Client) -> None:
    def call(number: int) -> object:
        return api.post("/rpc/add", json={"a": number, "b": 0}).json()

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert list(pool.map(call, range(300))) == list(range(300))


def test_many_different_statements_and_errors_between_them(api: httpx.Client) -> None:
    for number in range(300):
        columns = ",".join(f"c{number}_{index}:id" for index in range(2))
        rows = api.get(f"/things?select={columns}&id=eq.1").json()
        assert rows == [{f"c{number}_0": 1, f"c{number}_1": 1}]
        if number % 10 == 0:
            assert api.get("/things?select=id&id=eq.x").status_code == 400


def test_a_megabyte_goes_through_both_ways(api: httpx.Client) -> None:
    content = {"text": "äöü\\\"' " * 200_000}
    answer = api.post("/rpc/whole", json=content)
    assert answer.json() == content


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800"])
def test_text_that_postgresql_cannot_hold_is_a_client_s_error(api: httpx.Client, text: str) -> None:
    body = f'{{"a": "{text}"}}'.encode()
    headers = {"Content-Type": "application/json"}
    assert api.post("/rpc/whole", content=body, headers=headers).status_code == 400
    assert api.get("/things?name=eq.%00").status_code == 400
    assert api.get("/rpc/list_things?wanted=%00").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/things", 400, "PGRST127"),
        ("PATCH", "/things?id=eq.1", 400, "PGRST127"),
        ("DELETE", "/things?id=eq.1", 400, "PGRST127"),
        ("PUT", "/things?id=eq.1", 400, "PGRST127"),
        ("PUT", "/rpc/add", 405, "PGRST101"),
        ("GET", "/", 400, "PGRST127"),
        ("GET", "/things?select=id,other(name)", 400, "PGRST127"),
        ("GET", "/things?select=count()", 400, "PGRST127"),
        ("GET", "/a/b", 404, "PGRST125"),
    ],
)
def test_what_is_missing_says_so(
    api: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = api.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "details", "hint", "message"}
    if code == "PGRST127":
        assert "not supported by the embedded server" in answer.json()["message"]


@pytest.mark.parametrize("accept", ["text/csv", "application/geo+json", "application/xml"])
def test_other_formats_are_refused(api: httpx.Client, accept: str) -> None:
    answer = api.get("/things", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST107")


def test_old_rows_are_purged(stack: Stack, owner: psycopg.Connection) -> None:
    person = stack.person()
    harness.one_time_token(owner, person, minutes=-5)
    owner.execute(
        "insert into auth.sessions (user_id, amr, refreshed_at) values "
        "(%(id)s, 'device_token', now() - interval '2 days'), (%(id)s, 'device_token', now()), "
        "(%(id)s, 'password', now() - interval '2 days')",
        {"id": person.id},
    )
    owner.execute(
        "insert into realtime.messages (topic, extension, inserted_at) values "
        "('old', 'test', now() - interval '4 days'), ('old', 'test', now() - interval '2 days')"
    )

    async def run() -> None:
        database = Database(stack.database.conninfo("authenticator"))
        await purge(database)
        await database.close()

    asyncio.run(run())

    def count(query: str) -> int:
        row = owner.execute(query, {"id": person.id}).fetchone()
        assert row
        return int(row[0])

    assert count("select count(*) from auth.one_time_tokens where user_id = %(id)s") == 0
    assert count("select count(*) from auth.sessions where user_id = %(id)s") == 2
    assert count("select count(*) from realtime.messages where topic = 'old'") == 1
    owner.execute("delete from realtime.messages where topic = 'old'")
