"""What `api.ingest` takes: real batches through the gateway over one connection, and once more.

The batches are those that the shipper makes of a collected history (`BENCH_MB`, 100): it sends them
to a server that only keeps them. A replay must leave every row where and as it is.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import msgspec

from claude_code_tracer.clock import SystemClock
from claude_code_tracer.guard import Guard
from claude_code_tracer.ship.batch import LISTS
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.ship.client import IngestClient
from claude_code_tracer.ship.credentials import read_credentials
from claude_code_tracer.shipper import Shipper
from tests.bench.collecting import collecting, config_of
from tests.bench.corpora import MB, make_corpus, size_from_env
from tests.bench.delivery import BenchWorld
from tests.bench.figures import Figure
from tests.e2e.snapshot import physical_rows
from tests.transcripts import SHARED

__all__ = ["measure"]

_SIZE_MB = 100
_INGEST_S = 15_000.0
_REPLAY_S = 24_000.0


def measure() -> list[Figure]:
    """Send everything, then everything again."""
    if not SHARED.is_dir():
        print("  needs the shared generator of transcripts: left out")
        return []
    bodies = _batches(size_from_env(_SIZE_MB))
    rows = sum(map(_rows, bodies))
    size = sum(map(len, bodies)) / MB
    world = BenchWorld()
    try:
        world.run("start", "--daemon")
        first_s = _send_all(world, bodies)
        with world.connect() as connection:
            before = physical_rows(connection)
            again_s = _send_all(world, bodies)
            rewritten = sum(
                len(now - before[table]) for table, now in physical_rows(connection).items()
            )
    finally:
        world.close()
    return [
        Figure(f"ingest of {rows} rows in {len(bodies)} batches, {size:.0f} MB", first_s, "s"),
        Figure("  new", rows / first_s, "rows/s"),
        Figure(f"  {_INGEST_S:g} of it", _INGEST_S * first_s / rows, "s", 1.0),
        Figure("  replayed", rows / again_s, "rows/s"),
        Figure(f"  {_REPLAY_S:g} of it", _REPLAY_S * again_s / rows, "s", 1.0),
        Figure("  rows that the replay rewrote", rewritten, "rows", 0.0),
    ]


class _Keeper:
    """A server that takes everything and keeps what was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def send(self, body: bytes) -> Answer:
        """Keep a batch."""
        self.bodies.append(body)
        return Answer(200, accepted=_rows(body))

    def refresh(self) -> bool:
        """There are no credentials."""
        return False


def _batches(mb: float) -> list[bytes]:
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        config = config_of(Path(folder))
        make_corpus(mb, Path(folder, "made")).move_into(config.user_home)
        with collecting(config) as (collector, outbox):
            collector.run_once()
            keeper = _Keeper()
            shipper = Shipper(config, outbox, keeper, SystemClock(), Guard.load().version)
            while shipper.run_once().more:
                pass
    return keeper.bodies


def _rows(body: bytes) -> int:
    batch = msgspec.json.decode(body)["batch"]
    return sum(len(batch[name]) for name in LISTS.values())


def _send_all(world: BenchWorld, bodies: list[bytes]) -> float:
    home = world.config.home
    with IngestClient(lambda: read_credentials(home), SystemClock()) as client:
        begin_s = time.perf_counter()
        for body in bodies:
            answer = client.send(body)
            assert answer.status == 200 and not answer.refused, answer
        return time.perf_counter() - begin_s
