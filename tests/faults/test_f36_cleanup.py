"""F36: Claude Code deletes old transcripts; what was collected stays, and what waits is sent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.faults.claude import ID, claude_to, messages_of, talk, user_record
from tests.faults.real_server import RealServer

KEPT = "0000000c-0000-4000-8000-000000000000"
AT = "2026-10-01T10:00:00.000Z"
LONG_AGO = (1_790_000_000, 1_790_000_000)


def _write(home: Path, session: str, *texts: str) -> Path:
    transcript = talk(home, session)
    for text in texts:
        transcript.raw(user_record(text, f"{session[:8]}-{text}", AT, session))
    os.utime(transcript.path, LONG_AGO)
    return transcript.path


def _clean_up(transcript: Path) -> None:
    """Delete a session as the tool does: its transcript and the folder beside it."""
    transcript.unlink()
    shutil.rmtree(transcript.with_suffix(""), ignore_errors=True)


def _rows(server: RealServer) -> list[tuple[object, ...]]:
    """Return every row with the transaction that wrote it last."""
    tables = ("sessions", "messages", "blocks")
    query = "select '{0}', id, xmin::text from public.{0} where owner_id = %s order by id"
    return [row for table in tables for row in server.mine(query.format(table))]


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_f36_nothing_of_a_deleted_transcript_is_deleted(
    server: RealServer, tmp_path: Path, restart: bool
) -> None:
    old = _write(tmp_path, ID, "one", "two")
    _write(tmp_path, KEPT, "kept")
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
        before = _rows(server)
        _clean_up(old)
        if not restart:
            pipeline.collect()
            pipeline.ship()
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
        gone = {Path(row.path).stem: row.is_gone for row in pipeline.outbox.files()}
    assert gone == {ID: True, KEPT: False}
    assert _rows(server) == before
    assert [message["text"] for message in messages_of(server)] == ["one", "two"]


def test_f36_what_waits_is_sent_though_its_transcript_is_gone(
    server: RealServer, tmp_path: Path
) -> None:
    old = _write(tmp_path, ID, "one", "two")
    _write(tmp_path, KEPT, "kept")
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()  # and nobody can be reached
    _clean_up(old)
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
        assert pipeline.outbox.queue().rows == 0
    assert [message["text"] for message in messages_of(server)] == ["one", "two"]


def test_f36_everything_deleted_at_once_deletes_nothing(server: RealServer, tmp_path: Path) -> None:
    old = _write(tmp_path, ID, "one")
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
        before = _rows(server)
        shutil.rmtree(old.parents[2])
        pipeline.collect()
        pipeline.ship()
    assert _rows(server) == before


def test_f36_a_transcript_deleted_and_written_again_doubles_nothing(
    server: RealServer, tmp_path: Path
) -> None:
    old = _write(tmp_path, ID, "one", "two")
    with claude_to(server, tmp_path) as pipeline:
        pipeline.collect()
        pipeline.ship()
        before = _rows(server)
        _clean_up(old)
        pipeline.collect()
        _write(tmp_path, ID, "one", "two", "three")  # from a backup, and worked on
        pipeline.collect()
        pipeline.ship()
    assert set(before) - set(_rows(server)) <= {row for row in before if row[0] == "sessions"}
    assert [message["text"] for message in messages_of(server)] == ["one", "two", "three"]
