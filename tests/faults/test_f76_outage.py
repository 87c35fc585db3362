"""F76: the server is gone for a day or five while a lot is written; then it is back."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from pathlib import Path

import httpx
import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import RetryLater, ServerUnavailable, StorageFull
from tests.faults.pipeline import Pipeline, line, running
from tests.faults.sending import MockServer, over, ship_patiently

_SESSIONS = ("morning", "noon", "night")
_HOUR_S = 3600.0


def _advance(pipeline: Pipeline, seconds: float) -> None:
    assert isinstance(pipeline.clock, FakeClock)
    pipeline.clock.advance_s(seconds)


def _append(pipeline: Pipeline, session: str, *texts: str) -> None:
    with (pipeline.folder / f"{session}.jsonl").open("ab") as file:
        file.write(b"".join(line(text) for text in texts))


def _day_without_a_server(pipeline: Pipeline, server: MockServer, day: int) -> list[str]:
    """Write and collect every hour, and try to send; return what was written."""
    written = []
    for hour in range(24):
        for session in _SESSIONS:
            texts = [f"{session} {day} {hour:02} {number}" for number in range(5)]
            _append(pipeline, session, *texts)
            written += texts
        pipeline.collect()
        server.script = [httpx.ConnectTimeout]
        with pytest.raises(ServerUnavailable):
            pipeline.shipper.run_once()
        _advance(pipeline, _HOUR_S)
    return written


def test_f76_five_days_are_delivered_in_order_and_the_server_is_eased_into_it(
    tmp_path: Path,
) -> None:
    server, written = MockServer(), list[str]()
    with running(tmp_path, batch_rows=100) as pipeline:
        for day in range(5):
            with over(pipeline, transport=server.transport):
                written += _day_without_a_server(pipeline, server, day)
            if day != 4:
                pipeline.restart()
        server.script = [httpx.ConnectTimeout, httpx.ReadTimeout]
        with over(pipeline, transport=server.transport):
            assert len(ship_patiently(pipeline)) == 2
    assert server.memory.texts == sorted(written)
    for session in _SESSIONS:
        delivered = [text for text in server.memory.order if text.startswith(f"{session} ")]
        assert delivered == [text for text in written if text.startswith(f"{session} ")]
    # What waited goes out in growing batches, behind one row that tries the ground.
    assert server.memory.batches[0] < server.memory.batches[1] < server.memory.batches[2]
    assert server.memory.batches[0] == 1 and max(server.memory.batches) <= 100


class _Counter:
    """A server that keeps the number of the last message of each session, and checks it."""

    def __init__(self) -> None:
        self.is_up = False
        self.last: dict[str, int] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if not self.is_up:
            raise httpx.ConnectError("down", request=request)
        batch = json.loads(request.content)["batch"]
        for row in batch["messages"]:
            number = int(row["native_id"].split()[0])
            assert number == self.last.get(row["session"], -1) + 1, "a gap or a double"
            self.last[row["session"]] = number
        rows = sum(len(rows) for rows in batch.values() if isinstance(rows, list))
        return httpx.Response(200, json={"accepted": rows, "refused": []})


@pytest.mark.slow
def test_f76_a_day_with_much_more_than_memory_may_hold_is_delivered_in_order(
    tmp_path: Path,
) -> None:
    """12 MB wait behind 3 MB of outbox: both reading and sending stay within a few batches."""
    server, texts = _Counter(), 2000
    padding = " " + "x" * 2000
    with running(tmp_path, outbox_max_bytes=3_000_000, batch_bytes=250_000) as pipeline:
        for session in _SESSIONS:
            file = pipeline.folder / f"{session}.jsonl"
            file.write_bytes(b"".join(line(f"{number}{padding}") for number in range(texts)))
        tracemalloc.start()
        try:
            with over(pipeline, transport=httpx.MockTransport(server.answer)):
                for _ in range(24):
                    with contextlib.suppress(StorageFull):
                        pipeline.collect()
                    with pytest.raises(ServerUnavailable):
                        pipeline.shipper.run_once()
                    _advance(pipeline, _HOUR_S)
                assert 2_000_000 < pipeline.outbox.stats().pending_bytes <= 3_000_000
                server.is_up = True
                _deliver(pipeline)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert server.last == dict.fromkeys(_SESSIONS, texts - 1)
    assert peak < 6_000_000, f"{peak} bytes at once"


def _deliver(pipeline: Pipeline) -> None:
    """Collect and ship in turn until nothing is left, as the two threads do."""
    while True:
        is_all_read = False
        with contextlib.suppress(StorageFull):
            pipeline.collect()
            is_all_read = True
        try:
            more = pipeline.shipper.run_once().more
        except RetryLater as exc:
            _advance(pipeline, exc.after_s or 1)
            continue
        if is_all_read and not more:
            return
