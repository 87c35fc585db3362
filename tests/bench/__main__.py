"""`make bench`: run every benchmark, or those named: `python -m tests.bench start idle`."""

from __future__ import annotations

import importlib
import sys

from tests.bench.figures import print_figures

BENCHMARKS = (
    "start",
    "idle",
    "latency",
    "live",
    "gateway",
    "parse",
    "intake",
    "files",
    "ingest",
    "backfill",
    "outage",
    "usage",
    "history",
)


def main(names: list[str]) -> int:
    """Run the benchmarks called `names` (default: all); 1 when a figure is over its limit."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
        return 2
    is_good = True
    for name in names or BENCHMARKS:
        print(f"{name}", flush=True)
        is_good &= print_figures(importlib.import_module(f"tests.bench.bench_{name}").measure())
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
