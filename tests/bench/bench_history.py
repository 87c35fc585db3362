"""Usage of a history of 1 GB: counted in the transcripts against ccusage, and after collecting it.

Both programs count the same files, in turns, each run a whole process; what counts is the ratio.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import Figure
from tests.e2e.world import World
from tests.transcripts import SHARED

__all__ = ["measure"]

_MB = "1000"
_RUNS = 7
_REPORT_RUNS = 15
_PEERS = Path(__file__).parent.parent / "peers" / "node_modules" / "@ccusage"


def measure() -> list[Figure]:
    """Measure in a home of its own; seconds and ratios."""
    if not SHARED.is_dir():
        print("  needs the shared generator of transcripts: left out")
        return []
    world = World()
    try:
        _make(world)
        scan = [sys.executable, "-m", "claude_code_tracer", "usage", "daily", "--scan", "--json"]
        mine, theirs = _in_turns(world, scan, [str(_ccusage()), "daily", "--json", "--offline"])
        collecting_s = _run_s(world, [sys.executable, "-m", "claude_code_tracer", "sync"])
        world.run("start", "--daemon")
        report = [sys.executable, "-m", "claude_code_tracer", "usage", "daily", "--json"]
        daily = statistics.median(_run_s(world, report) for _ in range(_REPORT_RUNS))
        return [
            Figure("ccusage daily --json (its native program), median", theirs, "s"),
            Figure("usage daily --scan --json, median", mine, "s"),
            Figure("  ratio to ccusage", mine / theirs, "x", 1.0),
            Figure("collecting it all (sync)", collecting_s, "s"),
            Figure("usage daily --json of it, collected, median", daily, "s", 0.2),
            Figure("  ratio to ccusage", daily / theirs, "x", 0.15),
        ]
    finally:
        world.close()


def _make(world: World) -> None:
    made = world.root / "made"
    size = ["--mb", _MB, "--sessions", "3000", "--projects", "40", "--seed", "11"]
    tool = [sys.executable, str(SHARED / "tools" / "make_corpus.py"), "--out", str(made), *size]
    subprocess.run(tool, check=True, capture_output=True)
    shutil.move(made / ".claude", world.home / ".claude")


def _ccusage() -> Path:
    """Return ccusage's native program; npm unpacks it without the right to run."""
    (program,) = _PEERS.glob("ccusage-*/bin/ccusage")
    program.chmod(0o755)
    return program


def _in_turns(world: World, mine: list[str], theirs: list[str]) -> tuple[float, float]:
    _run_s(world, mine)
    _run_s(world, theirs)
    runs = [(_run_s(world, mine), _run_s(world, theirs)) for _ in range(_RUNS)]
    return (
        statistics.median(first for first, _ in runs),
        statistics.median(second for _, second in runs),
    )


def _run_s(world: World, command: list[str]) -> float:
    begin_s = time.perf_counter()
    subprocess.run(command, env=world.env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin_s
