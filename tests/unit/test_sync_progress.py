"""What `sync` tells whoever watches: first how far it has read, then how far it has sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.collector import CollectProgress
from claude_code_tracer.health import Backfill
from claude_code_tracer.sync import _ship_all, _show
from tests.faults.pipeline import line, running
from tests.unit.cli.test_inspect import a_health


def test_sending_is_told_batch_by_batch(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with running(tmp_path, batch_rows=2) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(line(n) for n in range(5)))
        pipeline.collect()
        _ship_all(cast(Any, pipeline), FakeClock(), lambda *at: told.append(at))
    assert told == [(0, 6), (2, 6), (4, 6)]


def test_the_running_tracer_is_followed_while_it_reads_and_while_it_sends() -> None:
    progress: list[CollectProgress] = []
    sending: list[tuple[int, int]] = []
    at = Backfill(files_done=1, files_total=3, bytes_done=5, bytes_total=9, records=7, masked=2)
    before = a_health(shipped_records=100)
    reading = msgspec.structs.replace(before, backfill=at, pending_records=4)
    shipping = a_health(shipped_records=110, pending_records=40)
    for now in (before, reading, shipping):
        _show(before, now, progress.append, lambda *at: sending.append(at))
    assert progress == [CollectProgress(1, 3, 5, 9, 7, 2)]
    assert sending == [(10, 50)]
