"""F06: a damaged outbox is set aside, visibly, and the transcripts are read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_code_tracer.errors import OutboxDamaged
from claude_code_tracer.outbox import FileRow, Lane
from tests.faults.pipeline import line, running

Damage = Callable[[Path], object]


def _overwrite(path: Path, start: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


def _drop_table(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("drop table record")
    db.commit()
    db.close()


VARIANTS: dict[str, Damage] = {
    "first half only": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "torn page": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "all zero": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "header zero": lambda path: _overwrite(path, 0, bytes(100)),
    "schema page zero": lambda path: _overwrite(path, 100, bytes(3996)),
    "inner pages garbage": lambda path: _overwrite(path, 4096, b"\xa5" * 12288),
    "something else": lambda path: path.write_bytes(b"positions: {}\n" * 50),
    "a table is missing": _drop_table,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_f06_damaged_outbox_is_set_aside_and_rebuilt(tmp_path: Path, variant: str) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(line(n) for n in range(300)))
        pipeline.collect()
        path = pipeline.config.home.outbox
        pipeline.outbox.close()
        VARIANTS[variant](path)
        pipeline.restart()
        (aside,) = pipeline.outbox.stats().quarantined
        assert aside.exists() and aside.stat().st_mode & 0o777 == 0o600
        assert len(pipeline.drain()) == 300


def test_f06_garbage_in_the_write_ahead_log_is_ignored(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(line("1"))
        pipeline.collect()
        path = pipeline.config.home.outbox
        pipeline.outbox.close()
        path.with_name("records.db-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\xff" * 5000)
        pipeline.restart()
        assert pipeline.outbox.stats().quarantined == ()
        assert pipeline.drain() == ["1"]


def test_f06_damage_found_at_work_is_repaired_by_the_next_start(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(line(n) for n in range(3000)))
        pipeline.collect()
        path = pipeline.config.home.outbox
        pipeline.restart()
        _overwrite(path, 4096, b"\xa5" * (path.stat().st_size - 4096))
        with pytest.raises(OutboxDamaged, match="restart claude-tracer"):
            for number in range(50):
                pipeline.outbox.take(500, 10_000_000)
                file = FileRow(source="s", path=f"/{number}", session="x", dev=1, ino=1)
                pipeline.outbox.put(file, [], state=None, lane=Lane.LIVE)
        pipeline.restart()
        assert len(pipeline.outbox.stats().quarantined) == 1
        assert len(pipeline.drain()) == 3000


def test_f06_only_the_newest_quarantines_are_kept(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        for _ in range(5):
            pipeline.outbox.close()
            pipeline.config.home.outbox.write_bytes(b"not a database, by any means" * 9)
            pipeline.restart()
        assert len(pipeline.outbox.stats().quarantined) == 3
