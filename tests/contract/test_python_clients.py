"""The unmodified supabase-py and realtime-py against the gateway."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from postgrest import APIError, CountMethod
from realtime import (
    AsyncRealtimeClient,
    RealtimePostgresChangesListenEvent,
    RealtimeSubscribeStates,
)
from supabase import AuthApiError, AuthWeakPasswordError, Client, ClientOptions, create_client

from tests.contract import harness
from tests.contract.conftest import Stack
from tests.contract.harness import Person

NOBODY = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def connect(stack: Stack) -> Iterator[Callable[[], Client]]:
    """Make clients as an application does."""
    made: list[httpx.Client] = []

    def connect() -> Client:
        http = httpx.Client()
        made.append(http)
        return create_client(
            stack.url,
            stack.key,
            ClientOptions(schema="api", httpx_client=http, auto_refresh_token=False),
        )

    yield connect
    for http in made:
        http.close()


def sign_in(client: Client, person: Person) -> Any:
    answer = client.auth.sign_in_with_password(
        {"email": person.email, "password": harness.PASSWORD}
    )
    assert answer.session and answer.user and answer.user.id == person.id
    return answer.session


def ingest(stack: Stack, person: Person, *names: str) -> None:
    for name in names:
        answer = httpx.post(
            f"{stack.url}/rest/v1/rpc/ingest",
            headers=harness.ingest_headers(stack.gateway, person),
            json={"batch": harness.batch(name)},
        )
        assert answer.status_code == 200


def test_password_refresh_user_and_logout(stack: Stack, connect: Callable[[], Client]) -> None:
    person, client = stack.person(), connect()
    first = sign_in(client, person)
    user = client.auth.get_user()
    assert user and user.user.email == person.email
    second = client.auth.refresh_session().session
    assert second and second.refresh_token != first.refresh_token
    claims = client.auth.get_claims()
    assert claims and claims["claims"]["sub"] == person.id
    client.auth.sign_out()
    with pytest.raises(AuthApiError) as gone:
        connect().auth.set_session(second.access_token, second.refresh_token)
    assert gone.value.code == "session_not_found"
    with pytest.raises(AuthApiError) as spent:
        connect().auth.refresh_session(second.refresh_token)
    assert str(spent.value.code) == "refresh_token_not_found"


def test_wrong_password_and_unknown_user(stack: Stack, connect: Callable[[], Client]) -> None:
    for email in (stack.person().email, "nobody@example.test", stack.person(password=None).email):
        with pytest.raises(AuthApiError) as refused:
            connect().auth.sign_in_with_password({"email": email, "password": "not this one"})
        assert (refused.value.status, refused.value.code) == (400, "invalid_credentials")


def test_a_one_time_token_signs_in_once(
    stack: Stack, connect: Callable[[], Client], owner: psycopg.Connection
) -> None:
    person = stack.person(password=None)
    token = harness.one_time_token(owner, person)
    answer = connect().auth.verify_otp({"token_hash": token, "type": "magiclink"})
    assert answer.user and answer.user.id == person.id
    with pytest.raises(AuthApiError) as again:
        connect().auth.verify_otp({"token_hash": token, "type": "magiclink"})
    assert again.value.code == "otp_expired"


def test_a_user_changes_password_and_name(stack: Stack, connect: Callable[[], Client]) -> None:
    person, client, other = stack.person(), connect(), connect()
    sign_in(client, person)
    sign_in(other, person)
    answer = client.auth.update_user({"password": "another long one", "data": {"name": "Ada"}})
    assert answer.user.user_metadata == {"name": "Ada"}
    # A new password ends the other sessions and keeps this one.
    assert client.auth.get_user() is not None
    with pytest.raises(AuthApiError):
        other.auth.get_user()
    with pytest.raises(AuthApiError):
        sign_in(connect(), person)
    with pytest.raises(AuthWeakPasswordError):
        client.auth.update_user({"password": "short"})


def test_what_is_missing_says_so(stack: Stack, connect: Callable[[], Client]) -> None:
    with pytest.raises(AuthApiError) as signup:
        connect().auth.sign_up({"email": "new@example.test", "password": harness.PASSWORD})
    assert (signup.value.status, signup.value.code) == (422, "signup_disabled")
    with pytest.raises(AuthApiError) as otp:
        connect().auth.sign_in_with_otp({"email": "new@example.test"})
    assert (otp.value.status, otp.value.code) == (422, "provider_disabled")


def test_reads_with_filters_order_range_and_count(
    stack: Stack, connect: Callable[[], Client]
) -> None:
    person, client = stack.person(), connect()
    ingest(stack, person, "alpha", "beta", "gamma")
    sign_in(client, person)
    sessions = client.table("sessions")
    page = (
        sessions.select("id, native_id", count=CountMethod.exact)
        .order("native_id", desc=True)
        .range(0, 1)
        .execute()
    )
    names: list[Any] = page.data
    assert [row["native_id"] for row in names] == ["gamma", "beta"]
    assert page.count == 3
    picked = sessions.select("native_id").in_("native_id", ["alpha", "b,c", 'q"']).execute()
    assert picked.data == [{"native_id": "alpha"}]
    either = sessions.select("native_id").or_("native_id.eq.beta,title.ilike.*gamma").execute()
    assert len(either.data) == 2
    one = sessions.select("message_count").eq("native_id", "alpha").single().execute()
    assert one.data == {"message_count": 2}
    assert sessions.select("id").eq("native_id", "none").maybe_single().execute() is None
    counted = sessions.select("id", count=CountMethod.exact, head=True).execute()
    assert (counted.count, counted.data) == (3, [])


def test_errors_have_codes(stack: Stack, connect: Callable[[], Client]) -> None:
    client = connect()
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: client.table("sessions").select("id").execute(), "42501"),
        (lambda: client.table("no_such_view").select("id").execute(), "PGRST205"),
        (lambda: client.table("things").select("id").single().execute(), "PGRST116"),
        (lambda: client.table("things").insert({"id": 99}).execute(), "PGRST127"),
        (lambda: client.table("things").select("id, other(*)").execute(), "PGRST127"),
        (lambda: client.table("things").delete().eq("id", 1).execute(), "PGRST127"),
        (lambda: client.rpc("no_such_function", {}).execute(), "PGRST202"),
        (lambda: client.rpc("ingest", {"batch": {}}).execute(), "PT401"),
        (lambda: client.schema("public").table("things").select("id").execute(), "PGRST106"),
    ]
    for call, code in cases:
        with pytest.raises(APIError) as error:
            call()
        assert error.value.code == code


def test_calls(stack: Stack, connect: Callable[[], Client]) -> None:
    client = connect()
    assert client.rpc("add", {"a": 2}).execute().data == 12
    assert client.rpc("add", {"a": 2, "b": 3}, get=True).execute().data == 5
    rows = client.rpc("list_things", {}).select("id").order("id").limit(2).execute()
    assert rows.data == [{"id": 1}, {"id": 2}]


def test_users_do_not_see_each_other(stack: Stack, connect: Callable[[], Client]) -> None:
    ann, ben = stack.person(), stack.person()
    ingest(stack, ann, "ann's")
    ingest(stack, ben, "ben's")
    for person, name in ((ann, "ann's"), (ben, "ben's")):
        client = connect()
        sign_in(client, person)
        seen = client.table("sessions").select("native_id, owner_id").execute().data
        assert seen == [{"native_id": name, "owner_id": person.id}]
        assert len(client.table("workspaces").select("id").execute().data) == 1


# Realtime ---------------------------------------------------------------------------------------
@contextlib.asynccontextmanager
async def listening(stack: Stack, token: str) -> AsyncIterator[AsyncRealtimeClient]:
    client = AsyncRealtimeClient(f"{stack.url}/realtime/v1", token=stack.key, auto_reconnect=False)
    await client.connect()
    try:
        await client.set_auth(token)
        yield client
    finally:
        await client.close()


async def join(client: AsyncRealtimeClient, topic: str, **config: Any) -> tuple[Any, Any, Any]:
    """Join; returns the channel, what became of it, and what it hears."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    states: asyncio.Queue[Any] = asyncio.Queue()
    options: Any = {"config": {"private": True, **config}}
    channel = client.channel(topic, options)
    channel.on_broadcast("ingest", heard.put_nowait)
    await channel.subscribe(lambda state, error: states.put_nowait((state, str(error))))
    return channel, await asyncio.wait_for(states.get(), 5), heard


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def workspace_of(owner: psycopg.Connection, person: Person) -> str:
    row = owner.execute(
        "select id::text from public.workspaces where created_by = %s", (person.id,)
    ).fetchone()
    assert row
    return str(row[0])


