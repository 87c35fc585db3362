from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import (
    ConfigError,
    HaltStage,
    RetryLater,
    ServerTooOld,
    ServerUnavailable,
    SignedOut,
)
from claude_code_tracer.model import Entity, ModelCall, ToolCall
from claude_code_tracer.outbox import FileRow, Lane
from claude_code_tracer.ship.classify import Answer, Refusal
from claude_code_tracer.shipper import Shipper
from tests.faults.pipeline import Pipeline, message, running

FILE = FileRow(source="lines", path="/t/a.jsonl", session="a", dev=1, ino=2)
DOWN = ServerUnavailable("no answer from here")


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with running(tmp_path) as pipeline:
        yield pipeline


def _put(pipeline: Pipeline, *names: str) -> None:
    entities: list[Entity] = [
        message("a", {"id": name}, start=number) for number, name in enumerate(names)
    ]
    _put_rows(pipeline, entities)


def _put_rows(pipeline: Pipeline, entities: list[Entity]) -> None:
    known = pipeline.outbox.files()
    file = known[0] if known else FILE
    pipeline.outbox.put(file, entities, state=None, lane=Lane.LIVE)


def _wait(pipeline: Pipeline, error: RetryLater) -> None:
    assert isinstance(pipeline.clock, FakeClock) and error.after_s
    pipeline.clock.advance_s(error.after_s)


def _call(**values: Any) -> ToolCall:
    return ToolCall(source="lines", session="a", id="c", native_id="big", revision=1, **values)


def test_nothing_to_send(pipeline: Pipeline) -> None:
    report = pipeline.shipper.run_once()
    assert (report.sent, report.parked, report.more) == (0, 0, False)
    assert pipeline.server.batches == []


def test_sends_in_order_and_forgets(pipeline: Pipeline) -> None:
    _put(pipeline, "1", "2", "3")
    report = pipeline.shipper.run_once()
    assert (report.sent, report.parked, report.more) == (3, 0, False)
    assert pipeline.server.order == ["1", "2", "3"]
    assert pipeline.outbox.stats().pending_rows == 0
    assert pipeline.shipper.shipped == 3


def test_batches_are_bounded(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=4) as pipeline:
        _put(pipeline, *map(str, range(10)))
        assert pipeline.shipper.run_once().more
        pipeline.ship()
        assert pipeline.server.batches == [4, 4, 2]


def test_batches_are_bounded_in_bytes(tmp_path: Path) -> None:
    with running(tmp_path, batch_bytes=2000) as pipeline:
        _put(pipeline, *map(str, range(20)))
        pipeline.ship()
        assert len(pipeline.server.texts) == 20
        assert max(pipeline.server.batches) < 10


def test_versions_of_one_row_go_as_one(pipeline: Pipeline) -> None:
    _put(pipeline, "1", "1", "2", "1")
    report = pipeline.shipper.run_once()
    assert (report.sent, pipeline.server.batches) == (4, [2])
    assert pipeline.outbox.stats().pending_rows == 0


@pytest.mark.parametrize("place", [0, 1, 9, 17, 19])
@pytest.mark.parametrize("code", ["22P05", "21000", "54000"])
def test_poison_is_isolated_and_parked(tmp_path: Path, place: int, code: str) -> None:
    with running(tmp_path) as pipeline:
        names = [str(number) for number in range(20)]
        pipeline.server.poison = {names[place]}
        pipeline.server.poison_code = code
        _put(pipeline, *names)
        report = pipeline.shipper.run_once()
        assert (report.sent, report.parked) == (19, 1)
        assert pipeline.server.texts == sorted(set(names) - {names[place]})
        (parked,) = pipeline.outbox.parked(9)
        assert (parked.session, parked.kind, parked.start) == ("lines/a", "message", place)
        assert code in parked.reason and parked.record and len(parked.record) == 64
        assert parked.file == pipeline.outbox.files()[0].id
        assert len(pipeline.server.batches) <= 2 * 5 + 1


def test_refused_rows_are_parked_and_the_others_forgotten(pipeline: Pipeline) -> None:
    pipeline.server.refused = {"2", "4"}
    _put(pipeline, "1", "2", "3", "4")
    report = pipeline.shipper.run_once()
    assert (report.sent, report.parked) == (2, 2)
    assert pipeline.server.texts == ["1", "3"]
    reasons = {parked.reason for parked in pipeline.outbox.parked(9)}
    assert reasons == {"refused by the server: not wanted"}
    assert [parked.start for parked in pipeline.outbox.parked(9)] == [3, 1]


@pytest.mark.parametrize(
    "refusal", [Refusal("messages", 9, "no"), Refusal("messages", -1, "no"), Refusal("x", 0, "no")]
)
def test_refusal_of_what_was_not_sent_is_no_answer(pipeline: Pipeline, refusal: Refusal) -> None:
    pipeline.server.script = [Answer(200, accepted=1, refused=(refusal,))]
    _put(pipeline, "1", "2")
    with pytest.raises(ServerUnavailable, match="was not sent"):
        pipeline.shipper.run_once()
    assert pipeline.outbox.stats().pending_rows == 2


