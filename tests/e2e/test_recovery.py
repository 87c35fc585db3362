"""What the running tracer repairs by itself: a damaged outbox (F06), a database that was lost."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

import psutil
import pytest

from claude_code_tracer.health import read_health
from claude_code_tracer.local.postgres import Postgres
from tests.e2e.snapshot import physical_rows
from tests.e2e.world import World
from tests.transcripts import Conversation

PATIENCE_S = 60.0


def _wait_for(what: Callable[[], bool], step: Callable[[], object] = lambda: None) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline_s
        step()
        time.sleep(0.2)


def _talk(world: World, number: int, prompts: int = 3) -> Conversation:
    talk = Conversation(world.home, f"{number:08x}-1111-4111-8111-111111111111")
    for turn in range(prompts):
        talk.prompt(f"Question {turn} of {number} " + "why " * 100)
    return talk


@pytest.mark.slow
def test_f06_an_outbox_damaged_at_work_is_replaced_by_the_running_tracer(world: World) -> None:
    talk = _talk(world, 1, 3000)
    world.run("start", "--daemon")
    world.run("sync")
    before = read_health(world.config.home)
    assert before is not None
    _damage(world)
    _wait_for(lambda: _set_aside(world) == 1, lambda: talk.prompt("One more"))
    talk.prompt("And the last one")
    world.run("sync")
    after = read_health(world.config.home)
    assert after is not None and after.pid == before.pid, "nobody had to restart it"
    assert (after.collector.state, after.shipper.state) == ("running", "running")
    assert after.last_error is not None and "was set aside" in after.last_error.text
    assert "a damaged outbox was set aside" in world.run("doctor")
    prompts = talk.path.read_bytes().count(b'"type":"user"')
    with world.connect() as connection:
        assert len(physical_rows(connection)["messages"]) == prompts > 3000
    assert world.json("status")["parked_records"] == 0

    _damage(world)
    _wait_for(lambda: _set_aside(world) == 2, lambda: talk.prompt("One more"))
    world.run("sync")
    _damage(world)  # a disk that damages all that is written is no reason to read for ever
    _wait_for(lambda: read_health(world.config.home) is None, lambda: talk.prompt("One more"))
    assert "was damaged again and again" in (world.data / "log" / "start-errors.log").read_text()
    world.run("start", "--daemon")
    world.run("sync")
    assert _set_aside(world) == 3


def _damage(world: World) -> None:
    """Overwrite all of the outbox but its first page."""
    path = world.config.home.outbox
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


def _set_aside(world: World) -> int:
    return len(list(world.config.home.outbox.parent.glob("*.damaged-*.db")))


@pytest.mark.slow
def test_a_database_lost_at_work_is_filled_again_by_the_running_tracer(world: World) -> None:
    for number in range(3):
        _talk(world, number)
    world.run("start", "--daemon")
    world.run("sync")
    assert len(world.json("sessions", "list")) == 3
    credentials = world.config.home.credentials.read_bytes()
    tracer = world.json("status")["pid"]

    folder = Postgres(world.config).place.folder
    servers = [p for p in psutil.Process(tracer).children() if "-D" in p.cmdline()]
    shutil.rmtree(folder)
    for server in servers:
        server.kill()
    _wait_for(lambda: world.config.home.credentials.read_bytes() != credentials)
    _wait_for(lambda: _messages(world) == 9)
    assert world.json("status")["pid"] == tracer
    assert len(world.json("sessions", "list")) == 3


def _messages(world: World) -> int:
    with world.connect() as connection:
        return len(physical_rows(connection)["messages"])
