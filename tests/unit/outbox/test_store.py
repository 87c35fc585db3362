from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import NotFound, StorageFull, TracerError
from claude_code_tracer.model import Entity, Message, ToolCall
from claude_code_tracer.outbox import FileRow, Lane, Outbox, Parked
from claude_code_tracer.outbox.codec import decode
from tests.faults.pipeline import make_config, message, with_settings

FILE = FileRow(source="lines", path="/t/a.jsonl", session="a", dev=1, ino=2)


def _messages(*names: str, session: str = "a") -> list[Entity]:
    return [message(session, {"id": name}, start=number) for number, name in enumerate(names)]


def _names(outbox: Outbox, max_rows: int = 500, max_bytes: int = 1_000_000) -> list[str | None]:
    entities = [decode(record.body) for record in outbox.take(max_rows, max_bytes)]
    return [entity.native_id for entity in entities if isinstance(entity, Message)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path)


@pytest.fixture
def outbox(config: Config) -> Iterator[Outbox]:
    with Outbox.open(config, FakeClock()) as outbox:
        yield outbox


def _put(
    outbox: Outbox, *names: str, file: FileRow = FILE, lane: Lane = Lane.LIVE, session: str = "a"
) -> FileRow:
    return outbox.put(file, _messages(*names, session=session), state=b"s", lane=lane)


def test_rows_come_back_in_order_until_they_are_acknowledged(outbox: Outbox) -> None:
    _put(outbox, "1", "2", "3")
    assert _names(outbox) == _names(outbox) == ["1", "2", "3"]
    first, *_ = outbox.take(1, 1_000_000)
    outbox.ack([first.seq])
    assert _names(outbox) == ["2", "3"]
    outbox.ack([record.seq for record in outbox.take(9, 1_000_000)])
    assert _names(outbox) == []
    assert outbox.stats().pending_rows == outbox.stats().pending_bytes == 0


def test_take_is_bounded_but_gives_one_row_at_least(outbox: Outbox) -> None:
    _put(outbox, "1", "2", "3")
    size = len(outbox.take(1, 1)[0].body)
    assert _names(outbox, max_rows=2) == ["1", "2"]
    assert _names(outbox, max_bytes=2 * size) == ["1", "2"]
    assert _names(outbox, max_bytes=1) == ["1"]


def test_live_rows_go_before_old_ones(outbox: Outbox) -> None:
    _put(outbox, "old", lane=Lane.BACKFILL, session="old")
    _put(outbox, "new", file=replace(FILE, path="/t/b.jsonl"))
    assert _names(outbox) == ["new", "old"]


def test_session_that_comes_alive_takes_its_waiting_rows_along(outbox: Outbox) -> None:
    _put(outbox, "x", file=replace(FILE, path="/o"), lane=Lane.BACKFILL, session="other")
    file = _put(outbox, "1", "2", lane=Lane.BACKFILL)
    _put(outbox, "3", file=file)
    assert _names(outbox) == ["1", "2", "3", "x"]


def test_cursor_and_state_come_with_the_rows(config: Config) -> None:
    with Outbox.open(config, FakeClock()) as outbox:
        file = replace(FILE, cursor=10, head=b"h", mark=b"m", seen=12, generation=3)
        put = outbox.put(file, _messages("1"), state=b"state", lane=Lane.LIVE)
    with Outbox.open(config, FakeClock()) as outbox:
        assert outbox.files() == [put]
        assert put.id is not None and outbox.state(put.id) == b"state"
        moved = outbox.put(replace(put, cursor=20), [], state=None, lane=Lane.LIVE)
        assert outbox.files() == [moved]
        assert outbox.state(put.id) is None


def test_put_is_all_or_nothing(outbox: Outbox) -> None:
    put = _put(outbox, "1")
    other = replace(FILE, cursor=99)  # the same path as a second file breaks the unique key
    with pytest.raises(TracerError, match="SQLITE_CONSTRAINT"):
        outbox.put(other, _messages("2"), state=None, lane=Lane.LIVE)
    assert outbox.files() == [put]
    assert _names(outbox) == ["1"]
    assert outbox.stats().pending_rows == 1


def test_parked_rows_are_pointers_with_their_file(outbox: Outbox) -> None:
    span = Parked("not JSON", start=3, end=9, sha256="ab")
    file = outbox.put(FILE, [], state=None, lane=Lane.LIVE, parked=[span])
    assert outbox.parked(9) == [replace(span, file=file.id, generation=0)]
    assert outbox.stats().parked == {"not JSON": 1}


def test_parking_removes_the_row(outbox: Outbox) -> None:
    _put(outbox, "1", "2")
    first = outbox.take(1, 1)[0]
    outbox.park([first.seq], [Parked("refused", kind=first.kind)])
    assert _names(outbox) == ["2"]
    assert (outbox.stats().parked_rows, outbox.stats().pending_rows) == (1, 1)


def test_vanished_file_keeps_its_rows_and_comes_back(outbox: Outbox) -> None:
    file = _put(outbox, "1")
    assert file.id is not None
    outbox.mark_gone([file.id])
    assert [row.is_gone for row in outbox.files()] == [True]
    assert (outbox.stats().files, outbox.stats().pending_rows) == (0, 1)
    outbox.put(file, [], state=None, lane=Lane.LIVE)
    assert [row.is_gone for row in outbox.files()] == [False]


