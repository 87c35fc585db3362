"""Where Cursor keeps its stores, what a path alone says about one, and what is read of a database.

A project's folder name is its path with every odd character made a hyphen: nobody can tell the path
from it, so nobody tries.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.cursor.tables import CHAT_TABLES, IDE_TABLES
from claude_code_tracer.sources.source import Shape, Table, Transcript

__all__ = ["META", "NAME", "STORE", "roots", "transcript_at"]

NAME = "cursor"
META = "meta.json"
STORE = "store.db"
_STATE = "state.vscdb"
_TRANSCRIPTS = "agent-transcripts"
_SUBAGENTS = "subagents"
_SUFFIXES = {".jsonl", ".json", ".txt"}
_MAX_NATIVE_ID = 200

_IDE_RANK = 2
"""The IDE's databases know most: results, models, some tokens, exact times, what an edit changed.
The ids of their bubbles agree, so those of a workspace and the global one merge."""
_CHAT_RANK = 1
"""`store.db` knows results and models, mostly no times. A transcript, rank 0, knows none of it."""


def roots(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return the folders of the agent and of the IDE, on Linux and on macOS."""
    homes = [user_home / ".cursor"]
    users = []
    if configured := env.get("CURSOR_CONFIG_DIR", "").strip():
        homes.append(_expand(configured, user_home))
    config = user_home / ".config"
    if xdg := env.get("XDG_CONFIG_HOME", "").strip():
        config = _expand(xdg, user_home)
        homes.append(config / "cursor")
    users += [config / "Cursor", user_home / "Library" / "Application Support" / "Cursor"]
    folders = [home / part for home in homes for part in ("projects", "chats", "acp-sessions")]
    folders += [
        user / "User" / part for user in users for part in ("globalStorage", "workspaceStorage")
    ]
    return list(dict.fromkeys(folders))


def _expand(name: str, user_home: Path) -> Path:
    return user_home / name[2:] if name == "~" or name.startswith("~/") else Path(name)


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` holds; the last folder of `root` says which store that is."""
    if not path.is_relative_to(root):
        return None
    parts = path.relative_to(root).parts
    if not parts or ".." in parts:
        return None
    match root.name:
        case "projects":
            return _transcript(path, parts)
        case "chats":
            return _chat(path, parts, depth=3)
        case "acp-sessions":
            return _chat(path, parts, depth=2)
        case "globalStorage":
            return _ide(path) if parts == (_STATE,) else None
        case "workspaceStorage":
            return _ide(path) if len(parts) == 2 and path.name == _STATE else None
    return None


def _transcript(path: Path, parts: tuple[str, ...]) -> Transcript | None:
    """Return `<project>/agent-transcripts/...`; a session without a project has no `<project>`."""
    if path.suffix not in _SUFFIXES or _TRANSCRIPTS not in parts[:2]:
        return None
    below = parts[parts.index(_TRANSCRIPTS) + 1 :]
    if len(below) == 3 and below[1] == _SUBAGENTS:
        return _file(path, path.stem, Shape.DOCUMENT, parent=below[0])
    return _file(path, path.stem, Shape.DOCUMENT) if len(below) in (1, 2) else None


def _chat(path: Path, parts: tuple[str, ...], depth: int) -> Transcript | None:
    """Return `<hash of the folder>/<session>/store.db`, or the `meta.json` beside it."""
    if len(parts) != depth or path.name not in (STORE, META):
        return None
    if path.name == META:
        return _file(path, parts[-2], Shape.DOCUMENT, rank=_CHAT_RANK)
    return _file(path, parts[-2], Shape.ROWS, tables=CHAT_TABLES, rank=_CHAT_RANK)


def _ide(path: Path) -> Transcript | None:
    return _file(path, path.parent.name, Shape.ROWS, tables=IDE_TABLES, rank=_IDE_RANK)


def _file(
    path: Path,
    session: str,
    shape: Shape,
    parent: str | None = None,
    tables: tuple[Table, ...] = (),
    rank: int = 0,
) -> Transcript | None:
    if not session or session.startswith(".") or len(session) > _MAX_NATIVE_ID:
        return None
    return Transcript(NAME, path, session, parent, shape, tables, rank)