def test_damaged_row_is_parked(pipeline: Pipeline) -> None:
    _put(pipeline, "1", "2")
    db = sqlite3.connect(pipeline.config.home.outbox, isolation_level=None)
    db.execute("update record set body = x'00ff' where seq = 1")
    db.close()
    report = pipeline.shipper.run_once()
    assert (report.sent, report.parked, pipeline.server.texts) == (1, 1, ["2"])


def test_row_too_large_is_cut_before_it_is_sent(tmp_path: Path) -> None:
    with running(tmp_path, batch_bytes=5000) as pipeline:
        rows: list[Entity] = [_call(result="x" * 50_000), message("a", {"id": "1"}, start=2)]
        _put_rows(pipeline, rows)
        pipeline.ship()
        row = pipeline.server.rows["tool_calls", "c"]
        assert "cut by claude-tracer" in row["result"] and len(row["result"]) < 5000
        assert pipeline.server.texts == ["1"]
        assert pipeline.outbox.stats().parked_rows == 0


def test_row_the_server_finds_too_large_is_cut_further(pipeline: Pipeline) -> None:
    def size_limit(body: bytes) -> Answer | None:
        return Answer(413) if len(body) > 3000 else None

    pipeline.server.check = size_limit
    _put_rows(pipeline, [_call(result="x" * 50_000), message("a", {"id": "1"}, start=2)])
    pipeline.ship()
    assert 500 < len(pipeline.server.rows["tool_calls", "c"]["result"]) < 3000
    assert pipeline.server.texts == ["1"]


def test_row_that_cannot_be_cut_is_parked(pipeline: Pipeline) -> None:
    pipeline.server.check = lambda _: Answer(413)
    _put(pipeline, "1")
    assert pipeline.shipper.run_once().parked == 1
    assert "too large" in pipeline.outbox.parked(1)[0].reason


def test_silent_server_is_tried_with_growing_pauses(pipeline: Pipeline) -> None:
    pipeline.server.script = [DOWN] * 60
    _put(pipeline, "1", "2")
    waits = []
    for _ in range(60):
        with pytest.raises(ServerUnavailable, match="no answer") as caught:
            pipeline.shipper.run_once()
        waits.append(caught.value.after_s or 0)
        _wait(pipeline, caught.value)
    assert waits[0] <= 1 and all(0.1 <= wait <= 300 for wait in waits)
    assert 100 < sum(waits[20:]) / 40 < 200  # full jitter: the mean is half the cap
    assert pipeline.drain() == ["1", "2"]


def test_pause_is_kept_whoever_asks(pipeline: Pipeline) -> None:
    pipeline.server.script = [DOWN]
    _put(pipeline, "1")
    with pytest.raises(ServerUnavailable) as first:
        pipeline.shipper.run_once()
    with pytest.raises(ServerUnavailable) as second:
        pipeline.shipper.run_once()
    assert str(first.value) == str(second.value)
    assert pipeline.server.batches == [2 - 1]
    _wait(pipeline, second.value)
    assert pipeline.shipper.run_once().sent == 1


def test_after_a_failure_one_row_probes_and_batches_grow(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=50) as pipeline:
        pipeline.server.script = [DOWN]
        _put(pipeline, *map(str, range(100)))
        with pytest.raises(ServerUnavailable) as caught:
            pipeline.shipper.run_once()
        _wait(pipeline, caught.value)
        pipeline.ship()
        assert pipeline.server.batches == [50, 1, 4, 16, 50, 29]


def test_backoff_starts_anew_only_after_a_success(pipeline: Pipeline) -> None:
    pipeline.server.script = [*[DOWN] * 12, None, DOWN]
    pipeline.shipper = Shipper(
        pipeline.config, pipeline.outbox, pipeline.server, pipeline.clock, 1, _Highest()
    )
    waits = []
    _put(pipeline, "1", "2")
    for _ in range(14):
        try:
            pipeline.shipper.run_once()
        except RetryLater as exc:
            waits.append(exc.after_s)
            _wait(pipeline, exc)
        _put(pipeline, "3")
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 1]


@pytest.mark.parametrize(("asked", "kept"), [(20.0, 20.0), (1e9, 300.0), (0.0, 1.0)])
def test_retry_after_is_the_least_pause(pipeline: Pipeline, asked: float, kept: float) -> None:
    pipeline.server.script = [Answer(429, retry_after_s=asked)]
    pipeline.shipper = Shipper(
        pipeline.config, pipeline.outbox, pipeline.server, pipeline.clock, 1, _Highest()
    )
    _put(pipeline, "1")
    with pytest.raises(ServerUnavailable, match="429") as caught:
        pipeline.shipper.run_once()
    assert caught.value.after_s == kept


def test_slow_server_gets_smaller_batches_and_nothing_is_parked(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=64) as pipeline:
        slow = Answer(500, code="57014")
        pipeline.server.check = lambda body: slow if body.count(b'"revision"') > 10 else None
        _put(pipeline, *map(str, range(200)))
        pipeline.ship()
        assert len(pipeline.server.texts) == 200
        too_large = [rows for rows in pipeline.server.batches if rows > 10]
        assert len(too_large) < 20
        assert pipeline.outbox.stats().parked_rows == 0


