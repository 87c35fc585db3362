"""Histories to benchmark with: made ones of any size, and the real ones where they are at hand.

Their files look a month old, as those of a first start do, so that nothing takes them for live.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.rivals import unreadable_for_qc_trace
from tests.peers.other_homes import LAYOUTS
from tests.transcripts import SHARED, lay_out_corpus

__all__ = ["MB", "Corpus", "make_corpus", "real_corpus", "size_from_env"]

MB = 1_000_000
_MONTH_S = 30 * 86400.0
_TOOLS_OF_QC_TRACE = ("codex samples", "gemini", "pi")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Transcripts in a folder, laid out as in a home, that are moved in and out of homes."""

    name: str
    folder: Path
    files: int
    size: int
    truth: dict[str, Any] | None = None
    """What is known about a made one: tokens, records."""

    @property
    def mb(self) -> float:
        """The size in MB."""
        return self.size / MB

    def move_into(self, home: Path) -> None:
        """Let `home` have the transcripts, in an instant."""
        _move_all(self.folder, home, {path.name for path in self.folder.iterdir()})

    def move_out_of(self, home: Path) -> None:
        """Take the transcripts back."""
        _move_all(home, self.folder, {".claude", ".codex", ".gemini", ".pi"})


def size_from_env(default: float = 1000) -> float:
    """Return how many MB to measure with: `BENCH_MB`."""
    return float(os.environ.get("BENCH_MB") or default)


def make_corpus(mb: float, folder: Path, seed: int = 11) -> Corpus:
    """Write `mb` MB of Claude Code transcripts with the shared generator."""
    sessions = str(max(1, round(mb * 3)))
    size = ["--mb", str(mb), "--sessions", sessions, "--projects", "40", "--seed", str(seed)]
    tool = [sys.executable, str(SHARED / "tools" / "make_corpus.py"), "--out", str(folder), *size]
    subprocess.run(tool, check=True, capture_output=True)
    truth = json.loads((folder / "truth.json").read_text())
    for extra in ("truth.json", "secrets.jsonl"):
        (folder / extra).unlink()
    return _corpus(f"{mb:g} MB made", folder, truth)


def real_corpus(folder: Path) -> Corpus:
    """Lay out the shared transcripts that qc-trace can read too: it gives whole files up."""
    folder.mkdir()
    lay_out_corpus(folder)
    for name in _TOOLS_OF_QC_TRACE:
        LAYOUTS[name][1](folder)
    for path in unreadable_for_qc_trace(folder):
        path.unlink()
    return _corpus("real", folder)


def _corpus(name: str, folder: Path, truth: dict[str, Any] | None = None) -> Corpus:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    month_ago = time.time() - _MONTH_S
    for number, path in enumerate(files):
        os.utime(path, (month_ago + number, month_ago + number))
    return Corpus(name, folder, len(files), sum(path.stat().st_size for path in files), truth)


def _move_all(source: Path, target: Path, names: set[str]) -> None:
    for name in names:
        if (source / name).exists():
            (source / name).rename(target / name)
