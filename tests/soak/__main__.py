"""Hours of work with faults: is everything delivered once, and do memory and descriptors stay?

Example: python -m tests.soak --minutes 60 --seed 1

In the first quarter anything is killed; after that the tracer and its gateway live on, so that
their memory can be looked at, while database, server and files go on failing. Ends with 1 when
something is lost or doubled, or when memory or descriptors grow.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import msgspec

from tests.e2e.world import World
from tests.soak.faults import ROUGH, SMOOTH, Faults
from tests.soak.sampling import Growth, Sampler, growth_of
from tests.soak.service import Service
from tests.soak.victims import GATEWAY, TRACER
from tests.soak.writing import TOKEN, Writer

_WRITE_EVERY_S = 0.3
_CHANGE_EVERY_S = 7.0
_SAMPLE_EVERY_S = 5.0
_FAULT_EVERY_S = (10.0, 40.0)
_SAY_EVERY_S = 60.0
_ROUGH_SHARE = 0.25
_WARM_UP_S = 300.0
_WARM_UP_SHARE = 0.2
_SLOPE_MAX = 1.0
_SLOPE_MINUTES = 20.0
"""Over less time a slope says nothing."""


class Soak:
    """One run."""

    def __init__(self, world: World, minutes: float, files: int, rng: Random) -> None:
        self._world = world
        self._seconds = minutes * 60
        self._rng = rng
        self._folder = Path(tempfile.mkdtemp(prefix="ct-soak-"))
        self._sampler = Sampler(self._folder / "samples.csv")
        self.writer = Writer(world.home, world.config.home.outbox, files, rng)
        self.faults = Faults(world, rng)
        self.deaths = 0

    def run(self) -> None:
        """Write, disturb and look until the time is over; then let everything be delivered."""
        with Service(self._world) as service:
            service.start()
            self._go_on(service)
            self.faults.end()
            self.writer.complete()
            if service.pid is None:
                self._restart(service)
            self._world.run("sync")
            self._sampler.close()

    def result(self) -> dict[str, object]:
        """Return all figures; `failures` is empty when all is well."""
        arrived = self._arrived()
        lost = set(range(1, self.writer.written + 1)) - arrived.keys()
        growths = {kind: self._growth(kind) for kind in (TRACER, GATEWAY)}
        failures = [f"{len(lost)} texts are lost"] if lost else []
        if doubled := sum(count > 1 for count in arrived.values()):
            failures.append(f"{doubled} texts are there twice")
        failures += [f"{kind} grows" for kind, growth in growths.items() if _grows(growth)]
        return {
            "written": self.writer.written,
            "delivered": len(arrived),
            "files_changed": self.writer.changes,
            "faults": dict(self.faults.count),
            "restarts": self.deaths,
            **{kind: growth and msgspec.to_builtins(growth) for kind, growth in growths.items()},
            "samples": str(self._folder / "samples.csv"),
            "failures": failures,
        }

    def _go_on(self, service: Service) -> None:
        began_s = now_s = time.monotonic()
        change_s = sample_s = said_s = now_s
        fault_s = now_s + _FAULT_EVERY_S[1]
        while (now_s := time.monotonic()) < began_s + self._seconds:
            self.writer.write()
            self.faults.end_in_time()
            if service.pid is None:
                self._restart(service)
            if now_s >= change_s + _CHANGE_EVERY_S:
                self.writer.change()
                change_s = now_s
            if now_s >= sample_s + _SAMPLE_EVERY_S and service.pid:
                self._sampler.look(service.pid)
                sample_s = now_s
            if now_s >= fault_s and service.pid:
                is_rough = now_s < began_s + self._seconds * _ROUGH_SHARE
                self.faults.begin(ROUGH if is_rough else SMOOTH, service.pid)
                fault_s = now_s + self._rng.uniform(*_FAULT_EVERY_S)
            if now_s >= said_s + _SAY_EVERY_S:
                self._say(now_s - began_s)
                said_s = now_s
            time.sleep(_WRITE_EVERY_S)

    def _restart(self, service: Service) -> None:
        service.was_killed()
        self.deaths += 1
        service.start()

    def _growth(self, kind: str) -> Growth | None:
        warm_up_s = min(_WARM_UP_S, self._seconds * _WARM_UP_SHARE)
        return growth_of(self._sampler.samples, kind, warm_up_s)

    def _arrived(self) -> Counter[int]:
        texts = "select text from public.blocks where text is not null"
        tools = "select coalesce(input::text, '') || coalesce(result, '') from public.tool_calls"
        with self._world.connect() as db:
            rows = [*db.execute(texts), *db.execute(tools)]
        return Counter(int(number) for (text,) in rows for number in TOKEN.findall(text))

    def _say(self, seconds: float) -> None:
        last = self._sampler.samples[-2:]
        sizes = ", ".join(f"{s.kind} {s.rss_mb:.0f} MB {s.fds} fds" for s in last)
        news = f"{seconds / 60:.0f} min: {self.writer.written} texts, {dict(self.faults.count)}"
        print(f"{news}, {sizes}", file=sys.stderr, flush=True)


def _grows(growth: Growth | None) -> bool:
    if growth is None:
        return False
    is_long = growth.minutes >= _SLOPE_MINUTES
    return growth.has_more_fds or (is_long and growth.rss_mb_per_hour >= _SLOPE_MAX)


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    world = World()
    try:
        soak = Soak(world, options.minutes, options.files, Random(options.seed))
        soak.run()
        world.run("start", "--daemon")
        result = soak.result()
    finally:
        world.close()
    print(json.dumps(result, indent=2))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(_main())
