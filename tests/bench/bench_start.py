"""How long `claude-tracer start` takes until the dashboard is served."""

from __future__ import annotations

import statistics
import time
import urllib.request

from claude_code_tracer.health import read_health
from tests.bench.figures import Figure
from tests.e2e.world import World

__all__ = ["measure"]

_COLD_RUNS = 3
_WARM_RUNS = 5


def measure() -> list[Figure]:
    """Measure a first start (new data folder) and later ones, whole command, in seconds."""
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(_COLD_RUNS):
        world = World()
        try:
            cold.append(_start(world))
            world.run("stop")
            warm += [_restart(world) for _ in range(_WARM_RUNS // _COLD_RUNS + 1)]
        finally:
            world.close()
    return [
        Figure("cold start to a served dashboard, median", statistics.median(cold), "s", 3.0),
        Figure("warm start to a served dashboard, median", statistics.median(warm), "s", 1.5),
    ]


def _restart(world: World) -> float:
    took_s = _start(world)
    world.run("stop")
    return took_s


def _start(world: World) -> float:
    begin_s = time.perf_counter()
    world.run("start", "--daemon")
    health = read_health(world.config.home)
    assert health is not None
    with urllib.request.urlopen(f"{health.url}/", timeout=10) as answer:
        assert b"<html" in answer.read()
    return time.perf_counter() - begin_s
