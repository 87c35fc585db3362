"""Every tool at once on one machine: collected, sent, shown; the second time nothing changes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from claude_code_tracer.sources.registry import SOURCES
from tests.e2e.snapshot import physical_rows
from tests.e2e.world import World
from tests.golden.homes import build_home


@pytest.mark.slow
def test_all_sources_are_collected_and_shown(world: World) -> None:
    for source in SOURCES:
        build_home(source.name, world.home)
    _age(world.home)  # a file that was written just now may wait for a better store of its tool
    before = _untouched(world.home)
    world.run("start", "--daemon")
    world.run("sync")
    with world.connect() as connection:
        rows = physical_rows(connection)
        world.run("sync")
        assert physical_rows(connection) == rows
    world.run("stop")
    world.run("start", "--daemon")  # it has forgotten how the files looked
    world.run("sync")
    with world.connect() as connection:
        assert physical_rows(connection) == rows
    assert _untouched(world.home) == before

    sessions = world.json("sessions", "list", "--limit", "200")
    assert {session["source"] for session in sessions} == {source.name for source in SOURCES}
    for source in SOURCES:
        newest = next(s for s in sessions if s["source"] == source.name and s["message_count"])
        assert world.run("sessions", "show", newest["native_id"])
    collected = world.json("usage", "models")["totals"]
    scanned = world.json("usage", "models", "--scan")["totals"]
    assert scanned == collected


def _age(home: Path) -> None:
    """Let every file be an hour old."""
    hour_ago = time.time() - 3600
    for path in home.rglob("*"):
        if path.is_file():
            os.utime(path, (hour_ago, hour_ago))


def _untouched(home: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file of a home and what is in it: nobody may write there."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in home.rglob("*")
        if path.is_file()
    }
