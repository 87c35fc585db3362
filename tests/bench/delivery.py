"""Our own delivery, measured: from transcripts that appear in a home until all is sent.

The clock starts when they are in place and the tracer is told to look (`sync` does that; otherwise
it looks every 10 s) and stops with the last acknowledgement: the outbox is empty and stays so.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from typing import Any, Self

from claude_code_tracer.lock import running_pid
from tests.bench.corpora import Corpus
from tests.bench.processes import Meter, peak_mb
from tests.bench.rivals import Run, pg_env
from tests.e2e.world import World

__all__ = ["BenchWorld", "Outflow", "deliver"]

_POLL_S = 0.02
_QUIET_S = 2.0
_OUTPUT = "select coalesce(sum(output_tokens), 0)::bigint from public.model_calls"
_STATE = """
select (select sum(cursor) from file), (select seq from sqlite_sequence where name = 'record'),
  exists (select 1 from record)
"""


class BenchWorld(World):
    """A world on the PostgreSQL that is measured."""

    @property
    def env(self) -> dict[str, str]:
        """The environment of the commands."""
        return super().env | pg_env()


class Outflow:
    """Watch a running tracer's outbox from outside: when did anything happen there last?"""

    def __init__(self, world: World) -> None:
        self._path = world.config.home.outbox
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="outflow", daemon=True)
        self.last_s = time.perf_counter()
        """When rows were put or taken last."""
        self.is_empty = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()

    def wait_until_quiet(self) -> None:
        """Return when the outbox has been empty and untouched for a while."""
        while not (self.is_empty and time.perf_counter() - self.last_s > _QUIET_S):
            time.sleep(_POLL_S)

    def _watch(self) -> None:
        db = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)
        try:
            before: Any = None
            while not self._done.wait(_POLL_S):
                now = db.execute(_STATE).fetchone()
                self.is_empty = not now[2]
                if now != before or not self.is_empty:
                    before, self.last_s = now, time.perf_counter()
        finally:
            db.close()


def deliver(corpus: Corpus) -> Run:
    """Start a tracer on an empty home, let `corpus` appear there and measure its delivery."""
    world = BenchWorld()
    try:
        world.run("start", "--daemon")
        pid = running_pid(world.config.home.daemon_lock)
        assert pid
        with Outflow(world) as outflow:
            outflow.wait_until_quiet()
            with Meter({"tracer": pid}) as meter:
                corpus.move_into(world.home)
                begin_s = time.perf_counter()
                os.kill(pid, signal.SIGUSR1)
                outflow.last_s = begin_s
                outflow.wait_until_quiet()
            world.run("sync")  # knows for certain whether something is left
            assert outflow.is_empty
            wall_s = outflow.last_s - begin_s
        rows = _check(world, corpus)
        peak = max(peak_mb(pid), meter.peak_mb.get("tracer", 0.0))
        return Run(wall_s, rows, meter.cpu_s, peak)
    finally:
        corpus.move_out_of(world.home)
        world.close()


def _check(world: World, corpus: Corpus) -> int:
    """Return how many messages arrived; what is known about the transcripts must hold."""
    with world.connect() as connection:
        rows = connection.execute("select count(*) from public.messages").fetchone()
        output = connection.execute(_OUTPUT).fetchone()
    assert rows and output and rows[0]
    if corpus.truth:
        true = sum(model["output"] for model in corpus.truth["tokens"]["dedup_max"].values())
        assert output[0] == true, f"{output[0]} output tokens arrived, {true} were written"
    return int(rows[0])
