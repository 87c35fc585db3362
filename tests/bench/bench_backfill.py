"""A first start on an old machine: how fast a history gets into PostgreSQL, against the rivals.

End to end: file, parse, price, guard, outbox, HTTP, `ingest`, committed in the embedded server. In
turns with qc-trace's daemon and server and with `agentsview pg push`, each on a server of its own
with the same settings. `BENCH_MB` sets the size (1000), `BENCH_RUNS` how often (3 up to 200 MB,
else once), `BENCH_RIVALS` against whom (`qc_trace,agentsview`; empty: nobody), `BENCH_CORPUS` which
histories (`made,real`), `BENCH_PG_BIN` on which PostgreSQL.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.corpora import Corpus, make_corpus, real_corpus, size_from_env
from tests.bench.delivery import deliver
from tests.bench.figures import Figure
from tests.bench.rivals import Run, agentsview, empty_server, qc_trace
from tests.transcripts import SHARED

__all__ = ["measure"]

_MANY_RUNS_MB = 200
_RUNS = 3
_MEMORY_MB = 150.0
_WORTH = {"qc_trace": 3.0, "agentsview": 25.0}
"""How many times a rival's speed ours must be."""


def measure() -> list[Figure]:
    """Deliver a made history and the real one."""
    if not SHARED.is_dir():
        print("  needs the shared transcripts: left out")
        return []
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        figures: list[Figure] = []
        for name in os.environ.get("BENCH_CORPUS", ",".join(_CORPORA)).split(","):
            figures += _compare(_CORPORA[name](root / name))
        return figures


_CORPORA: dict[str, Callable[[Path], Corpus]] = {
    "made": lambda folder: make_corpus(size_from_env(), folder),
    "real": real_corpus,
}


def _compare(corpus: Corpus) -> list[Figure]:
    """Run everybody in turns, so that whatever else the machine does hits all."""
    told = os.environ.get("BENCH_RIVALS", ",".join(_WORTH))
    everybody: dict[str, Callable[[Corpus], Run]] = {
        "ours": deliver,
        **{name: _RIVALS[name] for name in told.split(",") if name},
    }
    runs: dict[str, list[Run]] = {name: [] for name in everybody}
    for number in range(_runs(corpus)):
        for name in list(everybody)[:: -1 if number % 2 else 1]:
            runs[name].append(everybody[name](corpus))
            print(f"  {corpus.name}: {name} took {runs[name][-1].wall_s:.2f} s", flush=True)
    mine = runs.pop("ours")
    return [
        *_figures("ours", corpus, mine),
        Figure("  peak memory of the collector", max(r.peak_mb for r in mine), "MB", _MEMORY_MB),
        *(
            figure
            for name, theirs in runs.items()
            for figure in _against(name, corpus, mine, theirs)
        ),
    ]


def _runs(corpus: Corpus) -> int:
    return int(os.environ.get("BENCH_RUNS") or (_RUNS if corpus.mb <= _MANY_RUNS_MB else 1))


def _qc_trace(corpus: Corpus) -> Run:
    return _in_a_home(corpus, lambda home: _on_a_server(qc_trace, home, corpus.files))


def _agentsview(corpus: Corpus) -> Run:
    return _in_a_home(corpus, lambda home: _on_a_server(agentsview, home))


_RIVALS = {"qc_trace": _qc_trace, "agentsview": _agentsview}


def _in_a_home(corpus: Corpus, run: Callable[[Path], Run]) -> Run:
    with tempfile.TemporaryDirectory(prefix="rival-", dir=corpus.folder.parent) as home:
        corpus.move_into(Path(home))
        try:
            return run(Path(home))
        finally:
            corpus.move_out_of(Path(home))


def _on_a_server(run: Callable[..., Run], *arguments: object) -> Run:
    with empty_server() as postgres:
        return run(postgres, *arguments)


def _figures(who: str, corpus: Corpus, runs: list[Run]) -> list[Figure]:
    wall_s = _median_s(runs)
    cpu = {name: statistics.median(r.cpu_s[name] for r in runs) for name in runs[0].cpu_s}
    parts = ", ".join(f"{name} {used:.1f}" for name, used in cpu.items())
    return [
        Figure(f"{corpus.name}, {corpus.mb:.0f} MB: {who}", wall_s, "s"),
        Figure("  speed", corpus.mb / wall_s, "MB/s", note=f"{runs[-1].rows} messages"),
        Figure("  processor time of all", sum(cpu.values()), "s", note=parts),
    ]


def _against(who: str, corpus: Corpus, mine: list[Run], theirs: list[Run]) -> list[Figure]:
    worth = _WORTH[who]
    ratio = _median_s(mine) * worth / _median_s(theirs)
    return [
        *_figures(who, corpus, theirs),
        Figure("  our speed by theirs", worth / ratio, "x"),
        Figure(f"  {worth:g}x its speed in our time", ratio, "x", 1.0),
    ]


def _median_s(runs: list[Run]) -> float:
    return statistics.median(run.wall_s for run in runs)
