"""Which files are rollouts, and which session they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_code_tracer.sources.source import Shape
from tests.unit.sources.codex_rollouts import CODEX, OTHER, THREAD

HOME = Path("/home/u")
SESSIONS = HOME / ".codex" / "sessions"
NAME = f"rollout-2026-07-01T12-00-00-{THREAD}"


def test_roots_are_the_two_folders_of_the_home() -> None:
    assert CODEX.roots({}, HOME) == [SESSIONS, HOME / ".codex" / "archived_sessions"]


def test_codex_home_may_list_several_homes() -> None:
    roots = CODEX.roots({"CODEX_HOME": " ~/.codex-work, /data/codex,, ~/.codex-work"}, HOME)
    assert roots == [
        HOME / ".codex-work" / "sessions",
        HOME / ".codex-work" / "archived_sessions",
        Path("/data/codex/sessions"),
        Path("/data/codex/archived_sessions"),
    ]


@pytest.mark.parametrize(
    ("name", "session", "shape"),
    [
        (f"2026/07/01/{NAME}.jsonl", THREAD, Shape.LINES),
        (f"{NAME}.jsonl", THREAD, Shape.LINES),
        (f"2026/07/01/{NAME}.jsonl.zst", THREAD, Shape.ARCHIVE),
        (f"2026/07/01/{NAME}_{OTHER}.jsonl", THREAD, Shape.LINES),
        ("2025/09/30/rollout-2025-09-30T15-42-34-plain-id.jsonl", "plain-id", Shape.LINES),
        ("child.jsonl", "child", Shape.LINES),
    ],
)
def test_transcript_takes_the_session_from_the_file_name(
    name: str, session: str, shape: Shape
) -> None:
    found = CODEX.transcript(SESSIONS, SESSIONS / name)
    assert found
    assert (found.session, found.shape, found.parent) == (session, shape, None)


@pytest.mark.parametrize(
    "name", ["notes.txt", ".jsonl", ".hidden.jsonl", "state_5.sqlite", "../history.jsonl", "a.zst"]
)
def test_transcript_leaves_other_files_alone(name: str) -> None:
    assert CODEX.transcript(SESSIONS, SESSIONS / name) is None


def test_transcript_leaves_files_of_other_folders_alone() -> None:
    assert CODEX.transcript(SESSIONS, HOME / ".codex" / "history.jsonl") is None
