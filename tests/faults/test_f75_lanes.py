"""F75: sessions at work never wait behind a backfill, neither to be read nor to be sent."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.collect_report import CollectProgress
from tests.faults.pipeline import Pipeline, line, running


def _old(pipeline: Pipeline, name: str, *texts: str) -> None:
    path = pipeline.folder / f"{name}.jsonl"
    path.write_bytes(b"".join(map(line, texts)))
    at = (pipeline.clock.now() - timedelta(days=3)).timestamp()
    os.utime(path, (at, at))


def _messages(pipeline: Pipeline) -> list[str]:
    names = {row["session"] for row in pipeline.server.rows.values()}
    return [name for name in pipeline.server.order if name not in names]


def test_f75_live_session_is_read_between_the_chunks_of_an_old_one(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        live = pipeline.folder / "live.jsonl"
        live.write_bytes(line("hot 0"))
        pipeline.drain()
        _old(pipeline, "old", *(f"old {number}" for number in range(5000)))
        pending: list[int] = []

        def work_on(at: CollectProgress) -> None:
            pipeline.clock.advance_s(1)  # type: ignore[attr-defined]
            with live.open("ab") as file:
                file.write(line(f"hot {at.records}"))
            pending.append(at.records)

        pipeline.collector.run_once(work_on)
        records = pipeline.outbox.take(9999, 99_999_999)
        live_rows = sum(b'"live"' in record.body for record in records)
        assert len(pending) >= 10 and live_rows >= 2 * 9
        lanes = [b'"live"' in record.body for record in records]
        assert lanes == sorted(lanes, reverse=True)


def test_f75_new_session_is_found_while_an_old_one_is_read(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        (pipeline.folder / "live.jsonl").write_bytes(line("live"))
        pipeline.drain()
        _old(pipeline, "old", *(f"old {number}" for number in range(5000)))
        created_at: list[int] = []

        def work_on(at: CollectProgress) -> None:
            pipeline.clock.advance_s(1)  # type: ignore[attr-defined]
            if not created_at:
                (pipeline.folder / "new.jsonl").write_bytes(line("fresh"))
                created_at.append(at.records)

        pipeline.collector.run_once(work_on)
        pipeline.ship()
        order = _messages(pipeline)
        assert order.index("fresh") < order.index("old 0")
        seqs = {record.seq for record in pipeline.outbox.take(9, 9999)}
        assert not seqs and created_at[0] < 2000


def test_f75_newest_old_session_goes_first_and_each_in_order(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=7) as pipeline:
        for age in (3, 1, 2):
            path = pipeline.folder / f"s{age}.jsonl"
            path.write_bytes(b"".join(line(f"{age} {number:02}") for number in range(10)))
            at = (pipeline.clock.now() - timedelta(days=age * 2)).timestamp()
            os.utime(path, (at, at))
        pipeline.drain()
        assert _messages(pipeline) == [f"{age} {n:02}" for age in (1, 2, 3) for n in range(10)]
