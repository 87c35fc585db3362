"""What processes cost while something runs: processor time and memory, by program."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

__all__ = ["Meter", "name_of", "peak_mb", "pss_mb"]

_EVERY_S = 0.5
_SERVERS = {"claude_code_tracer.local.gateway": "gateway", "postgres": "postgres"}
"""By a word of the command line; the gateway's also names the server."""


class Meter:
    """Watch the process trees under `roots` (name to pid) while the body of a `with` runs.

    A child counts under its root's name unless it is a PostgreSQL or a gateway.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = {name: psutil.Process(pid) for name, pid in roots.items()}
        self._before: dict[str, float] = {}
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="meter", daemon=True)
        self.cpu_s: dict[str, float] = {}
        """Processor seconds by program, with children that ended meanwhile."""
        self.peak_mb: dict[str, float] = {}
        """The most memory by program (not of the servers): all its processes' PSS at once."""

    def __enter__(self) -> Self:
        self._before = self._used()
        self._sampler.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._sampler.join()
        used = self._used()
        self.cpu_s = {name: used[name] - self._before.get(name, 0) for name in sorted(used)}

    def _sample(self) -> None:
        while not self._done.wait(_EVERY_S):
            now: dict[str, float] = defaultdict(float)
            for name, process in self._family():
                if name not in _SERVERS.values():
                    with suppress(psutil.Error, OSError):
                        now[name] += pss_mb(process.pid)
            self.peak_mb |= {name: max(mb, self.peak_mb.get(name, 0)) for name, mb in now.items()}

    def _used(self) -> dict[str, float]:
        used: dict[str, float] = defaultdict(float)
        for name, process in self._family():
            with suppress(psutil.Error):
                times = process.cpu_times()
                used[name] += sum(times[:4])  # own and ended children's, user and system
        return used

    def _family(self) -> Iterator[tuple[str, psutil.Process]]:
        for name, root in self._roots.items():
            yield name, root
            with suppress(psutil.Error):
                for child in root.children(recursive=True):
                    with suppress(psutil.Error):
                        yield name_of(child, name), child


def name_of(process: psutil.Process, otherwise: str) -> str:
    """Return which program a process is: `postgres`, `gateway` or `otherwise`."""
    line = " ".join(process.cmdline())
    return next((name for word, name in _SERVERS.items() if word in line), otherwise)


def pss_mb(pid: int) -> float:
    """Return the memory of a process, its part of what it shares included."""
    return _kb(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") * 1024 / 1e6


def peak_mb(pid: int) -> float:
    """Return the most memory that a process ever had (resident, with all that it shares)."""
    return _kb(Path(f"/proc/{pid}/status"), "VmHWM:") * 1024 / 1e6


def _kb(path: Path, word: str) -> int:
    lines = path.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(word))
