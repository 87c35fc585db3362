"""Realtime frame by frame, in both protocol versions."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
import websockets

from tests.contract import harness
from tests.contract.conftest import Stack
from tests.contract.harness import Person

VERSIONS = pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])


class Wire:
    """A client that speaks frames."""

    def __init__(self, socket: websockets.ClientConnection, version: str) -> None:
        self.socket = socket
        self._version = version
        self._ref = 0

    async def send(self, topic: str, event: str, payload: object) -> str:
        self._ref += 1
        ref = str(self._ref)
        if self._version == "2.0.0":
            await self.socket.send(json.dumps(["1", ref, topic, event, payload]))
        else:
            frame = {"topic": topic, "event": event, "payload": payload, "ref": ref}
            await self.socket.send(json.dumps(frame | {"join_ref": "1"}))
        return ref

    async def receive(self) -> dict[str, Any]:
        data = await asyncio.wait_for(self.socket.recv(), 5)
        if isinstance(data, bytes):
            return _binary(data)
        frame = json.loads(data)
        if self._version == "2.0.0":
            return dict(zip(("join_ref", "ref", "topic", "event", "payload"), frame, strict=True))
        assert isinstance(frame, dict)
        return frame

    async def ask(self, topic: str, event: str, payload: object) -> dict[str, Any]:
        """Send and return the payload of the reply."""
        ref = await self.send(topic, event, payload)
        frame = await self.receive()
        assert (frame["event"], frame["ref"], frame["topic"]) == ("phx_reply", ref, topic)
        answer: dict[str, Any] = frame["payload"]
        return answer

    async def join(self, topic: str, token: str | None, **config: Any) -> dict[str, Any]:
        payload: dict[str, Any] = {"config": {"private": True, **config}}
        return await self.ask(
            topic, "phx_join", payload | ({"access_token": token} if token else {})
        )


def _binary(data: bytes) -> dict[str, Any]:
    """Read a server's broadcast: kind 4, three lengths, encoding, topic, event, meta, payload."""
    assert data[0] == 4 and data[4] == 1
    parts, start = [], 5
    for length in data[1:4]:
        parts.append(data[start : start + length].decode())
        start += length
    topic, event, meta = parts
    payload = {"event": event, "meta": json.loads(meta), "payload": json.loads(data[start:])}
    return {"topic": topic, "event": "broadcast", "ref": None, "payload": payload}


@asynccontextmanager
async def wire(stack: Stack, version: str = "2.0.0") -> AsyncIterator[Wire]:
    url = f"ws://127.0.0.1:{stack.gateway.port}/realtime/v1/websocket"
    async with websockets.connect(f"{url}?apikey={stack.key}&vsn={version}") as socket:
        yield Wire(socket, version)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def topic_of(owner: psycopg.Connection, person: Person) -> str:
    row = owner.execute(
        "select id::text from public.workspaces where created_by = %s", (person.id,)
    ).fetchone()
    assert row
    return f"realtime:workspace:{row[0]}"


@VERSIONS
def test_join_hear_and_leave(stack: Stack, owner: psycopg.Connection, version: str) -> None:
    person = stack.person()
    topic, token = topic_of(owner, person), harness.access_token(stack.gateway.keys, person)

    async def test() -> None:
        async with wire(stack, version) as client:
            assert await client.ask("phoenix", "heartbeat", {}) == {"status": "ok", "response": {}}
            joined = await client.join(topic, token, presence={"enabled": True, "key": ""})
            assert joined == {"status": "ok", "response": {"postgres_changes": []}}
            state = await client.receive()
            assert (state["event"], state["payload"], state["ref"]) == ("presence_state", {}, None)
            await _send(owner, topic, {"text": "äöü"})
            heard = await client.receive()
            assert (heard["event"], heard["ref"], heard["topic"]) == ("broadcast", None, topic)
            assert heard["payload"]["event"] == "ingest"
            assert heard["payload"]["payload"]["text"] == "äöü"
            assert heard["payload"]["meta"]["id"] == heard["payload"]["payload"]["id"]
            assert (await client.ask(topic, "phx_leave", {}))["status"] == "ok"
            assert (await client.receive())["event"] == "phx_close"
            await _send(owner, topic, {"text": "too late"})
            assert (await client.ask("phoenix", "heartbeat", {}))["status"] == "ok"

    run(test)


