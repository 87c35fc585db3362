"""A server in memory that keeps rows as `api.ingest` does, and is often in a bad mood."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from claude_code_tracer.errors import ServerUnavailable
from claude_code_tracer.merge import merge
from claude_code_tracer.model import Entity, ModelCall, Session
from claude_code_tracer.ship.classify import Answer
from tests.faults.pipeline import UNGUARDABLE

__all__ = ["MOODS", "POISON", "MoodyServer", "key_of"]

POISON = "no server can store this"
_TAGS = {
    "sessions": "session",
    "messages": "message",
    "blocks": "block",
    "tool_calls": "tool_call",
    "model_calls": "model_call",
}
_SMALL = 3


class MoodyServer:
    """Keeps what it is sent; `mood` says what it does to a request (a name in MOODS)."""

    def __init__(self, seed: int) -> None:
        self.mood = "up"
        self.rows: dict[tuple[str, ...], Entity] = {}
        self.order: list[Entity] = []
        """Every row of every committed request, in the order of the lists."""
        self.requests = 0
        self._rng = Random(seed)

    def send(self, body: bytes) -> Answer:
        """Answer as the mood is; a body that no mood excuses is an error of ours."""
        self.requests += 1
        batch = json.loads(body)["batch"]
        lists = {name: rows for name, rows in batch.items() if isinstance(rows, list)}
        size = sum(map(len, lists.values()))
        assert size > 0 and UNGUARDABLE not in body.decode()
        if answer := MOODS[self.mood](self, lists, size):
            return answer
        if POISON in body.decode():
            return Answer(500, code="22P05")
        self.commit(lists)
        return Answer(200, accepted=size)

    def refresh(self) -> bool:
        """The credentials never change."""
        return False

    def commit(self, lists: dict[str, list[dict[str, Any]]]) -> None:
        """Keep the rows of one request, all of them."""
        if POISON in json.dumps(lists):
            return
        keys = set()
        for name, rows in lists.items():
            for row in rows:
                entity: Entity = msgspec.convert(row | {"type": _TAGS[name]}, Entity, strict=False)
                key = key_of(entity)
                assert key not in keys, "an id twice in one batch is SQLSTATE 21000"
                keys.add(key)
                self.keep(key, entity)

    def keep(self, key: tuple[str, ...], entity: Entity) -> None:
        """Keep one row, merged with what is known of it."""
        self.order.append(entity)
        if before := self.rows.get(key):
            (merged,) = merge([(1, before), (2, entity)])
            entity = merged.entity
        self.rows[key] = entity

    def is_unlucky(self) -> bool:
        """Toss a coin."""
        return self._rng.random() < 0.5


def key_of(entity: Entity) -> tuple[str, ...]:
    """Return what no two rows of a server share."""
    kind = type(entity).__name__
    if isinstance(entity, Session):
        return kind, entity.session
    return (kind, entity.id) if isinstance(entity, ModelCall) else (kind, entity.session, entity.id)


_Lists = dict[str, list[dict[str, Any]]]
_Mood = Callable[[MoodyServer, _Lists, int], Answer | None]


def _down(server: MoodyServer, lists: _Lists, size: int) -> Answer | None:
    raise ServerUnavailable("no answer (ConnectError)")


def _commits_then_drops(server: MoodyServer, lists: _Lists, size: int) -> Answer | None:
    server.commit(lists)
    raise ServerUnavailable("no answer (ReadTimeout)")


def _leaves_one_out(server: MoodyServer, lists: _Lists, size: int) -> Answer | None:
    name = max(lists, key=lambda name: len(lists[name]))
    server.commit({**lists, name: lists[name][:-1]})
    return Answer(200, accepted=size - 1)


def _flaky(server: MoodyServer, lists: _Lists, size: int) -> Answer | None:
    if not server.is_unlucky():
        return None
    return (_commits_then_drops if server.is_unlucky() else _down)(server, lists, size)


def _answers(answer: Answer, above: int = 0) -> _Mood:
    return lambda server, lists, size: answer if size > above else None


MOODS: dict[str, _Mood] = {
    "up": lambda server, lists, size: None,
    "down": _down,
    "commits then drops": _commits_then_drops,
    "leaves one out": _leaves_one_out,
    "half of the requests fail": _flaky,
    "500": _answers(Answer(500)),
    "429": _answers(Answer(429, retry_after_s=7.0)),
    "a page of a captive portal": _answers(Answer(200)),
    "signed out": _answers(Answer(401)),
    "older schema": _answers(Answer(404, code="PGRST202")),
    "too large": _answers(Answer(413), above=_SMALL),
    "too slow": _answers(Answer(500, code="57014"), above=_SMALL),
    "deadlock": _answers(Answer(500, code="40P01")),
}
