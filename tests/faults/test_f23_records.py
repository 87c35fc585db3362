"""F23, F24, F26: records that Claude Code wrote out of order, twice, or into another file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.claude import ID, claude_to, messages_of, talk, user_record
from tests.faults.real_server import RealServer

OTHER = "0000000b-0000-4000-8000-000000000000"
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _texts(server: RealServer, session: str = ID) -> list[str]:
    return [message["text"] for message in messages_of(server, session)]


def test_f23_times_that_jump_back_change_no_order(server: RealServer, tmp_path: Path) -> None:
    jumps = [timedelta(), timedelta(minutes=5), timedelta(hours=-23), timedelta(hours=-22)]
    session = talk(tmp_path)
    for number, jump in enumerate(jumps):
        session.raw(user_record(str(number), f"u{number}", _stamp(START + jump)))
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
    stored = messages_of(server)
    assert [message["text"] for message in stored] == ["0", "1", "2", "3"]
    told = [datetime.fromisoformat(message["at"]) for message in stored]
    assert told == [START + jump for jump in jumps]  # as the tool wrote them
    query = "select started_at, ended_at, created_at from public.sessions where owner_id = %s"
    ((started, ended, created),) = server.mine(query)
    assert (started, ended) == (min(told), max(told))
    assert created > max(told)  # the server's own time is another fact


def test_f23_the_clocks_of_two_machines_change_no_order(server: RealServer, tmp_path: Path) -> None:
    """A session goes on at a machine whose clock is an hour late."""
    early, late = tmp_path / "early", tmp_path / "late"
    lines = [user_record(str(n), f"u{n}", _stamp(START + timedelta(minutes=n))) for n in range(3)]
    lines += [
        user_record(str(n), f"u{n}", _stamp(START + timedelta(minutes=n - 60))) for n in range(3, 6)
    ]
    for home, known in ((early, lines[:3]), (late, lines)):
        home.mkdir()
        talk(home).raw(b"".join(known))
        with claude_to(server, home) as pipeline:
            pipeline.collect()
            pipeline.ship()
    assert _texts(server) == [str(n) for n in range(6)]


@pytest.mark.parametrize("passes", [1, 2], ids=["in one batch", "in two"])
def test_f24_a_record_written_twice_is_one_row(
    server: RealServer, tmp_path: Path, passes: int
) -> None:
    session = talk(tmp_path)
    session.raw(user_record("first", "u1", _stamp(START)))
    session.raw(user_record("early", "u2", _stamp(START)))
    with claude_to(server, tmp_path) as pipeline:
        if passes == 2:
            pipeline.collect()
            pipeline.ship()
        session.raw(user_record("late", "u2", _stamp(START + timedelta(hours=9))))
        session.raw(user_record("first", "u1", _stamp(START - timedelta(hours=23))))
        pipeline.collect()
        pipeline.ship()
        assert pipeline.outbox.stats().parked_rows == 0
    stored = messages_of(server)
    assert sorted(message["text"] for message in stored) == ["first", "late"]
    assert len({message["id"] for message in stored}) == 2


def test_f24_thousands_of_records_appended_again_are_the_rows_they_were(
    server: RealServer, tmp_path: Path
) -> None:
    lines = [user_record(f"{n}", f"u{n}", _stamp(START)) for n in range(1200)]
    session = talk(tmp_path)
    session.raw(b"".join(lines))
    session.raw(b"".join(lines[100:]))  # as after a sleep of the machine
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
        assert pipeline.outbox.stats().parked_rows == 0
    count = "select count(*), count(distinct id) from public.messages where owner_id = %s"
    assert server.mine(count) == [(1200, 1200)]


def test_f26_a_record_that_names_another_session_stays_in_its_file_s(
    server: RealServer, tmp_path: Path
) -> None:
    """Its field also names the parent of a subagent and what a fork was copied from."""
    ours, other = talk(tmp_path), talk(tmp_path, OTHER)
    ours.raw(user_record("mine", "u1", _stamp(START)))
    ours.raw(user_record("a stranger's", "u2", _stamp(START), session=OTHER))
    other.raw(user_record("the stranger", "u3", _stamp(START), session=OTHER))
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
    assert _texts(server) == ["mine", "a stranger's"]
    assert _texts(server, OTHER) == ["the stranger"]


def test_f26_what_another_session_was_billed_is_counted_once(
    server: RealServer, tmp_path: Path
) -> None:
    other = talk(tmp_path, OTHER)
    other.answer("billed to me", output_tokens=700)
    line = other.path.read_bytes()
    talk(tmp_path).raw(user_record("mine", "u1", _stamp(START)) + line)
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
    total = "select sum(output_tokens), sum(calls) from public.usage_slots where owner_id = %s"
    assert server.mine(total) == [(700, 1)]
