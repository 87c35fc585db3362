"""Where Claude Code keeps its transcripts, and what a path alone says about one.

Beside a session's transcript stand files that belong to it: those of its subagents with a few
facts about each, outputs of tools too long for the transcript, and the title a person gave it.
The desktop application's local agents keep whole homes of Claude Code below a folder of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.source import Shape, Transcript

__all__ = [
    "META_SUFFIX",
    "NAME",
    "TITLE_FILE",
    "agent_session",
    "project_folders",
    "transcript_at",
]

NAME = "claude_code"
META_SUFFIX = ".meta.json"
TITLE_FILE = "custom-title.json"

_AGENT = re.compile(r"agent-([A-Za-z0-9_.-]{1,100})")
_OUTPUT = re.compile(r"(?:toolu|tooluse|call)_[A-Za-z0-9_-]{1,190}")
_MAX_NATIVE_ID = 200
_NO_TRANSCRIPTS = {"journal", "history"}
_PROJECTS = "projects"
_LOCAL_AGENTS = "local-agent-mode-sessions"


def project_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return every `projects` folder; CLAUDE_CONFIG_DIR may list several, or name one itself.

    Those of the desktop application's local agents are somewhere below the last ones.
    """
    config = _expand(env.get("XDG_CONFIG_HOME") or str(user_home / ".config"), user_home)
    configured = env.get("CLAUDE_CONFIG_DIR", "")
    if configured.strip():
        names = unicodedata.normalize("NFC", configured).split(",")
        homes = [_expand(name.strip(), user_home) for name in names if name.strip()]
    else:
        homes = [user_home / ".claude", config / "claude"]
    folders = [home if home.name == _PROJECTS else home / _PROJECTS for home in homes]
    desktops = [user_home / "Library" / "Application Support" / "Claude", config / "Claude"]
    folders += [desktop / _LOCAL_AGENTS for desktop in desktops]
    return list(dict.fromkeys(folders))


def _expand(name: str, user_home: Path) -> Path:
    if name == "~" or name.startswith("~/"):
        return user_home / name[2:]
    return Path(name)


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` below the folder `root` holds; None: nothing that is read."""
    if path.suffix not in (".jsonl", ".json", ".txt") or not path.is_relative_to(root):
        return None
    parts = path.relative_to(root).parts
    if ".." in parts:
        return None
    if root.name == _LOCAL_AGENTS:
        if _PROJECTS not in parts:
            return None
        parts = parts[parts.index(_PROJECTS) + 1 :]
    if path.suffix == ".jsonl":
        return _lines_at(path, parts)
    return _document_at(path, parts)


def _lines_at(path: Path, parts: tuple[str, ...]) -> Transcript | None:
    if len(parts) == 2 and path.stem not in _NO_TRANSCRIPTS:
        return _transcript(path, path.stem, None)
    agent = _AGENT.fullmatch(path.stem)
    if len(parts) >= 4 and parts[2] == "subagents" and agent:
        return _transcript(path, agent_session(parts[1], agent[1]), parts[1])
    return None


def _document_at(path: Path, parts: tuple[str, ...]) -> Transcript | None:
    if len(parts) == 3 and parts[2] == TITLE_FILE:
        return _transcript(path, parts[1], None, Shape.DOCUMENT)
    if len(parts) == 4 and parts[2] == "tool-results" and _OUTPUT.fullmatch(path.stem):
        return _transcript(path, parts[1], None, Shape.DOCUMENT)
    agent = _AGENT.fullmatch(path.name.removesuffix(META_SUFFIX))
    if len(parts) >= 4 and parts[2] == "subagents" and path.name.endswith(META_SUFFIX) and agent:
        session = agent_session(parts[1], agent[1])
        return _transcript(path, session, parts[1], Shape.DOCUMENT)
    return None


def _transcript(
    path: Path, session: str, parent: str | None, shape: Shape = Shape.LINES
) -> Transcript | None:
    if session.startswith(".") or len(session) > _MAX_NATIVE_ID:
        return None
    return Transcript(NAME, path, session, parent, shape)


def agent_session(parent: str, agent_id: str) -> str:
    """Return the native id of a subagent's session; the same from its file and from its parent."""
    return f"{parent}/{agent_id}"
