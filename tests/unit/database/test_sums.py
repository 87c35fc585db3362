"""Sums that move by what changed are the sums of the rows, whatever arrives in whatever order."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest

from tests.conftest import MAJORS, Database
from tests.unit.database.batches import Person, new_person, row, second_device

pytestmark = pytest.mark.parametrize("pg", MAJORS, indirect=True)

TABLES = ("sessions", "usage_slots")
ROUNDS = 25


@pytest.fixture
def db(pg: Database, fresh_database: Database) -> Iterator[psycopg.Connection[Any]]:
    with fresh_database.connect("supabase_admin") as connection:
        yield connection


def some(random: Random, *values: Any) -> Any:
    return random.choice([*values, None])


def at(random: Random) -> str | None:
    """Return a time within three hours, or none."""
    return some(random, f"2026-05-01T1{random.randrange(3)}:{random.randrange(60):02}:00Z")


def masked(random: Random) -> dict[str, int] | None:
    return some(random, {"email": random.randrange(1, 4)}, {"token": 1, "email": 2})


def without_unknown(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def message(random: Random, number: int) -> dict[str, Any]:
    kind = random.choice(["prompt", "answer", "notice"])
    return {"role": "user", "kind": kind, "position": number, "at": at(random)}


def block(random: Random, number: int) -> dict[str, Any]:
    text = random.choice(["one", "two"])
    message_id = str(uuid.UUID(int=number))
    return {"kind": "text", "position": number, "message": message_id, "text": text}


def tool_call(random: Random, number: int) -> dict[str, Any]:
    return {
        "name": "Edit",
        "is_error": some(random, True, False),
        "lines_added": some(random, random.randrange(9)),
        "lines_removed": some(random, random.randrange(9)),
    }


def model_call(random: Random, number: int) -> dict[str, Any]:
    return {
        "model": some(random, "opus", "haiku"),
        "at": at(random),
        "attribution": some(random, 0, 1, 2),
        "input_tokens": some(random, random.randrange(100)),
        "output_tokens": some(random, random.randrange(100)),
        "cache_write_1h_tokens": some(random, random.randrange(100)),
        "usage_quality": some(random, "exact", "lower_bound"),
        "cost_usd": some(random, "0.25", "1.5"),
        "reported_cost_usd": some(random, "0.125"),
    }


MAKERS = {
    "messages": message,
    "blocks": block,
    "tool_calls": tool_call,
    "model_calls": model_call,
}


def batch(random: Random) -> dict[str, list[dict[str, Any]]]:
    """Return rows of few sessions and few ids, so that most come several times and differ."""
    lists: dict[str, list[dict[str, Any]]] = {"sessions": []}
    if random.random() < 0.5:
        session = random.choice("abc")
        facts = {"title": "t", "title_rank": 1, "masked": masked(random)}
        lists["sessions"].append(
            without_unknown(
                {"source": "codex", "session": session, "revision": random.randrange(9), **facts}
            )
        )
    for name, make in MAKERS.items():
        numbers = random.sample(range(12), random.randrange(6))
        lists[name] = [
            without_unknown(
                row(
                    number,
                    random.choice("abc"),
                    source="codex",
                    **{"masked": masked(random)} if name != "model_calls" else {},
                    **make(random, number),
                )
                | {"revision": random.randrange(9)}
            )
            for number in numbers
        ]
    return lists


def sums(db: psycopg.Connection[Any]) -> dict[str, list[str]]:
    return {
        table: sorted(
            json.dumps(found[0], sort_keys=True)
            for found in db.execute(f"select to_jsonb(t) - 'updated_at' from public.{table} t")
        )
        for table in TABLES
    }


def made_again(db: psycopg.Connection[Any]) -> dict[str, list[str]]:
    with db.transaction(force_rollback=True):
        db.execute("select private.refresh_sessions(array(select id from public.sessions))")
        return sums(db)


@pytest.mark.parametrize("seed", range(4))
def test_sums_are_those_of_the_rows_after_every_batch(
    db: psycopg.Connection[Any], seed: int
) -> None:
    random = Random(seed)
    person = new_person(db)
    devices: list[Person] = [person, second_device(person)]

    for _ in range(ROUNDS):
        random.choice(devices).ingest(**batch(random))

        assert sums(db) == made_again(db)


def test_a_refused_row_leaves_the_sums_of_the_others_right(db: psycopg.Connection[Any]) -> None:
    person = new_person(db)
    good = row(1, position=1, role="user", kind="prompt", at="2026-05-01T10:00:00Z")
    bad = row(2, position=2, role="nobody", kind="prompt")

    answer = person.ingest(messages=[bad, good])

    assert answer["accepted"] == 1
    assert [(r["list"], r["index"]) for r in answer["refused"]] == [("messages", 0)]
    assert db.execute("select message_count, prompt_count from public.sessions").fetchall() == [
        (1, 1)
    ]
    assert sums(db) == made_again(db)
