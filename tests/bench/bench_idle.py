"""What the tracer costs while nothing happens: processor time and memory of all its processes."""

from __future__ import annotations

import os
import time
from collections import defaultdict

import psutil

from claude_code_tracer.lock import running_pid
from tests.bench.delivery import BenchWorld
from tests.bench.figures import Figure
from tests.bench.processes import name_of, pss_mb
from tests.e2e.world import World
from tests.transcripts import SHARED, Conversation, lay_out_corpus

__all__ = ["measure"]

_SETTLE_S = 15.0
_MEASURE_S = 60.0
_FILES = 4000
_PER_PROJECT = 50
_OF_TODAY = 20
_MONTH_S = 30 * 86400.0


def measure() -> list[Figure]:
    """Collect a history, wait until it is quiet, then measure."""
    world = BenchWorld()
    try:
        if SHARED.is_dir():
            lay_out_corpus(world.home)
        for number in range(_FILES):
            _talk(world, number)
        world.run("start", "--daemon")
        world.run("sync")
        time.sleep(_SETTLE_S)
        tracer = psutil.Process(running_pid(world.config.home.daemon_lock))
        family = [tracer, *tracer.children(recursive=True)]
        before = {process: _cpu_s(process) for process in family}
        time.sleep(_MEASURE_S)
        share: dict[str, float] = defaultdict(float)
        memory: dict[str, float] = defaultdict(float)
        for process in family:
            if process.is_running():
                name = name_of(process, "collector")
                share[name] += (_cpu_s(process) - before[process]) / _MEASURE_S * 100
                memory[name] += pss_mb(process.pid)
    finally:
        world.close()
    return [
        Figure("idle collector, share of one core", share["collector"], "%", 0.5),
        Figure("idle processor time of all", sum(share.values()), "%", 1.0),
        Figure("idle collector, PSS", memory["collector"], "MB", 100.0),
        Figure("idle memory of all processes, PSS", sum(memory.values()), "MB", 250.0),
    ]


def _talk(world: World, number: int) -> None:
    """Write a transcript; all but some are as old as those of a month ago."""
    session = f"{number:08x}-4444-4444-8444-444444444444"
    talk = Conversation(world.home, session, cwd=f"/home/u/project-{number // _PER_PROJECT}")
    talk.prompt("Hello")
    if number >= _OF_TODAY:
        month_ago = time.time() - _MONTH_S + number
        os.utime(talk.path, (month_ago, month_ago))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
