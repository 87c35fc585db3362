"""Where Claude Code keeps its transcripts, and what a path alone says about one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.source import Transcript

__all__ = ["NAME", "agent_session", "project_folders", "transcript_at"]

NAME = "claude_code"

_AGENT = re.compile(r"agent-([A-Za-z0-9_.-]{1,100})")
_MAX_NATIVE_ID = 200
_NO_TRANSCRIPTS = {"journal", "history"}


def project_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return every `projects` folder; CLAUDE_CONFIG_DIR may list several, or name one itself."""
    configured = env.get("CLAUDE_CONFIG_DIR", "")
    if configured.strip():
        names = unicodedata.normalize("NFC", configured).split(",")
        homes = [_expand(name.strip(), user_home) for name in names if name.strip()]
    else:
        xdg = env.get("XDG_CONFIG_HOME") or str(user_home / ".config")
        homes = [user_home / ".claude", _expand(xdg, user_home) / "claude"]
    folders = [home if home.name == "projects" else home / "projects" for home in homes]
    return list(dict.fromkeys(folders))


def _expand(name: str, user_home: Path) -> Path:
    if name == "~" or name.startswith("~/"):
        return user_home / name[2:]
    return Path(name)


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` below the projects folder `root` holds; None: no transcript."""
    if path.suffix != ".jsonl" or not path.is_relative_to(root):
        return None
    parts = path.relative_to(root).parts
    agent = _AGENT.fullmatch(path.stem)
    if ".." in parts:
        return None
    if len(parts) == 2 and path.stem not in _NO_TRANSCRIPTS:
        return _transcript(path, path.stem, None)
    if len(parts) >= 4 and parts[2] == "subagents" and agent:
        return _transcript(path, agent_session(parts[1], agent[1]), parts[1])
    return None


def _transcript(path: Path, session: str, parent: str | None) -> Transcript | None:
    if session.startswith(".") or len(session) > _MAX_NATIVE_ID:
        return None
    return Transcript(NAME, path, session, parent)


def agent_session(parent: str, agent_id: str) -> str:
    """Return the native id of a subagent's session; the same from its file and from its parent."""
    return f"{parent}/{agent_id}"
