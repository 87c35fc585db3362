"""Where Amp keeps its threads: `~/.local/share/amp/threads/T-<uuid>.json`, one document each.

Since the middle of 2026 threads live on Amp's server; `amp threads export` writes the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.source import Shape, Transcript

__all__ = ["NAME", "thread_folders", "transcript_at"]

NAME = "amp"
_MAX_NATIVE_ID = 200


def thread_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return the folders of threads, whether they exist or not."""
    own = env.get("AMP_THREADS_DIR", "")
    if own.startswith("/"):
        return [Path(own)]
    homes = [name.strip() for name in env.get("AMP_DATA_DIR", "").split(",")]
    folders = [Path(home) / "threads" for home in homes if home.startswith("/")]
    if not folders:
        data_home = env.get("XDG_DATA_HOME", "")
        share = Path(data_home) if data_home.startswith("/") else user_home / ".local" / "share"
        folders = [share / "amp" / "threads"]
    return list(dict.fromkeys(folders))


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` below the threads folder `root` holds; None: no transcript."""
    if path.parent != root or path.suffix != ".json" or path.name.startswith("."):
        return None
    if len(path.stem) > _MAX_NATIVE_ID:
        return None
    return Transcript(NAME, path, path.stem, shape=Shape.DOCUMENT)
