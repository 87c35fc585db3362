"""What the tracer costs while nothing happens: processor time and memory of all its processes."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from tests.bench.figures import Figure
from tests.e2e.world import World
from tests.transcripts import SHARED, Conversation, lay_out_corpus

__all__ = ["measure"]

_SETTLE_S = 15.0
_MEASURE_S = 40.0
_MORE_SESSIONS = 500


def measure() -> list[Figure]:
    """Collect a history, wait until it is quiet, then measure."""
    world = World()
    try:
        if SHARED.is_dir():
            lay_out_corpus(world.home)
        for number in range(_MORE_SESSIONS):
            Conversation(world.home, f"{number:08x}-4444-4444-8444-444444444444").prompt("Hello")
        world.run("start", "--daemon")
        world.run("sync")
        time.sleep(_SETTLE_S)
        tracer = psutil.Process(world.json("status")["pid"])
        family = [tracer, *tracer.children(recursive=True)]
        before = _cpu_s(family)
        time.sleep(_MEASURE_S)
        used_s = _cpu_s(family) - before
        memory = {process.pid: _pss_mb(process.pid) for process in family}
        own = [Figure(f"PSS of {_name(p)}", memory[p.pid], "MB") for p in family[:3]]
        return [
            Figure("idle processor time, share of one core", used_s / _MEASURE_S * 100, "%", 1.0),
            Figure("idle memory of all processes, PSS", sum(memory.values()), "MB", 250.0),
            *own,
        ]
    finally:
        world.close()


def _cpu_s(family: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in family if process.is_running()]
    return sum(t.user + t.system for t in times)


def _pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _name(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    return "gateway" if "gateway" in line else "postgres" if "postgres" in line else "tracer"
