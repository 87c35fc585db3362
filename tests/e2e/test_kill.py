"""kill -9 of any of our processes during a sync, then start again: as if nothing had happened."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random

import pytest

from tests.e2e.world import World
from tests.soak.kills import Havoc, stored
from tests.soak.victims import processes
from tests.transcripts import Conversation


def write_history(home: Path) -> None:
    for number in range(12):
        talk = Conversation(
            home, f"{number:08x}-2222-4222-8222-222222222222", f"/home/u/p{number % 3}"
        )
        for turn in range(40):
            talk.prompt(f"Question {turn}: " + "why " * 20)
            tool = talk.tool_use("Bash", {"command": f"make step-{turn}"})
            talk.tool_result(tool, f"output {turn} " * 30, is_error=turn % 7 == 0)
            talk.answer(f"Because of {turn}. " * 20, output_tokens=turn + 1)


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, list[str]]:
    """What the database holds when nothing is killed."""
    world = World()
    try:
        write_history(world.home)
        return stored(world)
    finally:
        world.close()


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["tracer", "gateway", "postmaster"])
@pytest.mark.parametrize("after_s", [0.05, 0.4])
def test_rows_are_those_of_an_undisturbed_run(
    world: World, undisturbed: dict[str, list[str]], victim: str, after_s: float
) -> None:
    write_history(world.home)
    with world.spawn("sync", "--json") as sync:
        deadline = time.monotonic() + 30
        while victim not in (running := processes(sync.pid)):
            assert time.monotonic() < deadline and sync.poll() is None
            time.sleep(0.01)
        time.sleep(after_s)
        os.kill(running[victim].pid, signal.SIGKILL)
        sync.communicate(timeout=100)
    disturbed = stored(world)

    sizes = {table: len(rows) for table, rows in undisturbed.items()}
    assert {table: len(rows) for table, rows in disturbed.items()} == sizes
    assert disturbed == undisturbed
    assert sizes["messages"] == 12 * 40 * 3


@pytest.mark.slow
def test_rows_are_those_of_an_undisturbed_run_after_random_kills(
    undisturbed: dict[str, list[str]],
) -> None:
    """A few of the 200 of `python -m tests.soak.kills`."""
    havoc = Havoc(Random(6))
    while havoc.kills.total() < 6:
        world = World()
        try:
            write_history(world.home)
            havoc.run(world, 3)
            assert stored(world) == undisturbed
        finally:
            world.close()