def test_single_row_that_takes_too_long_waits(pipeline: Pipeline) -> None:
    pipeline.server.script = [Answer(500, code="57014")]
    _put(pipeline, "1")
    with pytest.raises(ServerUnavailable, match="57014"):
        pipeline.shipper.run_once()
    assert pipeline.outbox.stats().pending_rows == 1


def test_halves_that_arrived_are_not_sent_again(pipeline: Pipeline) -> None:
    pipeline.server.script = [Answer(413), None, DOWN]
    _put(pipeline, "1", "2", "3", "4")
    with pytest.raises(ServerUnavailable):
        pipeline.shipper.run_once()
    assert pipeline.outbox.stats().pending_rows == 2
    assert pipeline.shipper.shipped == 2


def test_refused_token_is_read_again_once(pipeline: Pipeline) -> None:
    pipeline.server.script = [Answer(401)]
    pipeline.server.credentials_changed = True
    _put(pipeline, "1")
    assert pipeline.shipper.run_once().sent == 1


def test_revoked_token_means_signed_out_until_a_new_one_comes(pipeline: Pipeline) -> None:
    pipeline.server.script = [Answer(401, code="PT401")]
    _put(pipeline, "1")
    for _ in range(3):
        with pytest.raises(SignedOut, match="claude-tracer login"):
            pipeline.shipper.run_once()
    assert pipeline.server.batches == [1]
    pipeline.server.credentials_changed = True
    assert pipeline.shipper.run_once().sent == 1


@pytest.mark.parametrize(
    ("answer", "error", "advice"),
    [
        (Answer(404, code="PGRST202"), ServerTooOld, "migrations"),
        (Answer(422, code="PT422"), ConfigError, "update claude-tracer"),
        (Answer(403, code="42501"), SignedOut, "dashboard"),
        (Answer(402), HaltStage, "quota"),
        (Answer(404), ConfigError, "url"),
    ],
)
def test_halts_say_what_to_do_and_keep_every_row(
    pipeline: Pipeline, answer: Answer, error: type[HaltStage], advice: str
) -> None:
    pipeline.server.script = [answer]
    _put(pipeline, "1")
    with pytest.raises(error, match=advice):
        pipeline.shipper.run_once()
    assert pipeline.outbox.stats().pending_rows == 1
    assert isinstance(pipeline.clock, FakeClock)
    pipeline.clock.advance_s(300)
    assert pipeline.shipper.run_once().sent == 1


class _Highest(Random):
    """No luck at all: every pause is as long as it may be."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_a_fork_s_copy_of_a_call_goes_with_the_next_batch(pipeline: Pipeline) -> None:
    """Only a server that sees both copies learns that one session is a fork of the other."""
    calls: list[Entity] = [
        ModelCall(source="lines", session=session, id=f"c{number}", revision=number)
        for session in ("a", "b")
        for number in range(3)
    ]
    _put_rows(pipeline, calls)
    pipeline.ship()
    assert pipeline.server.batches == [3, 3]
    assert pipeline.outbox.stats().pending_rows == 0


# The next batch is made ready while the server works ----------------------------------------------


def test_every_record_is_sent_once_and_in_order_with_the_next_batch_ready(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=3) as pipeline:
        names = [str(number) for number in range(10)]
        _put(pipeline, *names)
        pipeline.ship()
        assert pipeline.server.order == names
        assert pipeline.server.batches == [3, 3, 3, 1]
        assert pipeline.outbox.queue().rows == 0


def test_live_record_goes_before_a_batch_that_was_ready(tmp_path: Path) -> None:
    with running(tmp_path, batch_rows=2) as pipeline:
        rows: list[Entity] = [message("old", {"id": str(n)}, start=n) for n in range(6)]
        file = pipeline.outbox.put(FILE, rows, state=None, lane=Lane.BACKFILL)
        pipeline.shipper.run_once()
        now: list[Entity] = [message("new", {"id": "now"}, start=1)]
        pipeline.outbox.put(file, now, state=None, lane=Lane.LIVE)
        pipeline.ship()
        assert pipeline.server.order == ["0", "1", "now", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "failure",
    [ServerUnavailable("gone"), Answer(503), Answer(403, code="42501"), Answer(500, code="22P05")],
)
def test_batch_that_was_ready_waits_for_the_one_before_it(
    tmp_path: Path, failure: Answer | Exception
) -> None:
    with running(tmp_path, batch_rows=3) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        names = [str(number) for number in range(9)]
        _put(pipeline, *names)
        pipeline.shipper.run_once()
        pipeline.server.script = [failure]
        for _ in range(30):
            try:
                pipeline.shipper.run_once()
            except (RetryLater, HaltStage):
                pipeline.clock.advance_s(400)
                pipeline.server.credentials_changed = True
        assert pipeline.server.order == names
        assert pipeline.outbox.queue().rows == 0