@VERSIONS
def test_who_may_not_join(stack: Stack, owner: psycopg.Connection, version: str) -> None:
    person, other = stack.person(), stack.person()
    topic = topic_of(owner, person)
    keys = stack.gateway.keys
    own, others = harness.access_token(keys, person), harness.access_token(keys, other)
    expired = harness.access_token(keys, person, exp=int(time.time()) - 60)
    cases: list[tuple[str, str | None, dict[str, Any], str]] = [
        (topic, others, {}, "Unauthorized"),
        (topic, None, {}, "Unauthorized"),
        (topic, stack.key, {}, "Unauthorized"),
        (topic, expired, {}, "InvalidJWTToken"),
        (topic, "nonsense", {}, "InvalidJWTToken"),
        (topic, own, {"private": False}, "PrivateOnly"),
        (topic, own, {"postgres_changes": [{"event": "*", "schema": "api"}]}, "postgres_changes"),
        (topic, own, {"broadcast": {"replay": {"since": 1}}}, "Replay"),
        (f"{topic}\u0000", own, {}, "malformed"),
        ("realtime:", own, {}, "malformed"),
        (topic.removeprefix("realtime:"), own, {}, "malformed"),
        (f"realtime:{'x' * 300}", own, {}, "malformed"),
        (f"{topic} ", own, {}, "Unauthorized"),
        (f"{topic}:x", own, {}, "Unauthorized"),
        (topic.replace("workspace", "Workspace"), own, {}, "Unauthorized"),
        (topic.replace("-", "\N{NON-BREAKING HYPHEN}"), own, {}, "Unauthorized"),
    ]

    async def test() -> None:
        async with wire(stack, version) as client:
            for name, token, config, reason in cases:
                answer = await client.join(name, token, **config)
                assert answer["status"] == "error"
                assert reason in answer["response"]["reason"], (name, answer)
            # Nothing of the trials remains.
            found = owner.execute("select count(*) from realtime.messages where event is null")
            assert found.fetchone() == (0,)

    run(test)


def test_a_new_token_is_judged_again(stack: Stack, owner: psycopg.Connection) -> None:
    person = stack.person()
    topic, token = topic_of(owner, person), harness.access_token(stack.gateway.keys, person)
    newer = harness.access_token(stack.gateway.keys, person, iat=1)

    async def test() -> None:
        async with wire(stack) as client:
            assert (await client.join(topic, token))["status"] == "ok"
            await client.send(topic, "access_token", {"access_token": stack.key})
            await client.send(topic, "access_token", {"access_token": newer})
            await _send(owner, topic, {})
            assert (await client.receive())["event"] == "broadcast"
            owner.execute("delete from public.workspace_members where user_id = %s", (person.id,))
            await client.send(topic, "access_token", {"access_token": newer})
            system, closed = await client.receive(), await client.receive()
            assert (system["event"], system["ref"]) == ("system", None)
            assert "no longer have permission" in system["payload"]["message"]
            assert closed["event"] == "phx_close"
            await _send(owner, topic, {})
            assert (await client.ask("phoenix", "heartbeat", {}))["status"] == "ok"

    run(test)


@pytest.mark.slow
def test_a_channel_ends_with_its_token(stack: Stack, owner: psycopg.Connection) -> None:
    person = stack.person()
    topic = topic_of(owner, person)

    async def test() -> None:
        async with wire(stack) as client:
            soon = int(time.time()) + 2
            token = harness.access_token(stack.gateway.keys, person, exp=soon)
            assert (await client.join(topic, token))["status"] == "ok"
            assert "expired" in (await client.receive())["payload"]["message"]
            assert (await client.receive())["event"] == "phx_close"

    run(test)


