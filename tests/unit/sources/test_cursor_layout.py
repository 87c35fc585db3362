"""Which files are Cursor's, and what their places say."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_code_tracer.sources.source import Shape
from tests.unit.sources.cursor_stores import CURSOR, HOME, SESSION, transcript

PROJECT = ".cursor/projects/home-u-proj/agent-transcripts"


def test_roots_are_the_stores_of_the_agent_and_of_the_ide() -> None:
    names = [str(root.relative_to(HOME)) for root in CURSOR.roots({}, HOME)]
    assert names == [
        ".cursor/projects",
        ".cursor/chats",
        ".cursor/acp-sessions",
        ".config/Cursor/User/globalStorage",
        ".config/Cursor/User/workspaceStorage",
        "Library/Application Support/Cursor/User/globalStorage",
        "Library/Application Support/Cursor/User/workspaceStorage",
    ]


def test_roots_follow_the_variables_that_move_them() -> None:
    found = CURSOR.roots({"XDG_CONFIG_HOME": "~/conf", "CURSOR_CONFIG_DIR": "/x"}, HOME)
    assert HOME / "conf/Cursor/User/globalStorage" in found
    assert HOME / "conf/cursor/chats" in found
    assert Path("/x/projects") in found
    assert HOME / ".config/Cursor/User/globalStorage" not in found


@pytest.mark.parametrize(
    "name",
    [
        f"{PROJECT}/{SESSION}/{SESSION}.jsonl",
        f"{PROJECT}/{SESSION}.jsonl",
        f"{PROJECT}/{SESSION}.txt",
        f"{PROJECT}/{SESSION}.json",
        f".cursor/projects/agent-transcripts/{SESSION}/{SESSION}.jsonl",
    ],
)
def test_a_transcript_is_a_document_named_by_its_session(name: str) -> None:
    file = transcript(name)
    assert (file.session, file.parent, file.shape) == (SESSION, None, Shape.DOCUMENT)


def test_a_subagents_transcript_names_its_parent() -> None:
    file = transcript(f"{PROJECT}/{SESSION}/subagents/child.jsonl")
    assert (file.session, file.parent) == ("child", SESSION)


@pytest.mark.parametrize(
    "name",
    [
        f".cursor/chats/0f/{SESSION}/store.db",
        f".cursor/acp-sessions/{SESSION}/store.db",
        ".config/Cursor/User/globalStorage/state.vscdb",
        "Library/Application Support/Cursor/User/workspaceStorage/ab12/state.vscdb",
    ],
)
def test_a_database_is_read_by_rows(name: str) -> None:
    file = transcript(name)
    assert file.shape is Shape.ROWS
    assert file.tables


def test_a_chats_database_and_its_meta_file_are_one_session() -> None:
    names = ("store.db", "meta.json")
    found = {transcript(f".cursor/chats/0f/{SESSION}/{name}").session for name in names}
    assert found == {SESSION}


@pytest.mark.parametrize(
    "name",
    [
        ".cursor/projects/home-u-proj/terminals/1.txt",
        ".cursor/projects/home-u-proj/agent-tools/x.txt",
        f"{PROJECT}/{SESSION}/{SESSION}.md",
        f"{PROJECT}/{SESSION}/other/{SESSION}.jsonl",
        f"{PROJECT}/{SESSION}/subagents/deep/x.jsonl",
        f"{PROJECT}/.jsonl",
        f".cursor/chats/0f/{SESSION}/prompt_history.json",
        ".cursor/chats/0f/store.db",
        ".config/Cursor/User/globalStorage/state.vscdb.backup",
        ".config/Cursor/User/globalStorage/ext/state.vscdb",
        ".config/Cursor/User/workspaceStorage/ab12/workspace.json",
        "elsewhere/x.jsonl",
    ],
)
def test_anything_else_is_no_transcript(name: str) -> None:
    path = HOME / name
    assert all(CURSOR.transcript(root, path) is None for root in CURSOR.roots({}, HOME))


def test_no_table_asks_for_secrets() -> None:
    """The same database holds sign-in tokens and encryption keys."""
    tables = transcript(".config/Cursor/User/globalStorage/state.vscdb").tables
    text = " ".join(table.sql for table in tables)
    assert "cursorAuth" not in text
    assert "EncryptionKey" not in text
    assert "where key in (" in next(table.sql for table in tables if table.name == "items")


def test_the_ides_databases_are_worth_more_than_a_chats_and_that_more_than_a_transcript() -> None:
    user = ".config/Cursor/User"
    ranks = [
        transcript(name).rank
        for name in (
            f"{user}/globalStorage/state.vscdb",
            f"{user}/workspaceStorage/0f/state.vscdb",
            f".cursor/chats/0f/{SESSION}/store.db",
            f".cursor/chats/0f/{SESSION}/meta.json",
            f"{PROJECT}/{SESSION}/{SESSION}.jsonl",
            f"{PROJECT}/{SESSION}.txt",
        )
    ]
    assert ranks == [2, 2, 1, 1, 0, 0]
