"""A session at work while a history is delivered: from the line to its row in the database.

`BENCH_MB` sets the size of the history (1000). Only lines that were written while it was under way
count.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from claude_code_tracer.lock import running_pid
from tests.bench.corpora import make_corpus, size_from_env
from tests.bench.delivery import BenchWorld
from tests.bench.figures import Figure, p95
from tests.e2e.world import World
from tests.transcripts import SHARED, Conversation

__all__ = ["measure"]

_LIMIT_S = 1.5
_FEWEST = 5
_PAUSE_S = 0.137
_POLL_S = 0.005
_PATIENCE_S = 60.0
_SESSION = "select id from public.sessions where native_id = %s"
_BLOCK = "select 1 from public.blocks where session_id = %s and text = %s"
_LEFT = """
select ? - (select sum(cursor) from file where session != ?),
  exists (select 1 from record where lane = 1)
"""


def measure() -> list[Figure]:
    """Append to a live transcript until the backfill is done."""
    if not SHARED.is_dir():
        print("  needs the shared generator of transcripts: left out")
        return []
    world = BenchWorld()
    talk = Conversation(world.home, "abababab-6666-4666-8666-666666666666")
    talk.now()
    talk.prompt("I am at work")
    try:
        with tempfile.TemporaryDirectory(prefix="ct-", dir=world.root) as folder:
            made = make_corpus(size_from_env(), Path(folder, "made"))
            world.run("start", "--daemon")
            world.run("sync")
            projects = made.folder / ".claude" / "projects"
            for project in projects.iterdir():
                project.rename(world.home / ".claude" / "projects" / project.name)
            took_s = _while_delivering(world, talk, made.size)
    finally:
        world.close()
    assert len(took_s) >= _FEWEST, f"only {len(took_s)} lines: set BENCH_MB to more than {made.mb}"
    print(f"  {len(took_s)} lines during the backfill", flush=True)
    return [
        Figure("line to row during a backfill, median", statistics.median(took_s), "s"),
        Figure("line to row during a backfill, p95", p95(took_s), "s", _LIMIT_S),
        Figure("line to row during a backfill, worst", max(took_s), "s"),
    ]


def _while_delivering(world: World, talk: Conversation, size: int) -> list[float]:
    took_s: list[float] = []
    pid = running_pid(world.config.home.daemon_lock)
    assert pid
    outbox = sqlite3.connect(f"{world.config.home.outbox.as_uri()}?mode=ro", uri=True)
    with world.connect() as connection, closing(outbox):
        row = connection.execute(_SESSION, (talk.session,)).fetchone()
        assert row
        os.kill(pid, signal.SIGUSR1)
        while True:
            wait_s = _one(connection, row[0], talk, len(took_s))
            if outbox.execute(_LEFT, (size, talk.session)).fetchone() == (0, 0):
                return took_s
            took_s.append(wait_s)
            time.sleep(_PAUSE_S + len(took_s) * 17 % 300 / 1000)


def _one(
    connection: psycopg.Connection[Any], session: object, talk: Conversation, number: int
) -> float:
    """Write a line and return how long its row took."""
    text = f"Line {number} of the live session"
    begin_s = time.perf_counter()
    talk.prompt(text)
    while not connection.execute(_BLOCK, (session, text)).fetchone():
        assert time.perf_counter() < begin_s + _PATIENCE_S, f"{text!r} does not arrive"
        time.sleep(_POLL_S)
    return time.perf_counter() - begin_s
