"""Where Codex CLI keeps its rollouts, and what a path alone says about one.

A rollout is `sessions/YYYY/MM/DD/rollout-<local time>-<thread id>.jsonl`; archiving moves it flat
into `archived_sessions/`, and after some idle days it may become a `.jsonl.zst`. Newer versions can
start a second file for a thread: `..-<thread id>_<rollout id>.jsonl`. Beside the two folders lie
`history.jsonl` and `session_index.jsonl`, which are no transcripts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.source import Shape, Transcript

__all__ = ["NAME", "is_thread_id", "rollout_folders", "rollout_id", "transcript_at"]

NAME = "codex"

_FOLDERS = ("sessions", "archived_sessions")
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_ROLLOUT = re.compile(
    rf"rollout-\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\d-({_UUID}|[^_]+)(?:_(.+))?", re.ASCII
)
_THREAD_ID = re.compile(_UUID)
_SUFFIXES = {".jsonl": Shape.LINES, ".jsonl.zst": Shape.ARCHIVE}
_MAX_NATIVE_ID = 200


def rollout_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return the folders with rollouts of every home that CODEX_HOME lists, else of ~/.codex."""
    names = unicodedata.normalize("NFC", env.get("CODEX_HOME", "")).split(",")
    homes = [_expand(name.strip(), user_home) for name in names if name.strip()]
    folders = [home / name for home in homes or [user_home / ".codex"] for name in _FOLDERS]
    return list(dict.fromkeys(folders))


def _expand(name: str, user_home: Path) -> Path:
    if name == "~" or name.startswith("~/"):
        return user_home / name[2:]
    return Path(name)


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` below the folder `root` holds; None: no transcript."""
    stem, shape = _split(path.name)
    if shape is None or stem.startswith(".") or not path.is_relative_to(root):
        return None
    if ".." in path.relative_to(root).parts:
        return None
    rollout = _ROLLOUT.fullmatch(stem)
    session = rollout[1] if rollout else stem
    return Transcript(NAME, path, session[:_MAX_NATIVE_ID], shape=shape)


def rollout_id(path: Path) -> str | None:
    """Return what tells a further file of a thread from its first one."""
    rollout = _ROLLOUT.fullmatch(_split(path.name)[0])
    return rollout[2] if rollout else None


def is_thread_id(text: str) -> bool:
    """Tell whether `text` has the form of an id that Codex gives to threads and turns."""
    return _THREAD_ID.fullmatch(text) is not None


def _split(name: str) -> tuple[str, Shape | None]:
    for suffix, shape in _SUFFIXES.items():
        if name.endswith(suffix) and len(name) > len(suffix):
            return name.removesuffix(suffix), shape
    return name, None
