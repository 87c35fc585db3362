"""The gateway beside the real PostgREST: the same request, the same status, code and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.contract import harness
from tests.contract.conftest import Stack

OBJECT = {"Accept": "application/vnd.pgrst.object+json"}

READS = [
    "things?select=id,name&order=id",
    "things?select=*&id=eq.3",
    "things?select=n:name,id&order=name.desc.nullslast,id&limit=3",
    "things?order=name.nullsfirst,id.desc&limit=4&offset=2&select=id,name",
    "things?select=id&id=in.(1,2,99)&order=id",
    'things?select=id&name=in.("thing 1","thing 2")&order=id',
    "things?select=id&id=in.()",
    "things?select=id&name=is.null&order=id",
    "things?select=id&name=not.is.null&order=id&limit=2",
    "things?select=id&is_good=is.true&order=id",
    "things?select=id&id=gt.3&id=lte.6&order=id",
    "things?select=id&id=neq.1&id=lt.4&id=gte.2&order=id",
    "things?select=id&name=like.*1&order=id",
    "things?select=id&name=ilike.THING%201*&order=id",
    "things?select=id&name=match.^thing%20.$&order=id",
    "things?select=id&name=imatch.^THING%20.$&order=id",
    "things?select=id&name=isdistinct.thing%201&order=id",
    "things?select=id&or=(id.eq.1,id.eq.4)&order=id",
    'things?select=id&or=(name.eq."thing 1",and(id.gt.3,id.lt.6))&order=id',
    "things?select=id&not.or=(id.gt.2,id.eq.1)&order=id",
    "things?select=id&and=(id.not.eq.1,or(id.lt.3,name.is.null))&order=id",
    "things?select=id&or=(id.in.(1,2),tags.cs.{t0})&order=id",
    "things?select=id&tags=cs.{t1}&order=id",
    'things?select=id&tags=cd.{t1,"a,\\"b"}&order=id',
    "things?select=id&tags=ov.{t0,t2}&order=id",
    'things?select=id&data=cs.{"kind":"odd"}&order=id',
    "things?select=id,kind:data->>kind&data->>kind=eq.even&order=id",
    "things?select=id,data->kind,data->list->0&order=data->list->0.desc&limit=2",
    "things?select=id&words=fts(english).run&order=id&limit=2",
    "things?select=id&words=plfts.thing&limit=1&order=id",
    "things?select=id&words=phfts(english).thing%20number&limit=1&order=id",
    "things?select=id&words=wfts(english).thing%20-missing&limit=1&order=id",
    "things?select=id&name=fts.thing&limit=1&order=id",
    "things?select=id,size,at&limit=1&order=id",
    "things?select=id&limit=0",
    "many?select=n&order=n",
    "many?select=n&order=n&limit=2000",
    "many?select=n&order=n&offset=1400",
    "sessions?select=id,title",
    "things?id=eq.x",
    "things?nope=eq.1",
    "things?select=nope",
    "things?order=nope",
    "things?id=1",
    "things?id=what.1",
    "things?order=id.sideways",
    "things?or=(id.eq.1",
    "things?name.x=eq.1",
    "things?offset=-1&select=id",
    "things?limit=-1",
]
COUNTS = [
    "things?select=id&order=id&limit=5",
    "things?select=id&order=id&limit=5&offset=18",
    "things?select=id&offset=20",
    "things?select=id&offset=21",
    "things?select=id&id=gt.15",
    "things?select=id&id=gt.99",
    "things?select=id&limit=0",
    "rpc/pairs?many=7&limit=2",
    "rpc/numbers?up_to=7&limit=2",
]
CALLS: list[tuple[str, object]] = [
    ("add", {"a": 1}),
    ("add", {"a": 1, "b": 2}),
    ("add", {"b": 2}),
    ("add", {"a": 1, "c": 2}),
    ("add", {"a": "x"}),
    ("add", {"a": None}),
    ("add", {}),
    ("nothing", {}),
    ("null_text", {}),
    ("numbers", {"up_to": 3}),
    ("numbers", {"up_to": 0}),
    ("list_things?select=id,name&order=id.desc&limit=2", {}),
    ("list_things?select=id&id=gt.18", {}),
    ("list_things", {"wanted": "thing 1"}),
    ("list_things", {"wanted": "a'; drop table public.things; --"}),
    ("first_thing", {}),
    ("first_thing?select=id,name", {}),
    ("pairs", {"many": 2}),
    ("pairs?select=x,y&x=eq.2", {"many": 3}),
    ("both_outs", {}),
    (
        "typed",
        {"ids": ["00000000-0000-4000-8000-000000000001"], "day": "2026-01-02", "extra": {"a": 1}},
    ),
    ("typed", {"ids": "no", "day": "2026-01-02", "extra": {}}),
    ("typed", {"ids": [], "day": "no", "extra": None}),
    ("whole", {"any": [1, {"x": None}]}),
    ("whole", [1, 2, 3]),
    ("same", {"a": 1}),
    ("same", {"b": "1"}),
    ("same", {"c": "1"}),
    ("refuse", {"state": "PT418"}),
    ("refuse", {"state": "P0001"}),
    ("refuse", {"state": "42501"}),
    ("refuse", {"state": "23505"}),
    ("refuse", {"state": "XX000"}),
    ("refuse", {"state": "22023"}),
    ("refuse", {"state": "55000"}),
    ("refuse", {"state": "25006"}),
    ("no_such_function", {}),
    ("get_replay", {"session": "00000000-0000-4000-8000-000000000001"}),
]
GETS = [
    "add?a=1",
    "add?a=1&b=5",
    "numbers?up_to=2",
    "list_things?wanted=thing%201&select=id",
    "list_things?id=lt.3&select=id&order=id",
    "pairs?many=3&x=gt.1",
    "typed?ids={}&day=2026-01-02&extra={}",
    "rename?new_name=x",
    "add?z=1",
]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.fixture(params=["anon", "user"])
def headers(request: pytest.FixtureRequest, stack: Stack) -> dict[str, str]:
    """A caller without and with a session; PostgREST knows no API keys and ignores ours."""
    headers = {"apikey": stack.key}
    if request.param == "user":
        token = harness.access_token(stack.gateway.keys, stack.person())
        headers["Authorization"] = f"Bearer {token}"
    return headers


Compare = Callable[..., httpx.Response]


@pytest.fixture
def compare(stack: Stack, postgrest_url: str, client: httpx.Client) -> Compare:
    """Send a request to both, check that the answers are the same, return ours."""

    def compare(
        method: str, path: str, headers: Mapping[str, str], **options: Any
    ) -> httpx.Response:
        headers = {"apikey": stack.key, **headers}
        ours = client.request(method, f"{stack.url}/rest/v1/{path}", headers=headers, **options)
        theirs = client.request(method, f"{postgrest_url}/{path}", headers=headers, **options)
        assert _facts(ours) == _facts(theirs)
        return ours

    return compare


def _facts(answer: httpx.Response) -> dict[str, object]:
    facts: dict[str, object] = {"status": answer.status_code}
    if answer.status_code < 300:
        facts["body"] = answer.json() if answer.content else None
        facts["range"] = answer.headers.get("content-range")
        facts["type"] = answer.headers.get("content-type", "").partition(";")[0]
    else:
        body = answer.json()
        assert set(body) == {"code", "details", "hint", "message"}
        facts["code"] = body["code"]
    return facts


@pytest.mark.parametrize("path", READS)
def test_reads(compare: Compare, headers: dict[str, str], path: str) -> None:
    compare("GET", path, headers)


@pytest.mark.parametrize("path", COUNTS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_counts(
    stack: Stack, postgrest_url: str, client: httpx.Client, method: str, path: str
) -> None:
    headers = {"apikey": stack.key, "Prefer": "count=exact"}
    ours = client.request(method, f"{stack.url}/rest/v1/{path}", headers=headers)
    theirs = client.request(method, f"{postgrest_url}/{path}", headers=headers)
    assert ours.status_code == theirs.status_code
    assert ours.headers.get("content-range") == theirs.headers.get("content-range")


@pytest.mark.parametrize("path", ["things?id=eq.1", "things?id=eq.99", "things?limit=2"])
def test_single_objects(compare: Compare, path: str) -> None:
    compare("GET", path, OBJECT)


@pytest.mark.parametrize(("path", "body"), CALLS)
def test_calls(compare: Compare, headers: dict[str, str], path: str, body: object) -> None:
    compare("POST", f"rpc/{path}", headers, json=body)


@pytest.mark.parametrize("path", GETS)
def test_calls_by_get(compare: Compare, path: str) -> None:
    compare("GET", f"rpc/{path}", {})


@pytest.mark.parametrize("content", [b"{", b"nonsense", b'{"a":}', b"[1"])
def test_a_body_that_is_not_json(compare: Compare, content: bytes) -> None:
    compare("POST", "rpc/add", {"Content-Type": "application/json"}, content=content)


def test_a_call_that_wants_one_row_and_changes_two_changes_none(
    stack: Stack, compare: Compare, client: httpx.Client
) -> None:
    answer = compare("POST", "rpc/rename", OBJECT, json={"new_name": "changed"})
    assert answer.status_code == 406
    url = f"{stack.url}/rest/v1/things?select=id&name=eq.changed"
    assert client.get(url, headers={"apikey": stack.key}).json() == []


@pytest.mark.parametrize("profile", ["public", "auth", "api"])
def test_other_schemas_are_not_served(compare: Compare, profile: str) -> None:
    compare("GET", "things?select=id&order=id", {"Accept-Profile": profile})
    compare("POST", "rpc/nothing", {"Content-Profile": profile}, json={})


def test_the_database_sees_who_asks_and_how(stack: Stack, compare: Compare) -> None:
    person = stack.person()
    token = harness.access_token(stack.gateway.keys, person)
    headers = {"Authorization": f"Bearer {token}", "X-Custom": "äöü".encode()}
    seen = compare("POST", "rpc/context", headers, json={}).json()
    assert (seen["role"], seen["sub"]) == ("authenticated", person.id)
    assert (seen["method"], seen["path"], seen["header"]) == ("POST", "/rpc/context", "äöü")


@pytest.mark.slow
def test_the_time_a_function_asks_for_wins_over_the_role_s(
    stack: Stack, client: httpx.Client
) -> None:
    for name, status, code in (("sleep", 500, "57014"), ("sleep_allowed", 204, None)):
        answer = client.post(
            f"{stack.url}/rest/v1/rpc/{name}",
            headers={"apikey": stack.key},
            json={"seconds": 3.2},
            timeout=20,
        )
        assert answer.status_code == status
        assert code is None or answer.json()["code"] == code


def test_both_take_an_ingest_batch_of_a_device(stack: Stack, compare: Compare) -> None:
    headers = harness.ingest_headers(stack.gateway, stack.person())
    stored = compare("POST", "rpc/ingest", headers, json={"batch": {"guard_version": 1}})
    assert stored.json()["accepted"] == 0
    batch = {"batch": harness.batch("one")}
    sent = httpx.post(f"{stack.url}/rest/v1/rpc/ingest", headers=headers, json=batch)
    assert sent.json() == {"accepted": 3, "changed_sessions": 1, "refused": []}
    # Both are told that there is nothing new.
    assert compare("POST", "rpc/ingest", headers, json=batch).json()["changed_sessions"] == 0
    unknown = headers | {"X-Device-Token": "ctd_unknown"}
    assert compare("POST", "rpc/ingest", unknown, json=batch).status_code == 401
