"""Where Claude Code's files are and what their paths say."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.sources.registry import SOURCES, source_named
from claude_code_tracer.sources.source import Shape

CLAUDE = source_named("claude_code")
HOME = Path("/home/u")
ROOT = HOME / ".claude" / "projects"
SESSION = "11111111-1111-4111-8111-111111111111"


def test_sources_have_a_name_of_the_schema_and_one_for_people() -> None:
    assert ("claude_code", "Claude Code") in [(source.name, source.label) for source in SOURCES]
    with pytest.raises(ConfigError, match="claude_code"):
        source_named("nobody")


MAC_AGENTS = "/home/u/Library/Application Support/Claude/local-agent-mode-sessions"
LINUX_AGENTS = "/home/u/.config/Claude/local-agent-mode-sessions"


@pytest.mark.parametrize(
    ("env", "roots"),
    [
        ({}, ["/home/u/.claude/projects", "/home/u/.config/claude/projects"]),
        (
            {"CLAUDE_CONFIG_DIR": ""},
            ["/home/u/.claude/projects", "/home/u/.config/claude/projects"],
        ),
        ({"CLAUDE_CONFIG_DIR": "/a"}, ["/a/projects"]),
        ({"CLAUDE_CONFIG_DIR": "/a, /b/projects ,,/a"}, ["/a/projects", "/b/projects"]),
        ({"CLAUDE_CONFIG_DIR": "~/own"}, ["/home/u/own/projects"]),
        ({"CLAUDE_CONFIG_DIR": "/e\u0301"}, ["/\u00e9/projects"]),
    ],
)
def test_roots_follow_the_environment(env: dict[str, str], roots: list[str]) -> None:
    assert [str(root) for root in CLAUDE.roots(env, HOME)] == [*roots, MAC_AGENTS, LINUX_AGENTS]


def test_roots_follow_the_config_folder() -> None:
    assert [str(root) for root in CLAUDE.roots({"XDG_CONFIG_HOME": "/x"}, HOME)] == [
        "/home/u/.claude/projects",
        "/x/claude/projects",
        MAC_AGENTS,
        "/x/Claude/local-agent-mode-sessions",
    ]


@pytest.mark.parametrize(
    ("path", "session", "parent"),
    [
        (f"-p/{SESSION}.jsonl", SESSION, None),
        (f"-p/{SESSION}/subagents/agent-abc123.jsonl", f"{SESSION}/abc123", SESSION),
        (f"-p/{SESSION}/subagents/agent-acompact-9f.jsonl", f"{SESSION}/acompact-9f", SESSION),
        (f"-p/{SESSION}/subagents/workflows/wf_1/agent-a.jsonl", f"{SESSION}/a", SESSION),
        ("-p/agent-12ab34cd.jsonl", "agent-12ab34cd", None),
    ],
)
def test_a_path_names_its_session(path: str, session: str, parent: str | None) -> None:
    found = CLAUDE.transcript(ROOT, ROOT / path)
    assert found is not None
    assert (found.source, found.session, found.parent) == ("claude_code", session, parent)
    assert found.path == ROOT / path


@pytest.mark.parametrize(
    ("path", "session", "parent"),
    [
        (f"-p/{SESSION}/custom-title.json", SESSION, None),
        (f"-p/{SESSION}/tool-results/toolu_01AbC.txt", SESSION, None),
        (f"-p/{SESSION}/tool-results/toolu_01AbC.json", SESSION, None),
        (f"-p/{SESSION}/subagents/agent-a1.meta.json", f"{SESSION}/a1", SESSION),
        (f"-p/{SESSION}/subagents/workflows/wf/agent-a1.meta.json", f"{SESSION}/a1", SESSION),
    ],
)
def test_files_beside_a_transcript_are_documents(
    path: str, session: str, parent: str | None
) -> None:
    found = CLAUDE.transcript(ROOT, ROOT / path)
    assert found is not None
    assert (found.session, found.parent, found.shape) == (session, parent, Shape.DOCUMENT)


@pytest.mark.parametrize(
    ("path", "session"),
    [
        (f"a/o/local_1/.claude/projects/-p/{SESSION}.jsonl", SESSION),
        (f"a/o/local_1/.claude/projects/-p/{SESSION}/subagents/agent-x.jsonl", f"{SESSION}/x"),
        ("a/o/local_1/audit.jsonl", None),
        ("a/o/local_1/.claude/projects/-p/../../x.jsonl", None),
        ("a/projects.jsonl", None),
    ],
)
def test_local_agents_of_the_desktop_keep_whole_homes(path: str, session: str | None) -> None:
    root = Path(LINUX_AGENTS)
    found = CLAUDE.transcript(root, root / path)
    assert (found.session if found else None) == session


@pytest.mark.parametrize(
    "path",
    [
        "loose.jsonl",
        "-p/notes.md",
        "-p/.hidden.jsonl",
        "-p/history.jsonl",
        "-p/memory/x.jsonl",
        "-p/sessions-index.json",
        f"-p/{SESSION}/tool-results/0123abcd.txt",
        f"-p/{SESSION}/tool-results/toolu_1.png",
        f"-p/{SESSION}/tool-results/deeper/toolu_1.txt",
        f"-p/{SESSION}/other.json",
        f"-p/{SESSION}/custom-title.txt",
        f"-p/{SESSION}/workflows/wf_1.json",
        f"-p/{SESSION}/subagents/agent-.meta.json",
        f"-p/{SESSION}/subagents/agent-a.json",
        f"-p/{SESSION}/subagents/workflows/wf_1/journal.jsonl",
        f"-p/{'x' * 300}.jsonl",
        "../elsewhere.jsonl",
    ],
)
def test_other_files_are_no_transcripts(path: str) -> None:
    assert CLAUDE.transcript(ROOT, ROOT / path) is None


def test_a_path_outside_is_no_transcript() -> None:
    assert CLAUDE.transcript(ROOT, Path(f"/elsewhere/-p/{SESSION}.jsonl")) is None
