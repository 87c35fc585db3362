"""A merged batch leaves the server as its rows sent one by one would."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from claude_code_tracer.merge import merge
from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall
from claude_code_tracer.ship.batch import encode_batch
from tests.conftest import Database
from tests.unit.database.batches import Person, encoded, new_person

START = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [f"00000000-0000-0000-0000-00000000000{n}" for n in range(3)]
UNCOMPARED = {
    "session_id",
    "owner_id",
    "id",
    "device_id",
    "created_at",
    "updated_at",
    "native_id",
    "workspace_id",
    "project_id",
}


def _maybe(rng: random.Random, *values: Any) -> Any:
    return rng.choice([None, *values])


def _version(rng: random.Random, kind: type[Entity], revision: int) -> Entity:
    base: dict[str, Any] = {"source": "s", "session": "a", "revision": revision}
    base["masked"] = {"rule": 1}
    at = _maybe(rng, *(START + timedelta(hours=n) for n in range(3)))
    if kind is Session:
        rank = rng.choice([1, 2, 5])
        title = _maybe(rng, f"t{base['revision']}-{rank}")  # one version has one title
        return Session(
            **base,
            title=title,
            title_rank=rank if title else None,
            cwd=_maybe(rng, "/p", "/q"),
            branch=_maybe(rng, "x", "y"),
            entrypoint=_maybe(rng, "cli"),
            tool_version=_maybe(rng, "1", "2"),
        )
    base["id"] = rng.choice(IDS)
    if kind is Message:
        return Message(
            **base,
            position=rng.randrange(9),
            role="user",
            at=at,
            kind=rng.choice(["prompt", "notice"]),
            model=_maybe(rng, "m", "n"),
            flags=_maybe(rng, ["a"], ["b"]),
        )
    if kind is Block:
        return Block(
            **base,
            message=IDS[0],
            position=rng.randrange(3),
            kind="text",
            text=f"text {revision}",
            data=_maybe(rng, {"a": 1}),
        )
    if kind is ToolCall:
        return ToolCall(
            **base,
            name=_maybe(rng, "n", "m"),
            input=_maybe(rng, {"i": 1}),
            result=_maybe(rng, "r"),
            is_error=_maybe(rng, True, False),
            started_at=at,
            lines_added=_maybe(rng, 1, 2),
        )
    output = rng.randrange(3)
    return ModelCall(
        **base,
        at=at,
        output_tokens=output,
        model=_maybe(rng, "m", "n"),
        input_tokens=_maybe(rng, 3, 9),
        message=_maybe(rng, *IDS[:2]),
        web_searches=_maybe(rng, 1),
        attribution=rng.randrange(2),
        usage_quality=rng.choice(["exact", "lower_bound"]),
        cost_usd=_maybe(rng, Decimal(output)),
        speed=_maybe(rng, "fast"),
    )


def _state(person: Person) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for table in ("sessions", "messages", "blocks", "tool_calls", "model_calls"):
        rows = person.connection.execute(
            f"select to_jsonb(t) from public.{table} t where owner_id = %s", (person.user_id,)
        )
        # Of these the server notes the revision of what it last took something from.
        uncompared = UNCOMPARED | ({"revision"} if table == "model_calls" else set())
        for (row,) in rows:
            key = table if table == "sessions" else f"{table} {row['id']}"
            state[key] = {name: row[name] for name in row.keys() - uncompared}
    return state


def _send(person: Person, entities: list[Entity]) -> None:
    batch = json.loads(encode_batch(encoded(entities), 1, "test"))["batch"]
    lists = {name: rows for name, rows in batch.items() if isinstance(rows, list)}
    answer = person.ingest(**lists)
    assert (answer["accepted"], answer["refused"]) == (len(entities), [])


@pytest.mark.parametrize("kind", [Session, Message, Block, ToolCall, ModelCall])
def test_merged_or_one_by_one(fresh_database: Database, kind: type[Entity]) -> None:
    with fresh_database.connect() as connection:
        for seed in range(6):
            rng = random.Random(f"{kind.__name__}{seed}")
            # One revision is one record of one file: it always says the same.
            known = [_version(rng, kind, revision) for revision in range(6)]
            versions = rng.choices(known, k=9)
            if kind is Session:  # its rows come from one file, in its order
                versions.sort(key=lambda version: version.revision)
            singly, merged = new_person(connection), new_person(connection)
            for version in versions:
                _send(singly, [version])
            _send(merged, [row.entity for row in merge(list(enumerate(versions)))])
            assert _state(merged) == _state(singly), (seed, versions)
