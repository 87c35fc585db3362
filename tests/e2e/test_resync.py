"""`claude-tracer resync` and `parked` beside a running tracer and without one."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from tests.e2e.snapshot import physical_rows
from tests.e2e.world import World
from tests.golden.homes import build_home
from tests.transcripts import Conversation

SESSION = "aaaaaaaa-1111-4111-8111-111111111111"
SOURCES = ("claude_code", "codex", "cursor", "opencode", "gemini")
"""Lines, documents, archives and databases; stores of different rank."""


def _age(home: Path) -> None:
    """Let every file be an hour old: none waits for a better store to come."""
    hour_ago = time.time() - 3600
    for path in home.rglob("*"):
        if path.is_file():
            os.utime(path, (hour_ago, hour_ago))


@pytest.mark.slow
def test_f32_resync_of_everything_changes_no_row(world: World) -> None:
    for source in SOURCES:
        build_home(source, world.home)
    _age(world.home)
    world.run("start", "--daemon")
    world.run("sync")
    with world.connect() as connection:
        rows = physical_rows(connection)
        assert all(rows[table] for table in ("sessions", "messages", "tool_calls", "model_calls"))
        parked = world.json("parked", "list")
        sent = world.json("status")["shipped_records"]
        done = world.json("resync", "all")
        assert done["files"] > len(SOURCES) and done["bytes"] > 0 and done["gone"] == 0
        world.run("sync")
        assert world.json("status")["shipped_records"] >= 2 * sent > 0
        assert physical_rows(connection) == rows
        again = world.json("parked", "list")
        assert [_place(item) for item in again] == [_place(item) for item in parked]

        world.run("stop")
        assert "by the next `claude-tracer sync`" in world.run("resync", "codex")
        world.run("start", "--daemon")
        world.run("sync")
    with world.connect() as connection:
        assert physical_rows(connection) == rows


def _place(item: dict[str, object]) -> tuple[object, ...]:
    return tuple(item[name] for name in ("file", "start", "end", "reason"))


@pytest.mark.slow
def test_f32_an_edited_line_arrives_by_resync_and_what_was_set_aside_can_be_managed(
    world: World,
) -> None:
    assert world.run("parked", "list") == "Nothing is set aside.\n"
    talk = Conversation(world.home, SESSION)
    for number in range(30):
        talk.prompt(f"Question {number:03}")
    talk.raw(b"{secret text that is no JSON\n")
    talk.prompt("The end")
    world.run("start", "--daemon")
    world.run("sync")
    talk.path.write_bytes(talk.path.read_bytes().replace(b"Question 015", b"Question XXX"))
    world.run("sync")
    assert "Question XXX" not in world.run("sessions", "show", SESSION)

    done = world.json("resync", SESSION[:6])
    assert (done["files"], done["bytes"]) == (1, talk.path.stat().st_size)
    world.run("sync")
    assert "Question XXX" in world.run("sessions", "show", SESSION)

    (item,) = world.json("parked", "list")
    assert (item["source"], item["session"]) == ("claude_code", f"claude_code/{SESSION}")
    assert item["file"] == str(talk.path) and item["end"] - item["start"] == 28
    table = world.run("parked", "list", "-n", "1")
    assert "secret" not in table and str(item["id"]) in table

    number = str(item["id"])
    assert "1 file is read again" in world.run("parked", "retry", number)
    world.run("sync")
    (item,) = world.json("parked", "list")
    assert str(item["id"]) != number
    world.run("parked", "drop", "--all", code=130)  # nobody is there to say yes
    assert world.json("parked", "drop", "--all", "--yes") == {"pointers": 1, "kept": []}
    assert world.json("parked", "list") == []
    assert world.json("sync")["parked"] == 0
    assert world.json("status")["parked_records"] == 0
    assert "set aside" not in world.run("doctor")


def test_commands_say_what_they_cannot_do(world: World) -> None:
    assert "nothing was read of a session" in world.run("resync", "beef", code=1)
    assert world.run("resync", "all") == "Nothing is read again.\n"
    assert "or --all" in world.run("parked", "retry", code=2)
    assert "or --all" in world.run("parked", "drop", "1", "--all", "--yes", code=2)
    done = world.json("parked", "drop", "7", "--yes")
    assert done["kept"] == [{"why": "it is not set aside (any more)", "ids": [7]}]
    for command in (["resync"], ["parked", "list"], ["parked", "retry"], ["parked", "drop"]):
        assert "Example:" in world.run(*command, "--help")


def test_a_newer_outbox_is_refused_and_nothing_is_asked_of_a_later_start(world: World) -> None:
    world.run("resync", "all")
    with sqlite3.connect(world.config.home.outbox) as db:
        db.execute("pragma user_version = 99")
    db.close()
    assert "newer claude-tracer" in world.run("resync", "all", code=78)
    assert list(world.config.home.requests.iterdir()) == []
