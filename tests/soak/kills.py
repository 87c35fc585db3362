"""Kill the tracer, its gateway and its database at random while a history is collected.

`python -m tests.soak.kills --kills 200 --seed 1` says at the end whether the database holds, row
for row, what it holds when nobody disturbs. A run is one data folder from empty to everything
delivered; there are as many runs as it takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from claude_code_tracer.killpoints import KILL_POINTS
from claude_code_tracer.sources.registry import SOURCES
from tests.e2e.snapshot import rows_by_table
from tests.e2e.world import World
from tests.golden.homes import build_home
from tests.peers.other_homes import LAYOUTS
from tests.soak.service import Service
from tests.soak.victims import KINDS, TRACER, kill
from tests.transcripts import SHARED, lay_out_corpus

__all__ = ["Havoc", "Rows", "lay_out_everything", "stored"]

Rows = dict[str, list[str]]
LayOut = Callable[[Path], object]

_DELAYS_S = (0.05, 2.0)
_KILLS_PER_RUN = 8
_MONTH_S = 30 * 86_400
_PATIENCE_S = 300.0
_POLL_S = 0.05
_AT_A_POINT = 0.3
"""So often a start is armed with a kill point, instead of being killed from outside."""
_ALONE = {"codex archived-fork", "codex siblings"}
"""Families of forks that cannot stand in one home with the first one."""
_TOSS_UP = "todowrite_examples.jsonl"
"""A made-up sample with calls of two others: which one it is a fork of hangs on who came first."""


@dataclass
class Havoc:
    """Runs a tracer as a service would, and kills what it consists of."""

    rng: Random
    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    failed_starts: int = 0

    def run(self, world: World, kills: int) -> None:
        """Kill up to `kills` times until the history is collected, then let it finish."""
        self.runs += 1
        goal = self.kills.total() + kills
        with Service(world) as service:
            service.start(self._kill_point())
            while self.kills.total() < goal and not service.has_delivered():
                time.sleep(self.rng.uniform(*_DELAYS_S))
                if service.pid is None:
                    self._note_death(service)
                    service.start(self._kill_point() if self.kills.total() < goal else {})
                elif kill(kind := self.rng.choice(KINDS), service.pid, self.rng):
                    self.kills[kind] += kind != TRACER  # its own is noted where it shows
            self._finish(service)

    def _finish(self, service: Service) -> None:
        """Let it come to rest, undisturbed."""
        deadline_s = time.monotonic() + _PATIENCE_S
        while not service.has_delivered():
            assert time.monotonic() < deadline_s, "it does not come to an end"
            if service.pid is None:
                self._note_death(service)
                service.start()
            time.sleep(_POLL_S)

    def _note_death(self, service: Service) -> None:
        if service.was_killed():
            self.kills[TRACER] += 1
        else:  # what it needs was killed while it started: a service manager tries again
            self.failed_starts += 1

    def _kill_point(self) -> dict[str, str]:
        if self.rng.random() > _AT_A_POINT:
            return {}
        return {"TRACER_KILL_AT": f"{self.rng.choice(KILL_POINTS)}:{self.rng.randint(1, 12)}"}


def stored(world: World) -> Rows:
    """Have everything collected, if it is not yet, and return what the database holds then."""
    world.run("start", "--daemon")
    world.run("sync")
    with world.connect() as connection:
        return rows_by_table(connection, world.home)


def lay_out_everything(home: Path) -> None:
    """Lay out every transcript at hand: of every tool, and the shared ones where there are any."""
    if SHARED.exists():
        lay_out_corpus(home)
        for name, (_, lay_out) in LAYOUTS.items():
            if name not in _ALONE:
                lay_out(home)
        for path in home.rglob(_TOSS_UP):
            path.unlink()
    for source in SOURCES:
        build_home(source.name, home)
    month_ago = time.time() - _MONTH_S
    for number, path in enumerate(sorted(path for path in home.rglob("*") if path.is_file())):
        os.utime(path, (month_ago + number, month_ago + number))


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ct-kills-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        lay_out_everything(home)
        return _compare_all(home, options.kills, Havoc(Random(options.seed)))


def _compare_all(home: Path, kills: int, havoc: Havoc) -> int:
    began_s = time.monotonic()
    undisturbed = _in_a_world(home, stored)
    sizes = {table: len(rows) for table, rows in undisturbed.items()}
    _say(f"undisturbed: {sizes} in {time.monotonic() - began_s:.0f} s")
    while (left := kills - havoc.kills.total()) > 0:
        disturbed = _in_a_world(home, lambda world: _disturbed(world, havoc, left))
        _say(f"run {havoc.runs}: {dict(havoc.kills)}, {time.monotonic() - began_s:.0f} s")
        if disturbed != undisturbed:
            _say(f"NOT THE SAME: see {_write_differences(undisturbed, disturbed)}")
            return 1
    facts = {"kills": dict(havoc.kills), "runs": havoc.runs, "failed_starts": havoc.failed_starts}
    print(json.dumps(facts | {"rows": sizes, "seconds": round(time.monotonic() - began_s)}))
    return 0


def _disturbed(world: World, havoc: Havoc, left: int) -> Rows:
    havoc.run(world, min(left, _KILLS_PER_RUN))
    return stored(world)


def _write_differences(undisturbed: Rows, disturbed: Rows) -> Path:
    """Write the rows that only one side has into a file of their own."""
    path = Path(tempfile.mkdtemp(prefix="ct-differences-")) / "rows.txt"
    with path.open("w") as file:
        for table, rows in undisturbed.items():
            here, there = Counter(rows), Counter(disturbed[table])
            for sign, only in (("-", here - there), ("+", there - here)):
                file.writelines(f"{table} {sign} {row}\n" for row in only.elements())
    return path


def _in_a_world(home: Path, action: Callable[[World], Rows]) -> Rows:
    world = World()
    try:
        shutil.copytree(home, world.home, dirs_exist_ok=True)
        return action(world)
    finally:
        world.close()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(_main())
