"""Where Qwen Code keeps its chats, and what a path alone says about one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.source import Shape, Transcript

__all__ = ["NAME", "agent_session", "chat_folders", "transcript_at"]

NAME = "qwen"

_AGENT = re.compile(r"agent-([A-Za-z0-9_-]{1,100})")
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}")


def chat_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return the `projects` and the older `tmp` folders, whether they exist or not.

    QWEN_HOME replaces `~/.qwen`, QWEN_RUNTIME_DIR moves only what is written while it is set: what
    was there before stays in the first.
    """
    home = _folder(env, "QWEN_HOME", user_home) or user_home / ".qwen"
    bases = [_folder(env, "QWEN_RUNTIME_DIR", user_home) or home, home]
    folders = [base / name for base in bases for name in ("projects", "tmp")]
    return list(dict.fromkeys(folders))


def _folder(env: Mapping[str, str], name: str, user_home: Path) -> Path | None:
    value = env.get(name, "").strip()
    if value == "~" or value.startswith("~/"):
        return user_home / value[2:]
    return Path(value) if value else None


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` below `projects` or `tmp` holds; None: no transcript.

    `<project>/chats/<id>.jsonl`, moved to `chats/archive/` when archived; a subagent's
    `<project>/subagents/<id of its session>/agent-<name>.jsonl`; and, of the first versions, a
    Gemini-like `<project>/chats/session-*.json`. Other `.json` beside them are side files.
    """
    if not path.is_relative_to(root) or not _PLAIN.fullmatch(path.stem):
        return None
    parts = path.relative_to(root).parts
    if ".." in parts:
        return None
    folders = parts[1:-1]
    if folders in (("chats",), ("chats", "archive")):
        if path.suffix == ".jsonl":
            return Transcript(NAME, path, path.stem)
        if path.suffix == ".json" and path.stem.startswith("session-"):
            return Transcript(NAME, path, path.stem, shape=Shape.DOCUMENT)
    agent = _AGENT.fullmatch(path.stem)
    is_agent = len(folders) == 2 and folders[0] == "subagents" and path.suffix == ".jsonl"
    if is_agent and agent and _PLAIN.fullmatch(folders[1]):
        return Transcript(NAME, path, agent_session(folders[1], agent[1]), folders[1])
    return None


def agent_session(parent: str, agent_id: str) -> str:
    """Return the native id of a subagent's session: its records carry its parent's."""
    return f"{parent}/{agent_id}"
