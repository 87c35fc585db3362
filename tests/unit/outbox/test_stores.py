from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import StorageFull
from claude_code_tracer.model import Entity, Session
from claude_code_tracer.outbox import FileRow, Lane, Outbox
from claude_code_tracer.outbox.stores import Stores
from tests.faults.pipeline import make_config, message, with_settings

FILE = FileRow(source="lines", path="/t/a.db", session="a", dev=1, ino=2)
OLD_S = 3600.0


@pytest.fixture
def outbox(config: Config) -> Iterator[Outbox]:
    with Outbox.open(config, FakeClock()) as outbox:
        yield outbox


@pytest.fixture
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return make_config(tmp_path_factory.mktemp("home"))


def _said(*sessions: str) -> list[Entity]:
    return [message(session, {"id": "1"}, 0) for session in sessions]


def test_a_session_belongs_to_the_best_store_that_has_a_message_of_it() -> None:
    stores = Stores([("lines", "a", 2)])
    fact = Session(source="lines", session="b", revision=0)
    assert stores.won("lines", [*_said("a", "c", "c"), fact], 2) == {"c": 2}
    assert stores.won("lines", _said("a", "c"), 1) == {"c": 1}
    assert stores.won("lines", _said("a"), 3) == {"a": 3}
    assert stores.won("lines", _said("c"), 0) == {}


def test_what_a_better_store_has_is_left_out_facts_too() -> None:
    stores = Stores([("lines", "a", 2)])
    a, b = _said("a", "b")
    fact = Session(source="lines", session="a", revision=0)
    assert stores.best("lines", [a, b, fact], 1) == [b]
    assert stores.best("lines", [a, b, fact], 2) == [a, b, fact]
    assert stores.has_better("lines", "a", 1) and not stores.has_better("lines", "a", 2)
    assert not stores.has_better("other", "a", 0)
    everything = [a, b]
    assert stores.best("other", everything, 0) is everything, "who ranks nothing pays nothing"


def test_who_ranks_nothing_waits_for_nobody() -> None:
    stores = Stores([("other", "a", 1)])
    assert stores.begin(FILE, 0, 0)
    assert stores.begin(replace(FILE, source="other", cursor=7), 0, 0), "it was read before"


def test_a_file_waits_for_a_better_store_until_that_is_read() -> None:
    stores = Stores([])
    better = replace(FILE, path="/t/best.db")
    assert stores.begin(better, 2, 0)
    assert not stores.begin(FILE, 1, OLD_S)
    assert stores.begin(replace(FILE, path="/t/equal.db"), 2, OLD_S)
    assert stores.begin(replace(FILE, mark=b"read before"), 1, OLD_S)
    stores.end(better.path)
    stores.end("/t/equal.db")
    assert stores.begin(FILE, 1, OLD_S)


def test_a_search_looks_again_at_all_but_the_open_store() -> None:
    stores = Stores([])
    stores.begin(replace(FILE, path="/t/best.db"), 2, 0)
    stores.look_again("/t/best.db")
    assert not stores.begin(FILE, 0, OLD_S)
    stores.look_again(None)
    assert stores.begin(FILE, 0, OLD_S)


def test_a_young_file_is_put_off_once() -> None:
    stores = Stores([("lines", "x", 1)])
    assert not stores.begin(FILE, 0, 1)
    assert stores.begin(FILE, 0, 2)
    assert stores.begin(replace(FILE, path="/t/old"), 0, 11)
    assert not stores.begin(replace(FILE, path="/t/ahead"), 0, -1), "a clock may be behind"


def test_ranks_are_kept_with_the_rows_they_come_from(outbox: Outbox) -> None:
    file = outbox.put(FILE, _said("a"), state=None, lane=Lane.LIVE, ranks={"a": 1, "b": 2})
    outbox.put(file, _said("a"), state=None, lane=Lane.LIVE, ranks={"a": 2, "b": 1})
    assert sorted(outbox.stores()) == [("lines", "a", 2), ("lines", "b", 2)]


def test_ranks_of_what_could_not_be_put_are_not_kept(config: Config) -> None:
    with Outbox.open(with_settings(config, outbox_max_bytes=1), FakeClock()) as outbox:
        file = outbox.put(FILE, _said("a"), state=None, lane=Lane.LIVE, ranks={"a": 1})
        with pytest.raises(StorageFull):
            outbox.put(file, _said("b"), state=None, lane=Lane.LIVE, ranks={"b": 1})
        assert outbox.stores() == [("lines", "a", 1)]


def test_a_new_server_forgets_ranks(outbox: Outbox) -> None:
    outbox.put(FILE, _said("a"), state=None, lane=Lane.LIVE, ranks={"a": 1})
    outbox.follow("one")
    assert outbox.stores() == [("lines", "a", 1)]
    outbox.follow("one")
    assert outbox.follow("two")
    assert outbox.stores() == []
