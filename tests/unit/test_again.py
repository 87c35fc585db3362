"""Which files a person means, and what is forgotten when they are read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.again import chosen, request
from claude_code_tracer.clock import FakeClock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import NotFound
from claude_code_tracer.outbox import FileRow, Lane, Outbox, Parked
from claude_code_tracer.requests import Done, Drop, Resync, Retry
from tests.faults.pipeline import make_config


def _row(session: str, source: str = "codex", number: int = 0) -> FileRow:
    return FileRow(source=source, path=f"/{session}.{number}", session=session, dev=1, ino=1)


FILES = [
    _row("1111-aaaa"),
    _row("1111-aaaa", number=1),
    _row("1111-aaaa/agent-1"),
    _row("1111-bbbb"),
    _row("2222", "droid"),
    _row("2222-3333", "droid"),
    _row("4444/agent-1"),
    _row("4444/agent-2"),
    _row("5555"),
    _row("5555", "droid"),
]


@pytest.mark.parametrize(
    ("what", "sessions"),
    [
        ("1111-a", ["1111-aaaa", "1111-aaaa", "1111-aaaa/agent-1"]),
        ("1111-aaaa/agent-1", ["1111-aaaa/agent-1"]),
        ("1111-b", ["1111-bbbb"]),
        ("2222", ["2222"]),
        ("2222-", ["2222-3333"]),
        ("droid", ["2222", "2222-3333", "5555"]),
        ("4444/agent-2", ["4444/agent-2"]),
    ],
)
def test_files_are_chosen_by_tool_or_session(what: str, sessions: list[str]) -> None:
    assert [row.session for row in chosen(FILES, what)] == sessions


def test_all_files_are_chosen() -> None:
    assert chosen(FILES, "all") == FILES
    assert chosen([], "all") == []


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("1111", r"'1111' fits 2 sessions \(1111-aaaa \(codex\), 1111-bbbb \(codex\)\)"),
        ("5555", r"\(5555 \(codex\), 5555 \(droid\)\): give more of its id"),
        ("", "nothing was read"),
        ("9", "nothing was read of a session that begins with '9'"),
        ("%", "nothing was read"),
        ("goose", "nothing was read"),
    ],
)
def test_who_is_not_clear_is_asked_for_more(what: str, said: str) -> None:
    with pytest.raises(NotFound, match=said):
        chosen(FILES, what)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    yield make_config(tmp_path)


def test_without_a_tracer_it_is_written_down_for_the_next_start(config: Config) -> None:
    session = "11111111-1111-4111-8111-111111111111"
    path = config.user_home / ".claude" / "projects" / "p" / f"{session}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}\n" * 4)
    row = FileRow("claude_code", str(path), session, 1, 2, cursor=0, seen=9, generation=4)
    with Outbox.open(config, FakeClock()) as outbox:
        outbox.put(row, [], state=b"s", lane=Lane.LIVE, parked=[Parked("odd", start=0, end=3)])
    assert request(config, FakeClock(), Retry(None)) == Done(files=1, bytes=12, pointers=1)
    assert request(config, FakeClock(), Resync(session[:4])) == Done(files=1, bytes=12)
    assert request(config, FakeClock(), Drop(None)) == Done()
    with Outbox.open(config, FakeClock()) as outbox:
        (row,) = outbox.files()
        assert (row.generation, row.cursor, row.seen) == (6, 0, 0)
        assert row.id is not None and outbox.state(row.id) is None
        assert outbox.parked(9) == []


def test_ranks_of_stores_stay(config: Config) -> None:
    """A poorer store stays out when its tool's better one is gone: its rows are there already."""
    with Outbox.open(config, FakeClock()) as outbox:
        outbox.put(_row("a", "cursor"), [], state=None, lane=Lane.LIVE, ranks={"a": 2})
    request(config, FakeClock(), Resync("all"))
    with Outbox.open(config, FakeClock()) as outbox:
        assert outbox.stores() == [("cursor", "a", 2)]


def test_a_file_of_an_unknown_tool_cannot_be_tried_again(config: Config) -> None:
    path = config.user_home / "old.jsonl"
    path.write_bytes(b"{}\n")
    row = FileRow("forgotten", str(path), "s", 1, 2)
    with Outbox.open(config, FakeClock()) as outbox:
        outbox.put(row, [], state=None, lane=Lane.LIVE, parked=[Parked("odd")])
    done = request(config, FakeClock(), Retry([1]))
    assert done.kept == {"no tool that this version knows writes such a file": [1]}
