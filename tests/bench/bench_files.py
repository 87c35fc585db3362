"""A home with 50,000 transcripts: what it takes to see that none changed, and that a few did.

`BENCH_FILES` sets how many. "After a restart" is a collector that knows only what the outbox says.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from claude_code_tracer.clock import SystemClock
from claude_code_tracer.collector import Collector
from claude_code_tracer.model import Entity
from claude_code_tracer.outbox import FileRow, Outbox
from tests.bench.collecting import config_of, new_collector
from tests.bench.figures import Figure
from tests.transcripts import Conversation

__all__ = ["measure"]

_FILES = 50_000
_PER_PROJECT = 50
_EVERY = 100
_MONTH_S = 30 * 86400.0


def measure() -> list[Figure]:
    """Collect them all once, then look again and again."""
    files = int(os.environ.get("BENCH_FILES") or _FILES)
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        config = config_of(Path(folder))
        talks = [_old_talk(config.user_home, number) for number in range(files)]
        clock = SystemClock()
        with _TimedOutbox.open(config, clock) as outbox:
            assert isinstance(outbox, _TimedOutbox)
            collector = new_collector(config, outbox, clock)
            first_s = _timed_s(collector, files)
            again_s = _timed_s(collector, 0)
            collector = new_collector(config, outbox, clock)
            restarted_s = _timed_s(collector, 0)
            changed = talks[::_EVERY]
            for talk in changed:
                talk.prompt("One more thing")
            outbox.first_s = None
            begin_s = time.perf_counter()
            all_s = _timed_s(collector, len(changed))
            assert outbox.first_s
            record_s = outbox.first_s - begin_s
    return [
        Figure(f"collect {files} files", first_s, "s"),
        Figure("look again, none changed", again_s, "s", 1.0),
        Figure("look after a restart, none changed", restarted_s, "s", 1.0),
        Figure(f"{len(changed)} changed: to the first record", record_s, "s", 1.0),
        Figure(f"{len(changed)} changed: to the last record", all_s, "s"),
    ]


class _TimedOutbox(Outbox):
    """Remembers when it got a first record."""

    first_s: float | None = None

    def put(self, file: FileRow, entities: Iterable[Entity], **options: Any) -> FileRow:
        """Keep `entities`."""
        entities = list(entities)
        row = super().put(file, entities, **options)
        if entities and self.first_s is None:
            self.first_s = time.perf_counter()
        return row


def _old_talk(home: Path, number: int) -> Conversation:
    session = f"{number:08x}-9999-4999-8999-999999999999"
    talk = Conversation(home, session, cwd=f"/home/u/project-{number // _PER_PROJECT}")
    talk.prompt("Hello")
    month_ago = time.time() - _MONTH_S + number
    os.utime(talk.path, (month_ago, month_ago))
    return talk


def _timed_s(collector: Collector, files: int) -> float:
    begin_s = time.perf_counter()
    report = collector.run_once()
    took_s = time.perf_counter() - begin_s
    assert report.files == files and not report.errors, report
    return took_s