@VERSIONS
def test_clients_do_not_send(stack: Stack, owner: psycopg.Connection, version: str) -> None:
    person = stack.person()
    topic, token = topic_of(owner, person), harness.access_token(stack.gateway.keys, person)
    message = {"type": "broadcast", "event": "ingest", "payload": {"sessions": []}}

    async def test() -> None:
        async with wire(stack, version) as client, wire(stack, version) as listener:
            assert (await listener.join(topic, token))["status"] == "ok"
            refused = await client.ask(topic, "broadcast", message)
            assert refused["response"]["reason"] == "unmatched topic"
            assert (await client.join(topic, token, broadcast={"self": True}))["status"] == "ok"
            refused = await client.ask(topic, "broadcast", message)
            assert "permissions to write" in refused["response"]["reason"]
            assert (await client.ask(topic, "presence", {}))["status"] == "error"
            assert (await listener.ask("phoenix", "heartbeat", {}))["status"] == "ok"

    run(test)
    answer = httpx.post(
        f"{stack.url}/realtime/v1/api/broadcast",
        headers={"apikey": stack.key, "Authorization": f"Bearer {token}"},
        json={"messages": [{"topic": topic, "event": "x", "payload": {}, "private": True}]},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST127")


def test_a_policy_for_insert_lets_clients_send(stack: Stack, owner: psycopg.Connection) -> None:
    person = stack.person()
    topic, token = topic_of(owner, person), harness.access_token(stack.gateway.keys, person)
    owner.execute(
        'create policy "for a test" on realtime.messages for insert to authenticated '
        f"with check (realtime.topic() = '{topic.removeprefix('realtime:')}')"
    )

    async def test() -> None:
        async with wire(stack) as client, wire(stack, "1.0.0") as listener:
            assert (await listener.join(topic, token))["status"] == "ok"
            assert (await client.join(topic, token))["status"] == "ok"
            head = bytes([3, 1, 1, len(topic), 3, 0, 1])
            await client.socket.send(head + b"19" + topic.encode() + b"typ" + b'{"a":1}')
            heard = await listener.receive()
            assert heard["payload"]["event"] == "typ" and heard["payload"]["payload"] == {"a": 1}
            # The sender gets the acknowledgement, not the message.
            assert (await client.receive())["payload"]["status"] == "ok"

    try:
        run(test)
    finally:
        owner.execute('drop policy "for a test" on realtime.messages')


@pytest.mark.parametrize(
    "message",
    ["{", "[]", "[1,2]", '{"topic":1}', '{"topic":"a","event":"b","ref":1}', b"", b"\x03\x01"],
)
def test_what_is_no_frame_ends_the_connection(stack: Stack, message: str | bytes) -> None:
    async def test() -> None:
        async with wire(stack, "1.0.0") as client:
            await client.socket.send(message)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(client.socket.recv(), 5)
            assert closed.value.rcvd and closed.value.rcvd.code == 1007

    run(test)


@pytest.mark.parametrize("query", ["", "apikey=wrong", "vsn=9.9.9"])
def test_the_handshake_needs_our_key(stack: Stack, query: str) -> None:
    url = f"ws://127.0.0.1:{stack.gateway.port}/realtime/v1/websocket?{query}"
    if query.startswith("vsn"):
        url += f"&apikey={stack.key}"

    async def test() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url)
        assert refused.value.response.status_code == 403

    run(test)


@pytest.mark.slow
def test_a_client_that_does_not_read_is_dropped(stack: Stack, owner: psycopg.Connection) -> None:
    person, other = stack.person(), stack.person()
    topic, token = topic_of(owner, person), harness.access_token(stack.gateway.keys, person)
    bulk = {"text": "x" * 200_000}

    async def test() -> None:
        url = f"ws://127.0.0.1:{stack.gateway.port}/realtime/v1/websocket?apikey={stack.key}"
        async with (
            websockets.connect(url, max_queue=1, max_size=None) as socket,
            wire(stack) as bystander,
        ):
            assert (await Wire(socket, "1.0.0").join(topic, token))["status"] == "ok"
            theirs = topic_of(owner, other)
            their_token = harness.access_token(stack.gateway.keys, other)
            assert (await bystander.join(theirs, their_token))["status"] == "ok"
            for _ in range(400):
                await _send(owner, topic, bulk)
            await _send(owner, theirs, {"still": "here"})
            heard = await bystander.receive()
            assert heard["payload"]["payload"]["still"] == "here"
            with pytest.raises(websockets.ConnectionClosed):
                for _ in range(400):
                    await asyncio.wait_for(socket.recv(), 10)

    run(test)


async def _send(owner: psycopg.Connection, topic: str, payload: dict[str, Any]) -> None:
    """Send from the database, as the ingest function does."""
    name = topic.removeprefix("realtime:")
    statement = "select realtime.send(%s::jsonb, 'ingest', %s, true)"
    await asyncio.to_thread(owner.execute, statement, (json.dumps(payload), name))
