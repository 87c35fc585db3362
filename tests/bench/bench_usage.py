"""How long a report and the status line take, whole process, over a collected history."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from tests.bench.figures import Figure
from tests.e2e.world import World
from tests.transcripts import Conversation

__all__ = ["measure"]

_RUNS = 15
_SESSIONS = 200


def measure() -> list[Figure]:
    """Measure with the tracer running, and the status line without it; seconds."""
    world = World()
    try:
        for number in range(_SESSIONS):
            talk = Conversation(world.home, f"{number:08x}-5555-4555-8555-555555555555")
            for turn in range(20):
                talk.prompt(f"Step {turn}")
                talk.answer("Done.", output_tokens=turn)
        world.run("start", "--daemon")
        world.run("sync")
        figures = [
            Figure("claude-tracer --help, median", _median(world, "--help"), "s", 0.1),
            Figure(
                "usage daily --json, median", _median(world, "usage", "daily", "--json"), "s", 0.2
            ),
            Figure(
                "usage blocks --json, median", _median(world, "usage", "blocks", "--json"), "s", 0.2
            ),
            Figure("usage statusline, median", _median(world, "usage", "statusline"), "s", 0.1),
        ]
        world.run("stop")
        alone = _median(world, "usage", "statusline")
        return [*figures, Figure("usage statusline, nothing runs, median", alone, "s", 0.1)]
    finally:
        world.close()


def _median(world: World, *arguments: str) -> float:
    command = [sys.executable, "-m", "claude_code_tracer", *arguments]
    return statistics.median(_run_s(world, command) for _ in range(_RUNS))


def _run_s(world: World, command: list[str]) -> float:
    begin_s = time.perf_counter()
    subprocess.run(command, input=b"{}", env=world.env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin_s
