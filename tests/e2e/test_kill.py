"""kill -9 of any of our processes during a sync, then start again: as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.snapshot import rows_by_table
from tests.e2e.world import World
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


def stored(world: World) -> dict[str, list[str]]:
    world.run("start", "--daemon")
    world.run("sync")
    with world.connect() as connection:
        return rows_by_table(connection, world.home)


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, list[str]]:
    """What the database holds when nothing is killed."""
    world = World()
    try:
        write_history(world.home)
        return stored(world)
    finally:
        world.close()


def processes(root: psutil.Process) -> dict[str, psutil.Process]:
    found = {"tracer": root}
    for child in root.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            line = child.cmdline()
            if "claude_code_tracer.local.gateway" in line:
                found["gateway"] = child
            elif "-D" in line and line[0].endswith("postgres") and "--boot" not in line:
                found["postmaster"] = child
    return found


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["tracer", "gateway", "postmaster"])
@pytest.mark.parametrize("after_s", [0.05, 0.4])
def test_rows_are_those_of_an_undisturbed_run(
    world: World, undisturbed: dict[str, list[str]], victim: str, after_s: float
) -> None:
    write_history(world.home)
    with world.spawn("sync", "--json") as sync:
        deadline = time.monotonic() + 30
        while victim not in (running := processes(psutil.Process(sync.pid))):
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