def test_stats_say_since_when(outbox: Outbox) -> None:
    assert outbox.stats().oldest_at is None
    _put(outbox, "1")
    assert outbox.stats().oldest_at == FakeClock().now()


@pytest.mark.parametrize("ino", [1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_inode_may_use_all_64_bits(outbox: Outbox, ino: int) -> None:
    outbox.put(replace(FILE, ino=ino), [], state=None, lane=Lane.LIVE)
    assert outbox.files()[0].ino == ino


def test_path_need_not_be_utf8(outbox: Outbox) -> None:
    path = os.fsdecode(b"/t/caf\xe9.jsonl")
    outbox.put(replace(FILE, path=path), [], state=None, lane=Lane.LIVE)
    assert outbox.files()[0].path == path


def test_files_are_private_whatever_the_umask(config: Config) -> None:
    before = os.umask(0)
    try:
        with Outbox.open(config, FakeClock()) as outbox:
            _put(outbox, "1")
            modes = {p.name: p.stat().st_mode & 0o777 for p in config.home.outbox.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"records.db": 0o600, "records.db-wal": 0o600, "records.db-shm": 0o600}


def test_reader_beside_the_writer_sees_everything_and_writes_nothing(
    config: Config, outbox: Outbox
) -> None:
    _put(outbox, "1")
    with Outbox.open_readonly(config.home.outbox) as reader:
        assert reader.stats() == outbox.stats()
        _put(outbox, "2", file=outbox.files()[0])
        assert reader.stats().pending_rows == 2
        assert not hasattr(reader, "put")


def test_reader_works_without_a_writer(config: Config) -> None:
    with Outbox.open(config, FakeClock()) as outbox:
        _put(outbox, "1")
    with Outbox.open_readonly(config.home.outbox) as reader:
        assert reader.stats().pending_rows == 1


def test_reader_needs_an_outbox(config: Config) -> None:
    with pytest.raises(NotFound, match="claude-tracer start"):
        Outbox.open_readonly(config.home.outbox)


def test_full_outbox_refuses_rows_and_loses_none(config: Config) -> None:
    with Outbox.open(with_settings(config, outbox_max_bytes=400), FakeClock()) as outbox:
        file = _put(outbox, "1", "2")
        with pytest.raises(StorageFull, match="reading pauses"):
            outbox.put(replace(file, cursor=9), _messages("3"), state=None, lane=Lane.LIVE)
        assert outbox.files() == [file]
        outbox.ack([record.seq for record in outbox.take(9, 9999)])
        _put(outbox, "3", file=file)
        assert _names(outbox) == ["3"]


def test_row_larger_than_the_outbox_passes_alone(config: Config) -> None:
    with Outbox.open(with_settings(config, outbox_max_bytes=10), FakeClock()) as outbox:
        _put(outbox, "1")
        assert _names(outbox) == ["1"]


def test_entity_that_json_cannot_say_is_parked(outbox: Outbox) -> None:
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(100_000):
        inner["a"] = inner = {}
    call = ToolCall(source="lines", session="a", id="i", revision=7, input=deep)
    try:
        outbox.put(FILE, [*_messages("1"), call], state=None, lane=Lane.LIVE)
    finally:
        while deep:  # a nest this deep must not be left to the interpreter to take apart
            deep = deep.pop("a")
    assert _names(outbox) == ["1"]
    (parked,) = outbox.parked(9)
    assert (parked.kind, parked.start, parked.session) == ("tool_call", 7, "lines/a")


def test_two_threads_share_it(outbox: Outbox) -> None:
    taken: list[int] = []

    def ship() -> None:
        while len(taken) < 400:
            seqs = [record.seq for record in outbox.take(7, 1_000_000)]
            outbox.ack(seqs)
            taken.extend(seqs)

    shipper = threading.Thread(target=ship)
    shipper.start()
    file = FILE
    for number in range(100):
        file = _put(outbox, *(f"{number}-{part}" for part in range(4)), file=file)
    shipper.join(20)
    assert len(set(taken)) == len(taken) == 400
    assert outbox.stats().pending_rows == 0


def test_file_shrinks_after_a_backfill(config: Config, outbox: Outbox) -> None:
    big: list[Entity] = [
        message("a", {"id": str(n), "text": "x" * 10_000}, start=n) for n in range(2500)
    ]
    outbox.put(FILE, big, state=None, lane=Lane.BACKFILL)
    while records := outbox.take(500, 10_000_000):
        outbox.ack([record.seq for record in records])
    outbox.close()
    assert config.home.outbox.stat().st_size < 17_000_000  # of 31 MB; some space is kept for use


def test_another_server_gets_every_file_from_the_start(outbox: Outbox) -> None:
    read = replace(_put(outbox, "1"), cursor=9, head=b"h", mark=b"m", seen=9)
    outbox.put(read, [], state=b"s", lane=Lane.LIVE)
    assert not outbox.follow("first")  # the first one we ever heard of
    assert not outbox.follow("first")
    assert outbox.files()[0].cursor == 9
    assert outbox.follow("second")
    (anew,) = outbox.files()
    assert (anew.cursor, anew.generation, anew.head) == (0, read.generation + 1, b"")
    assert anew.id and outbox.state(anew.id) is None
    assert outbox.stats().pending_rows == 1  # what waits goes to the new one as well
