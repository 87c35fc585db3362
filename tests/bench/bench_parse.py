"""How fast transcripts of Claude Code become entities, and how much memory a long one needs.

As the collector does it: whole lines in chunks, one call of `Source.parse` for each. Only processor
time of that call and of making its lines counts; the transcripts are in memory already.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from claude_code_tracer.sources.registry import source_named
from claude_code_tracer.sources.source import Line, Transcript
from claude_code_tracer.tail.fingerprint import Fingerprint
from claude_code_tracer.tail.reader import Limits, open_tail
from tests.bench.figures import Figure
from tests.transcripts import SHARED, Conversation, lay_out_corpus

__all__ = ["measure"]

_RUNS = 7
_MB = 1_000_000
_LONG_BYTES = 200 * _MB
_SPEED_MB_S = 250.0
_MEMORY_MB = 150.0
_LIMITS = Limits(line_max=16 * 1024 * 1024)
_SESSIONS = 40


def measure() -> list[Figure]:
    """Parse a history several times, then one file of 200 MB in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        home = Path(folder)
        if SHARED.is_dir():
            lay_out_corpus(home)
        else:
            _invent(home)
        files = sorted((home / ".claude" / "projects").rglob("*.jsonl"))
        speed = statistics.median(_speed_mb_s(files) for _ in range(_RUNS))
        long = home / "long.jsonl"
        _glue(files, long)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peak = pool.apply(_peak_mb, (long,))
    return [
        Figure("parse Claude Code", speed, "MB/s"),
        Figure(f"parse 250 MB of Claude Code ({_SPEED_MB_S:g} MB/s: 1 s)", 250 / speed, "s", 1.0),
        Figure("peak memory of parsing one 200 MB file", peak, "MB", _MEMORY_MB),
    ]


def _speed_mb_s(files: list[Path]) -> float:
    used_s, size = 0.0, 0
    for path in files:
        state: bytes | None = None
        file, source = Transcript("claude_code", path, path.stem), source_named("claude_code")
        for chunk in _chunks(path):
            begin_s = time.process_time()
            lines = [Line(start, end, raw) for start, end, raw in chunk]
            state = source.parse(file, lines, state).state
            used_s += time.process_time() - begin_s
            size += chunk[-1][1] - chunk[0][0]
    return size / used_s / _MB


def _peak_mb(path: Path) -> float:
    """Parse a file and return the most memory that this process ever had."""
    state: bytes | None = None
    file, source = Transcript("claude_code", path, path.stem), source_named("claude_code")
    for chunk in _chunks(path):
        state = source.parse(file, [Line(*line) for line in chunk], state).state
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MB


def _chunks(path: Path) -> Iterator[list[tuple[int, int, bytes]]]:
    with open_tail(str(path), Fingerprint(0, b"", b"")) as file:
        for chunk in file.chunks(_LIMITS):
            yield [(piece.start, piece.end, piece.raw) for piece in chunk.lines]


def _glue(files: list[Path], long: Path) -> None:
    """Write one file of 200 MB out of many."""
    with long.open("wb") as out:
        while out.tell() < _LONG_BYTES:
            for path in files:
                out.write(path.read_bytes().rstrip(b"\n") + b"\n")


def _invent(home: Path) -> None:
    """Write a history where there is no real one."""
    for number in range(_SESSIONS):
        talk = Conversation(home, f"{number:08x}-7777-4777-8777-777777777777")
        for turn in range(100):
            talk.prompt(f"Step {turn}: " + "what to do and why, at some length. " * 20)
            call = talk.tool_use("Bash", {"command": f"make step-{turn}"})
            talk.tool_result(call, "a line of output that says little\n" * 100)
            talk.answer("Done, and this is what came of it. " * 20, output_tokens=turn)
