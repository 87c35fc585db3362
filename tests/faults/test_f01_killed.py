"""F01 to F04: killed with SIGKILL at any point, every record arrives, and none is made up.

FAULT_SEEDS says how many different histories die at each point; `make faults` takes 50.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from claude_code_tracer.killpoints import KILL_POINTS
from tests.conftest import Database
from tests.faults.pipeline import SECRET, line, make_config
from tests.unit.database.batches import new_person

ROOT = Path(__file__).parents[2]
SEEDS = int(os.environ.get("FAULT_SEEDS", "5"))
BEFORE_COMMIT = ("after_read", "after_parse", "after_guard", "in_put")
BEFORE_SEND = ("after_put", "before_send")
AFTER_SEND = ("after_send", "in_ack")


class Victims:
    """Run tracers over a folder of this test, one after the other, each to its death or end."""

    def __init__(self, host: subprocess.Popen[str], folder: Path) -> None:
        make_config(folder)
        self._host = host
        self._folder = folder
        self.server_file = folder / "server.jsonl"
        self.outbox = folder / "home" / "outbox" / "records.db"
        self.texts: list[str] = []

    def write(self, count: int, file: int = 0) -> None:
        """Append records, each with a secret in it."""
        numbers = range(len(self.texts), len(self.texts) + count)
        texts = [f"{SECRET} {number}" for number in numbers]
        with (self._folder / "lines" / f"{file}.jsonl").open("ab") as transcript:
            transcript.writelines(line(n, text=t) for n, t in zip(numbers, texts, strict=True))
        self.texts += texts

    def run(self, kill_at: str = "") -> int:
        """Run one tracer and return how it ended."""
        env = {
            "HOME": str(self._folder),
            "CLAUDE_TRACER_HOME": str(self._folder / "home"),
            "TRACER_KILL_AT": kill_at,
        }
        assert self._host.stdin and self._host.stdout
        print(json.dumps([env, str(self.server_file)]), file=self._host.stdin, flush=True)
        return int(self._host.stdout.readline())

    def bodies(self) -> list[bytes]:
        """Return every batch the server got."""
        return self.server_file.read_bytes().splitlines() if self.server_file.exists() else []

    def arrived(self) -> list[str]:
        """Return the texts the server got, as often as it got them."""
        batches = [json.loads(body)["batch"] for body in self.bodies()]
        return [row["native_id"] for batch in batches for row in batch.get("messages", [])]

    def assert_all_is_well(self) -> None:
        """Check the outbox, that everything arrived, and that no secret is at rest."""
        assert _integrity(self.outbox) == "ok"
        assert set(self.arrived()) == {text.replace(SECRET, "[MASKED]") for text in self.texts}
        for path in (self._folder / "home").rglob("*"):
            assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def _integrity(path: Path) -> str:
    db = sqlite3.connect(path)
    try:
        return str(db.execute("pragma integrity_check").fetchone()[0])
    finally:
        db.close()


@pytest.fixture(scope="module")
def host() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.faults.victim"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        yield process


@pytest.fixture
def victims(host: subprocess.Popen[str], tmp_path: Path) -> Victims:
    return Victims(host, tmp_path)


def _die_twice(victims: Victims, point: str, seed: int) -> None:
    """Write, die, write more, die once more if that point is reached, and end in peace."""
    rng = Random(f"{point} {seed}")
    files = rng.randint(1, 4)
    for file in range(files):
        victims.write(rng.randint(300, 900), file)
    # Every file and every chunk of 500 lines passes the points once, every batch of 100 as well.
    assert victims.run(f"{point}:{rng.randint(1, files)}") == -signal.SIGKILL
    assert _integrity(victims.outbox) == "ok"
    for file in range(rng.randint(1, files)):
        victims.write(rng.randint(1, 700), file)
    assert victims.run(f"{point}:{rng.randint(1, 6)}") in (-signal.SIGKILL, 0)
    assert victims.run() == 0
    victims.assert_all_is_well()


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("point", BEFORE_COMMIT)
def test_f01_killed_before_the_outbox_commits(victims: Victims, point: str, seed: int) -> None:
    _die_twice(victims, point, seed)
    assert len(victims.arrived()) == len(victims.texts)  # nothing is sent twice


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("point", BEFORE_SEND)
def test_f02_killed_before_anything_is_sent(victims: Victims, point: str, seed: int) -> None:
    _die_twice(victims, point, seed)
    assert len(victims.arrived()) == len(victims.texts)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("point", AFTER_SEND)
def test_f03_f04_killed_before_it_is_acknowledged(victims: Victims, point: str, seed: int) -> None:
    _die_twice(victims, point, seed)
    twice = len(victims.arrived()) - len(victims.texts)
    assert 0 < twice <= 2 * 100  # the batch that was under way, at each death


def test_f01_nothing_of_an_uncommitted_put_is_there(victims: Victims) -> None:
    victims.write(10)
    for point in BEFORE_COMMIT:
        assert victims.run(f"{point}:1") == -signal.SIGKILL
        db = sqlite3.connect(victims.outbox)
        tables = ("file", "record", "parked")
        counts = [db.execute(f"select count(*) from {table}").fetchone()[0] for table in tables]
        db.close()
        assert counts == [0, 0, 0], point
    assert victims.bodies() == []


def test_f04_killed_again_and_again_while_acknowledging(victims: Victims) -> None:
    victims.write(900)
    deaths = 0
    while victims.run("in_ack:2") == -signal.SIGKILL:
        deaths += 1
        assert _integrity(victims.outbox) == "ok"
    assert deaths > 7  # one batch of 100 is acknowledged between two of them
    victims.assert_all_is_well()


def test_f03_the_server_rewrites_nothing_of_a_batch_sent_again(
    victims: Victims, fresh_database: Database
) -> None:
    victims.write(80)
    assert victims.run("after_send:1") == -signal.SIGKILL
    assert victims.run() == 0
    first, again = victims.bodies()
    assert again == first
    with fresh_database.connect() as connection:
        ada = new_person(connection)
        assert ada.ingest(**_lists(first))["changed_sessions"] == 1
        before = _rows(connection)
        assert ada.ingest(**_lists(again)) == {
            "accepted": 81,
            "changed_sessions": 0,
            "refused": [],
        }
        assert _rows(connection) == before
    assert len(before) == 81


def _lists(body: bytes) -> dict[str, Any]:
    batch = json.loads(body)["batch"]
    return {name: rows for name, rows in batch.items() if isinstance(rows, list)}


def _rows(connection: psycopg.Connection[Any]) -> list[Any]:
    """Return rows with the transaction that wrote them last, and when they say it was."""
    sessions = connection.execute("select xmin, * from public.sessions").fetchall()
    return [*sessions, *connection.execute("select xmin, * from public.messages order by id")]


def test_every_kill_point_is_tried() -> None:
    assert {*BEFORE_COMMIT, *BEFORE_SEND, *AFTER_SEND} == set(KILL_POINTS)
