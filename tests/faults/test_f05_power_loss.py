"""F05: a power cut loses the last transactions; rows and cursor roll back together."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.faults.pipeline import line, running


def _cut(log: Path, size: int) -> None:
    with log.open("r+b") as file:
        file.truncate(size)


def _zero(log: Path, size: int) -> None:
    """Keep the length and lose the content, as some file systems do."""
    lost = log.stat().st_size - size
    _cut(log, size)
    with log.open("ab") as file:
        file.write(bytes(lost))


@pytest.mark.parametrize("lose", [_cut, _zero])
@pytest.mark.parametrize("seed", range(8))
def test_f05_write_ahead_log_lost_from_anywhere_on(
    tmp_path: Path, seed: int, lose: Callable[[Path, int], None]
) -> None:
    rng = Random(seed)
    with running(tmp_path) as pipeline:
        transcript = pipeline.folder / "a.jsonl"
        names = [f"{number:04}" for number in range(900)]
        for start in range(0, 900, 100):
            with transcript.open("ab") as file:
                file.write(b"".join(map(line, names[start : start + 100])))
            pipeline.collect()
        kept = tmp_path / "kept"
        shutil.copytree(pipeline.config.home.outbox.parent, kept)  # as it stands on the disk
        pipeline.outbox.close()
        log = kept / "records.db-wal"
        lose(log, rng.randrange(log.stat().st_size))
        (kept / "records.db-shm").unlink()
        shutil.rmtree(pipeline.config.home.outbox.parent)
        kept.rename(pipeline.config.home.outbox.parent)
        pipeline.restart()
        db = sqlite3.connect(pipeline.config.home.outbox)
        assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
        db.close()
        rows = {record.seq for record in pipeline.outbox.take(9999, 99_999_999)}
        cursors = [row.cursor for row in pipeline.outbox.files()]
        lines_read = sum(cursors) // len(line("0000"))
        assert len(rows) == lines_read + lines_read // 100  # and a session row for each put
        assert pipeline.drain() == names
