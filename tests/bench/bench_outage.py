"""A day without the server, a history written meanwhile, and how it is delivered afterwards.

A process of its own collects `BENCH_MB` MB (1000) into its outbox while nothing listens at the
server's address, and then tries on for 24 hours by a clock that its own pauses move: the day is as
long for the shipper as a real one and over in a moment. Then a gateway begins to listen there. What
arrived is looked at again and again meanwhile: each session must grow in its own order.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

import msgspec
import psycopg

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import RetryLater
from claude_code_tracer.local.keys import ensure_keys
from claude_code_tracer.local.migrate import migrate
from claude_code_tracer.paths import Home, write_private_file
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from tests.bench.collecting import config_of
from tests.bench.corpora import MB, Corpus, make_corpus, size_from_env
from tests.bench.delivery import deliver
from tests.bench.figures import Figure
from tests.bench.processes import peak_mb
from tests.bench.rivals import empty_server
from tests.contract import harness
from tests.transcripts import SHARED

__all__ = ["measure"]

_DAY_S = 24 * 3600.0
_MEMORY_MB = 150.0
_AS_FAST = 1.0
_LOOK_EVERY_S = 1.0
_MESSAGES = "select session_id::text, id::text from public.messages"
_IN_ORDER = "select session_id::text, id::text from public.messages order by session_id, position"


@dataclass(frozen=True, slots=True)
class _Outage:
    """What the process without a server says at its end."""

    collect_s: float
    waiting_mb: float
    tries: int
    deliver_s: float
    peak_mb: float


def measure() -> list[Figure]:
    """Deliver a history twice: by a backfill, and after an outage."""
    if not SHARED.is_dir():
        print("  needs the shared generator of transcripts: left out")
        return []
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        made = make_corpus(size_from_env(), root / "made")
        backfill_s = deliver(made).wall_s
        outage, looks = _outage(made, root / "tracer")
    return [
        Figure(f"collect {made.mb:.0f} MB without a server", outage.collect_s, "s"),
        Figure("  waiting in the outbox", outage.waiting_mb, "MB"),
        Figure("  tries in 24 hours", outage.tries, ""),
        Figure("deliver it when the server is back", outage.deliver_s, "s"),
        Figure("  speed", made.mb / outage.deliver_s, "MB/s"),
        Figure("  ratio to a backfill", outage.deliver_s / backfill_s, "x", _AS_FAST),
        Figure("  peak memory of the tracer", outage.peak_mb, "MB", _MEMORY_MB),
        Figure("  looks at a half delivered history, all in order", looks, ""),
    ]


def _outage(made: Corpus, root: Path) -> tuple[_Outage, int]:
    """Collect with nobody listening, then let a gateway listen."""
    root.mkdir()
    made.move_into(config_of(root).user_home)
    with empty_server() as postgres:
        migrate(postgres.conninfo)
        with harness.connect(postgres.conninfo) as connection:
            person = harness.create_person(connection)
        port = harness.free_port()
        _sign_in(root, port, person.device_token)
        with _tracer(root) as tracer:
            assert tracer.recv() == "cut off for a day"
            with harness.gateway(postgres.conninfo, root / "gateway", port=port):
                with _Looks(postgres.conninfo("supabase_admin")) as looks:
                    tracer.send("the server is back")
                    outage = tracer.recv()
                looks.check()
    return outage, looks.count


def _sign_in(root: Path, port: int, device_token: str) -> None:
    server = Home(root / "gateway")
    server.create()
    credentials = {
        "url": f"http://127.0.0.1:{port}",
        "publishable_key": ensure_keys(server).publishable,
        "device_token": device_token,
    }
    write_private_file(config_of(root).home.credentials, msgspec.json.encode(credentials))


@contextmanager
def _tracer(root: Path) -> Iterator[Connection]:
    """Run `_be_cut_off` in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_be_cut_off, args=(root, there))
    process.start()
    there.close()
    try:
        yield here
    finally:
        process.join(5)
        process.kill()
        process.join()


def _be_cut_off(root: Path, parent: Connection) -> None:
    """Collect, try for a day, and deliver once the parent says that the server is back."""
    logging.disable()  # that nobody answers is no news
    clock = FakeClock(datetime.now(UTC))
    with open_pipeline(config_of(root), clock) as pipeline:
        begin_s = time.perf_counter()
        pipeline.collector.run_once()
        collect_s = time.perf_counter() - begin_s
        waiting_mb = pipeline.outbox.stats().pending_bytes / MB
        tries = _try_for_a_day(pipeline, clock)
        parent.send("cut off for a day")
        parent.recv()
        begin_s = time.perf_counter()
        _deliver(pipeline, clock)
        deliver_s = time.perf_counter() - begin_s
    parent.send(_Outage(collect_s, waiting_mb, tries, deliver_s, peak_mb(os.getpid())))


def _try_for_a_day(pipeline: Pipeline, clock: FakeClock) -> int:
    tries = 0
    while clock.monotonic_s() < _DAY_S:
        try:
            pipeline.shipper.run_once()
        except RetryLater as exc:
            tries += 1
            clock.advance_s(exc.after_s or 1.0)
        else:
            raise AssertionError("somebody listens where nobody should")
    return tries


def _deliver(pipeline: Pipeline, clock: FakeClock) -> None:
    more = True
    while more:
        try:
            more = pipeline.shipper.run_once().more
        except RetryLater as exc:  # the pause that was under way
            clock.advance_s(exc.after_s or 1.0)


class _Looks:
    """Look at what arrived, over and over, and compare it with the end."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._seen: list[dict[str, set[str]]] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, name="looks", daemon=True)

    @property
    def count(self) -> int:
        """How often it looked while something was there and something still to come."""
        return len(self._seen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Every session that was seen must have been the beginning of what it is now."""
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            whole: dict[str, list[str]] = defaultdict(list)
            for session, message in connection.execute(_IN_ORDER):
                whole[session].append(message)
        for look in self._seen:
            for session, messages in look.items():
                begin = set(whole[session][: len(messages)])
                assert messages == begin, f"session {session} did not arrive in order"

    def _look(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            while not self._done.wait(_LOOK_EVERY_S):
                look: dict[str, set[str]] = defaultdict(set)
                for session, message in connection.execute(_MESSAGES):
                    look[session].add(message)
                self._seen.append(look)
