"""Where Gemini CLI keeps its chats, and what a path alone says about one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.source import Shape, Transcript

__all__ = ["NAME", "chat_folders", "chat_shape", "transcript_at"]

NAME = "gemini"

_SHAPES = {".json": Shape.DOCUMENT, ".jsonl": Shape.LINES}
_MAX_NATIVE_ID = 200


def chat_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return the `tmp` folder; GEMINI_CLI_HOME stands for the home folder, as in the CLI."""
    home = env.get("GEMINI_CLI_HOME", "").strip()
    return [(Path(home) if home else user_home) / ".gemini" / "tmp"]


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` below the `tmp` folder `root` holds; None: no transcript.

    `<project>/chats/session-<time>-<8 of the id>.json[l]`, and a subagent's
    `<project>/chats/<id of its parent>/<id>.jsonl`. The name holds only a part of a session's id:
    the file says all of it.
    """
    shape = chat_shape(path)
    if shape is None or not path.is_relative_to(root):
        return None
    parts = path.relative_to(root).parts
    if len(parts) not in (3, 4) or parts[1] != "chats" or ".." in parts:
        return None
    if len(parts) == 3:
        is_chat = path.stem.startswith("session-")
        return Transcript(NAME, path, path.stem, None, shape) if is_chat else None
    parent = parts[2]
    if parent.startswith(".") or len(parent) > _MAX_NATIVE_ID:
        return None
    return Transcript(NAME, path, path.stem, parent, shape)


def chat_shape(path: Path) -> Shape | None:
    """Return how a chat is written, by its name; None when it is none."""
    is_plain = not path.stem.startswith(".") and len(path.stem) <= _MAX_NATIVE_ID
    return _SHAPES.get(path.suffix) if is_plain else None
