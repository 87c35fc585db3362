"""From Claude Code's transcripts to what is sent: parsed, priced, guarded, encoded.

Its rival qc-trace (PyPI) does the same without a guard and without prices: its collector and the
JSON that it posts. Processor time of one core, the same files, in turns; files that qc-trace cannot
read are left out for both.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from qc_trace.daemon.collector import collect_file
from qc_trace.daemon.watcher import ChangedFile

from claude_code_tracer.guard.guard import Guard
from claude_code_tracer.model import ModelCall
from claude_code_tracer.outbox.codec import encode
from claude_code_tracer.pricing import Prices
from claude_code_tracer.sources.registry import source_named
from claude_code_tracer.sources.source import Line
from claude_code_tracer.tail.fingerprint import Fingerprint
from claude_code_tracer.tail.reader import Limits, open_tail
from tests.bench.figures import Figure
from tests.transcripts import SHARED, lay_out_corpus

__all__ = ["measure"]

_RUNS = 5
_MB = 1_000_000
_SPEED_MB_S = 80.0
_RIVALS_WORTH = 1.8
_LIMITS = Limits(line_max=16 * 1024 * 1024)


def measure() -> list[Figure]:
    """Measure over the real transcripts, each several times."""
    if not SHARED.is_dir():
        print("  needs the shared transcripts: left out")
        return []
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        lay_out_corpus(Path(folder))
        root = Path(folder, ".claude", "projects")
        files = [path for path in sorted(root.rglob("*.jsonl")) if _is_read_by_both(path)]
        size = sum(path.stat().st_size for path in files) / _MB
        intake = _Intake(root)
        turns = [(_used_s(intake.take, files), _used_s(_qc_trace, files)) for _ in range(_RUNS)]
    mine = size / statistics.median(first for first, _ in turns)
    theirs = size / statistics.median(second for _, second in turns)
    return [
        Figure("parse, price, guard and encode", mine, "MB/s"),
        Figure(f"  {_SPEED_MB_S:g} MB of it", _SPEED_MB_S / mine, "s", 1.0),
        Figure("qc-trace: collect and encode, no guard, no price", theirs, "MB/s"),
        Figure(
            f"  {_RIVALS_WORTH:g}x its speed in our time", _RIVALS_WORTH * theirs / mine, "x", 1.0
        ),
    ]


def _is_read_by_both(path: Path) -> bool:
    try:
        _qc_trace(path)
    except AttributeError:  # a message that is a text makes it give the file up
        return False
    return True


def _used_s(read: Callable[[Path], None], files: list[Path]) -> float:
    begin_s = time.process_time()
    for path in files:
        read(path)
    return time.process_time() - begin_s


class _Intake:
    """What `intake.Intake` and the outbox do with a file, without the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._source = source_named("claude_code")
        self._guard = Guard.load()
        self._prices = Prices()

    def take(self, path: Path) -> None:
        """Read a file as the collector does, to the bytes that would be kept."""
        transcript = self._source.transcript(self._root, path)
        if transcript is None:
            return
        state: bytes | None = None
        with open_tail(str(path), Fingerprint()) as file:
            for chunk in file.chunks(_LIMITS):
                lines = [Line(piece.start, piece.end, piece.raw) for piece in chunk.lines]
                parsed = self._source.parse(transcript, lines, state)
                state = parsed.state
                for entity in parsed.entities:
                    if isinstance(entity, ModelCall):
                        entity = self._prices.price(entity)
                    encode(self._guard.mask_entity(entity))


def _qc_trace(path: Path) -> None:
    status = path.stat()
    changed = ChangedFile(str(path), "claude_code", status.st_mtime, status.st_size)
    messages = collect_file(changed, None).messages
    rows = [{k: v for k, v in asdict(m).items() if v is not None} for m in messages]
    json.dumps(rows).encode()