def test_a_member_hears_of_an_ingest(stack: Stack, owner: psycopg.Connection) -> None:
    person = stack.person()
    token = harness.access_token(stack.gateway.keys, person)
    topic = f"workspace:{workspace_of(owner, person)}"

    async def test() -> None:
        async with listening(stack, token) as client:
            _, (state, _), heard = await join(client, topic)
            assert state == RealtimeSubscribeStates.SUBSCRIBED
            await asyncio.to_thread(ingest, stack, person, "heard")
            message = await asyncio.wait_for(heard.get(), 5)
            (session,) = owner.execute(
                "select id::text from public.sessions where owner_id = %s", (person.id,)
            ).fetchall()
            assert message["payload"]["sessions"] == [session[0]]

    run(test)


def test_nobody_else_may_listen(stack: Stack, owner: psycopg.Connection) -> None:
    person, other = stack.person(), stack.person()
    workspace = workspace_of(owner, person)
    token = harness.access_token(stack.gateway.keys, other)
    topics = [f"workspace:{workspace}", f"workspace:{workspace}x", "*", workspace.upper()]

    async def test() -> None:
        async with listening(stack, token) as client:
            for topic in topics:
                _, (state, error), _ = await join(client, topic)
                assert state == RealtimeSubscribeStates.CHANNEL_ERROR
                assert "Unauthorized" in error

    run(test)


def test_public_channels_and_table_changes_are_refused(
    stack: Stack, owner: psycopg.Connection
) -> None:
    person = stack.person()
    token = harness.access_token(stack.gateway.keys, person)
    topic = f"workspace:{workspace_of(owner, person)}"

    async def test() -> None:
        async with listening(stack, token) as client:
            _, (state, error), _ = await join(client, topic, private=False)
            assert state == RealtimeSubscribeStates.CHANNEL_ERROR and "PrivateOnly" in error
        async with listening(stack, token) as client:
            options: Any = {"config": {"private": True}}
            channel = client.channel(topic, options)
            any_change = RealtimePostgresChangesListenEvent.All
            channel.on_postgres_changes(any_change, lambda change: None, table="sessions")
            states: asyncio.Queue[Any] = asyncio.Queue()
            await channel.subscribe(lambda state, error: states.put_nowait((state, str(error))))
            state, error = await asyncio.wait_for(states.get(), 5)
            assert state == RealtimeSubscribeStates.CHANNEL_ERROR
            assert "postgres_changes is not supported" in error

    run(test)
