"""F49, F50, F55: no room, and an outbox of another version."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from claude_code_tracer.errors import ConfigError, ServerUnavailable, StorageFull
from claude_code_tracer.outbox import Outbox, database
from claude_code_tracer.outbox.schema import VERSION
from tests.faults.pipeline import line, running


def test_f49_full_disk_pauses_reading_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as pipeline:
        names = [f"{number:05}" for number in range(3000)]
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(map(line, names)))
        connect = database.connect

        def small_disk(path: Path) -> sqlite3.Connection:
            db = connect(path)
            db.execute("pragma max_page_count = 100")
            return db

        with monkeypatch.context() as patch:
            patch.setattr(database, "connect", small_disk)
            pipeline.restart()
        with pytest.raises(StorageFull, match="free some disk space"):
            pipeline.collect()
        pending = pipeline.outbox.stats().pending_rows
        assert 0 < pending < 3000
        for _ in range(50):
            pipeline.ship()
            try:
                pipeline.collect()
            except StorageFull:
                continue
            break
        assert pipeline.drain() == names


def test_f50_full_outbox_holds_the_reader_back(tmp_path: Path) -> None:
    with running(tmp_path, outbox_max_bytes=150_000) as pipeline:
        names = [f"{number:05}" for number in range(3000)]
        (pipeline.folder / "a.jsonl").write_bytes(b"".join(map(line, names)))
        pipeline.server.script = [ServerUnavailable("down")]
        for _ in range(3):
            with pytest.raises(StorageFull, match="reading pauses"):
                pipeline.collect()
            assert pipeline.outbox.stats().pending_bytes <= 150_000
        for _ in range(50):
            try:
                pipeline.collect()
                break
            except StorageFull:
                pipeline.shipper = type(pipeline.shipper)(
                    pipeline.config, pipeline.outbox, pipeline.server, pipeline.clock, 1
                )
                pipeline.server.script = []
                pipeline.ship()
        assert pipeline.drain() == names


def test_f55_outbox_of_a_newer_version_stays_untouched(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "a.jsonl").write_bytes(line("1"))
        pipeline.collect()
        path = pipeline.config.home.outbox
        pipeline.outbox.close()
        db = sqlite3.connect(path)
        db.execute(f"pragma user_version = {VERSION + 1}")
        db.close()
        before = path.read_bytes()
        with pytest.raises(ConfigError, match="update claude-tracer") as caught:
            Outbox.open(pipeline.config, pipeline.clock)
        assert caught.value.exit_code == 78
        assert path.read_bytes() == before
