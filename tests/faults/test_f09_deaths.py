"""F09: a tracer whose collector dies again and again ends with 1, and says where to look."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World

ROOT = Path(__file__).parents[2]
WORDS = "words of a transcript"
_DYING = f"""
import sys
from claude_code_tracer import clock, collector
from claude_code_tracer.cli import main

def die(self, progress=None):
    raise KeyError({WORDS!r})

wait_s = clock.SystemClock.wait_s
clock.SystemClock.wait_s = lambda self, event, seconds: wait_s(self, event, min(seconds, 0.1))
collector.Collector.run_once = collector.Collector.run_hot = die
sys.argv = ["claude-tracer", "start"]
main()
"""


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    try:
        yield world
    finally:
        world.close()


@pytest.mark.slow
def test_f09_a_stage_that_dies_five_times_ends_the_tracer_with_1(world: World) -> None:
    command = [sys.executable, "-c", _DYING]
    done = subprocess.run(
        command, cwd=ROOT, env=world.env, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1, done.stderr
    assert "failed again and again" in done.stderr and "`claude-tracer logs`" in done.stderr
    log = world.run("logs")
    assert "event=crashed error=KeyError" in log
    assert "stage=collector event=gave_up error=KeyError" in log
    for text in (done.stdout, done.stderr, log):
        assert WORDS not in text
