"""F07, F08: a SIGTERM ends the tracer soon, with 0, whatever it does; nothing is half done."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from claude_code_tracer.clock import SystemClock
from claude_code_tracer.health import Health, read_health
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.shipper import Shipper
from claude_code_tracer.worker import Worker
from tests.e2e.world import World
from tests.faults.pipeline import MemoryServer, line, running
from tests.transcripts import Conversation

SESSIONS = 400
PROMISED_S = 10
"""How long a stop may take, whatever hangs."""


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def write(world: World, first: int, count: int) -> None:
    for number in range(first, first + count):
        talk = Conversation(world.home, f"{number:08x}-7777-4777-8777-777777777777")
        talk.prompt(f"Question {number}")
        talk.answer("Answer")


def wait_for(world: World, is_so: Callable[[Health], bool]) -> Health:
    deadline_s = time.monotonic() + 60
    while (health := read_health(world.config.home)) is None or not is_so(health):
        assert time.monotonic() < deadline_s, health
        time.sleep(0.01)
    return health


def integrity(outbox: Path) -> str:
    db = sqlite3.connect(outbox)
    try:
        return str(db.execute("pragma integrity_check").fetchone()[0])
    finally:
        db.close()


@pytest.mark.slow
def test_f07_sigterm_mid_batch_ends_with_0_and_nothing_is_lost(world: World) -> None:
    write(world, 0, SESSIONS)
    with world.spawn("start", "--quiet") as tracer:
        wait_for(world, lambda health: health.pid == tracer.pid and health.state == "running")
        tracer.send_signal(signal.SIGTERM)
        assert tracer.wait(PROMISED_S) == 0
    assert integrity(world.config.home.outbox) == "ok"
    world.run("sync")
    assert len(world.json("sessions", "list", "--limit", str(SESSIONS + 1))) == SESSIONS
    assert world.json("sync")["shipped"] == 0


@pytest.mark.slow
def test_f08_sigterm_while_the_server_hangs_keeps_every_row(world: World) -> None:
    write(world, 0, 1)
    with world.spawn("start", "--quiet") as tracer:
        wait_for(world, lambda health: health.pid == tracer.pid and health.shipped_records > 0)
        os.kill(_gateway_of(tracer.pid), signal.SIGSTOP)
        write(world, 1, 2)
        assert wait_for(world, lambda health: health.pending_records > 0).queue.oldest_at
        tracer.send_signal(signal.SIGTERM)
        assert tracer.wait(PROMISED_S) == 0
    assert world.json("sync")["shipped"] > 0
    assert len(world.json("sessions", "list")) == 3


def test_f08_a_stage_that_hangs_in_the_server_is_left_behind(tmp_path: Path) -> None:
    has_begun, may_go_on = threading.Event(), threading.Event()

    class Silent(MemoryServer):
        def send(self, body: bytes) -> Answer:
            has_begun.set()
            assert may_go_on.wait(60)
            return super().send(body)

    with running(tmp_path, server=Silent()) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(line("1"))
        pipeline.collect()
        worker = _worker(pipeline.shipper)
        worker.start()
        assert has_begun.wait(10)
        assert not worker.stop(0.05)
        assert pipeline.outbox.queue().rows == 2
        may_go_on.set()
        assert worker.stop(10)
        assert pipeline.outbox.queue().rows == 0


def _worker(shipper: Shipper) -> Worker:
    def step() -> float:
        shipper.run_once()
        return 60.0

    return Worker("shipper", step, SystemClock(), lambda: None)


def _gateway_of(pid: int) -> int:
    (gateway,) = [
        child.pid
        for child in psutil.Process(pid).children()
        if "claude_code_tracer.local.gateway" in child.cmdline()
    ]
    return gateway
