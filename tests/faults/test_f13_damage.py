"""F13 to F22: damaged transcripts of Claude Code, from the file to the rows of PostgreSQL."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.guard import Guard
from tests.faults.claude import ID, claude_to, messages_of, talk, user_record
from tests.faults.real_server import RealServer

GOLDEN = Path(__file__).parents[1] / "golden" / "claude-damaged"
DAMAGED = "44444444-4444-4444-8444-444444444444"
TOKEN = "ghp_" + "a1B2" * 9
AT = "2026-11-01T10:00:00.000Z"


def test_f13_f14_f15_f16_f18_f19_f20_f22_every_whole_record_is_in_the_database(
    server: RealServer, tmp_path: Path
) -> None:
    shutil.copytree(GOLDEN / ".claude", tmp_path / ".claude")
    expected = json.loads((GOLDEN / "expected.json").read_text("utf-8"))["claude"]
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
        parked = pipeline.outbox.parked(99)
    stored = messages_of(server, DAMAGED)
    assert [message["text"] for message in stored] == expected["prompts"]
    assert Counter(flag for m in stored for flag in m["flags"] or ()) == expected["flags"]
    assert sorted(span.reason for span in parked) == sorted(expected["bad_spans"])
    (file,) = (tmp_path / ".claude").rglob("*.jsonl")
    for span in parked:  # a pointer leads to the bytes, and says nothing of them
        assert span.start is not None and span.end is not None
        assert 0 <= span.start < span.end <= file.stat().st_size and span.sha256


def test_f11_a_last_line_that_was_sent_and_grows_is_read_anew(
    server: RealServer, tmp_path: Path
) -> None:
    session = talk(tmp_path)
    session.raw(user_record("one", "u1", AT) + user_record("two", "u2", AT).rstrip(b"\n"))
    with claude_to(server, tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        for wait_s, texts in ((1, ["one"]), (700, ["one", "two"])):
            pipeline.clock.advance_s(wait_s)
            pipeline.collect()
            pipeline.ship()
            assert [message["text"] for message in messages_of(server)] == texts
        session.raw(user_record("three", "u3", AT))  # the newline never came: glued
        pipeline.collect()
        pipeline.ship()
        assert pipeline.outbox.stats().parked_rows == 0
        assert pipeline.outbox.files()[0].cursor == session.path.stat().st_size
    assert [message["text"] for message in messages_of(server)] == ["one", "two", "three"]


def test_f15_a_tail_of_nul_bytes_waits_for_the_record_behind_it(
    server: RealServer, tmp_path: Path
) -> None:
    session = talk(tmp_path)
    session.raw(user_record("before", "u1", AT) + bytes(9000))
    with claude_to(server, tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        pipeline.collect()
        pipeline.clock.advance_s(3600)  # it stands still for long, and is no record all the same
        pipeline.collect()
        assert pipeline.outbox.parked(9) == []
        session.raw(user_record("behind", "u2", AT))
        pipeline.collect()
        pipeline.ship()
        assert [span.reason for span in pipeline.outbox.parked(9)] == ["NUL bytes"]
    stored = messages_of(server)
    assert [message["text"] for message in stored] == ["before", "behind"]
    assert [message["flags"] for message in stored] == [None, ["salvaged"]]


def test_f21_an_unknown_record_is_kept_masked_and_told(server: RealServer, tmp_path: Path) -> None:
    session = talk(tmp_path)
    session.prompt("hello")
    session.record(type="from-the-future", deep={"key": [1, TOKEN]})
    session.record(type="user", message={"role": "user", "content": [{"type": "hologram"}]})
    session.record(type="assistant")
    with claude_to(server, tmp_path, Guard.load()) as pipeline:
        report = pipeline.collect()
        for path in pipeline.config.home.root.rglob("*"):
            assert not path.is_file() or TOKEN.encode() not in path.read_bytes()
        pipeline.ship()
        assert report.unknown == 2  # messages; the block is one of a known type
        assert pipeline.outbox.stats().parked_rows == 0
    stored = messages_of(server)
    assert [message["kind"] for message in stored] == ["prompt", "unknown", "injected", "unknown"]
    (future,), (hologram,) = stored[1]["blocks"], stored[2]["blocks"]
    assert hologram["kind"] == "unknown" and hologram["data"] == {"type": "hologram"}
    assert future["data"]["type"] == "from-the-future"
    assert TOKEN not in json.dumps(stored) and sum(future["masked"].values()) == 1


def test_f22_without_a_time_it_is_unknown_and_the_place_gives_the_order(
    server: RealServer, tmp_path: Path
) -> None:
    times = [AT, None, "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "tomorrow", AT]
    session = talk(tmp_path)
    for number, at in enumerate(times):
        session.raw(user_record(f"{number}", f"u{number}", at))
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
    stored = messages_of(server)
    assert [message["text"] for message in stored] == [str(n) for n in range(len(times))]
    assert [message["at"] is None for message in stored] == [False, *[True] * 4, False]
    span = "select started_at, ended_at, started_at = %s from public.sessions where native_id = %s"
    started, ended, is_first = server.execute(
        f"{span} and owner_id = %s", AT, ID, server.person.id
    )[0]
    assert started == ended and is_first
