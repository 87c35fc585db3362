"""Who listens to which topic, and the way a message takes from the database to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.phoenix import encode_broadcast

__all__ = ["Hub", "Message", "Subscriber"]

_ROLE = "supabase_realtime_admin"
_MESSAGES = """
select id::text, topic, event, payload::text
from realtime.messages
where id = any(%s::uuid[]) and private and event is not null and payload is not null
"""
_TOPIC_PREFIX = "realtime:"


class Subscriber(Protocol):
    """A connection that can be sent to."""

    @property
    def version(self) -> int: ...

    def push(self, message: str | bytes) -> None:
        """Queue a message; never waits."""


@dataclass(frozen=True, slots=True)
class Message:
    """A broadcast."""

    id: str
    topic: str
    event: str
    payload: bytes


class Hub:
    """Private topics and their subscribers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._topics: dict[str, set[Subscriber]] = {}

    def join(self, topic: str, subscriber: Subscriber) -> None:
        """Let `subscriber` hear `topic`; it was allowed to before."""
        self._topics.setdefault(topic, set()).add(subscriber)

    def leave(self, topic: str, subscriber: Subscriber) -> None:
        """Stop that; fine if it never listened."""
        subscribers = self._topics.get(topic, set())
        subscribers.discard(subscriber)
        if not subscribers:
            self._topics.pop(topic, None)

    async def deliver(self, ids: list[str]) -> None:
        """Send stored messages to whoever listens; psycopg.Error when PostgreSQL is away."""
        if not self._topics:
            return
        async with self._database.transaction(_ROLE) as cursor:
            rows = await (await cursor.execute(_MESSAGES, (ids,))).fetchall()
        by_id = {row["id"]: row for row in rows}
        for row in (by_id[id] for id in ids if id in by_id):
            self.send(Message(row["id"], row["topic"], row["event"], row["payload"].encode()))

    def send(self, message: Message, *, but: Subscriber | None = None) -> None:
        """Send one message to its topic, to all `but` one."""
        encoded: dict[int, str | bytes] = {}
        for subscriber in list(self._topics.get(message.topic, ())):
            if subscriber is but:
                continue
            version = subscriber.version
            if version not in encoded:
                topic = _TOPIC_PREFIX + message.topic
                encoded[version] = encode_broadcast(
                    topic, message.event, message.payload, message.id, version
                )
            subscriber.push(encoded[version])
