"""Two devices of one person that hold the same transcripts give every row once, from every tool."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from claude_code_tracer.model import Entity, Session
from claude_code_tracer.ship.batch import encode_batch
from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import Source
from tests.conftest import MAJORS, Database
from tests.golden.homes import build_home, files_of, in_one_go, merged
from tests.unit.database.batches import Person, encoded, new_person, second_device

pytestmark = pytest.mark.parametrize("pg", MAJORS, indirect=True)

TABLES = ("sessions", "messages", "blocks", "tool_calls", "model_calls", "usage_slots")
ROWS_AT_ONCE = 400


@pytest.fixture
def db(pg: Database, fresh_database: Database) -> Iterator[psycopg.Connection[Any]]:
    with fresh_database.connect() as connection:
        yield connection


def history(source: Source, folder: Path) -> list[list[Entity]]:
    """Return what every file of a source's golden history gives."""
    home = build_home(source.name, folder / source.name)
    return [merged(in_one_go(source, file)[0]) for file in files_of(source, home)]


def send(person: Person, files: Iterable[list[Entity]]) -> None:
    for entities in files:
        rows = sorted(entities, key=lambda entity: not isinstance(entity, Session))
        for at in range(0, len(rows), ROWS_AT_ONCE):
            batch = json.loads(encode_batch(encoded(rows[at : at + ROWS_AT_ONCE]), 1, "test"))[
                "batch"
            ]
            lists = {name: rows for name, rows in batch.items() if isinstance(rows, list)}
            assert person.ingest(**lists)["refused"] == []


def stored(db: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    return {
        table: sorted(
            json.dumps(row[0], sort_keys=True)
            for row in db.execute(
                f"select to_jsonb(t) - array['updated_at', 'device_id', 'created_at', 'path',"
                f" 'parent_id', 'relation'] from public.{table} t"
            )
        )
        for table in TABLES
    }


def test_f25_the_same_history_from_a_second_device_changes_nothing(
    db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    ada = new_person(db)
    for source in SOURCES:
        files = history(source, tmp_path)
        send(ada, files)
        before = stored(db)
        send(second_device(ada), reversed(files))
        assert stored(db) == before, source.name


def test_any_order_of_files_gives_the_same_sums(
    db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    """Forks and subagents may arrive before what they are a copy of."""
    sums = (
        "select source, model, count(*) as calls, sum(output_tokens)::int as output,"
        " sum(input_tokens)::int as input from api.model_calls group by 1, 2 order by 1, 2"
    )
    ada, bob = new_person(db), new_person(db)
    for source in SOURCES:
        files = history(source, tmp_path)
        send(ada, files)
        send(bob, reversed(files))
    assert ada.read(sums) == bob.read(sums)
    by_session = (
        "select native_id, model_call_count, message_count, cost_usd from api.sessions"
        " order by source, 1"
    )
    assert ada.read(by_session) == bob.read(by_session)
