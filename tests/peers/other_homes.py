"""The shared transcripts of the other tools that ccusage reads, laid out as each tool does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.transcripts import SHARED

__all__ = ["LAYOUTS"]

CORPUS = SHARED / "corpus"
MISC = CORPUS / "misc"


def _copy(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, place)


def _compact(path: Path, place: Path) -> None:
    """Copy JSON lines as the tools write them: without blanks, which ccusage needs."""
    lines = []
    for raw in path.read_bytes().splitlines():
        try:
            lines.append(json.dumps(json.loads(raw), separators=(",", ":")).encode())
        except ValueError:
            lines.append(raw)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"\n".join(lines) + b"\n")


def _has_header(path: Path) -> bool:
    return b'"session_meta"' in path.read_bytes()[:4000]


def _codex(home: Path, paths: Iterable[Path]) -> None:
    for number, path in enumerate(sorted(paths)):
        name = f"rollout-2026-01-01T00-00-00-{number:08x}-0000-4000-8000-000000000000.jsonl"
        _compact(path, home / ".codex" / "sessions" / "2026" / "01" / "01" / name)


def codex_family(name: str) -> Callable[[Path], None]:
    """Return a layout of one of the families of forks."""

    def lay_out(home: Path) -> None:
        (folder,) = (CORPUS / "codex_cli").rglob(f"Issue2037/{name}/codex-home")
        shutil.copytree(folder, home / ".codex")

    return lay_out


def codex_misc(home: Path) -> None:
    """The samples of other projects."""
    found = [p for p in MISC.rglob("*.jsonl") if "codex" in str(p).lower() and _has_header(p)]
    _codex(home, found)


def gemini(home: Path) -> None:
    """Real chats and samples."""
    chats = home / ".gemini" / "tmp" / "abc" / "chats"
    found = [*(CORPUS / "gemini_cli").rglob("full.jsonl")]
    found += [
        p for p in MISC.rglob("*.json") if "gemini" in str(p).lower() and "chats" not in p.parts
    ]
    for number, path in enumerate(sorted(found)):
        if b'"messages"' in path.read_bytes():
            _copy(path, chats / f"session-2026-01-01T00-00-{number:08x}.json")


def pi(home: Path) -> None:
    """Two real sessions."""
    for path in sorted((CORPUS / "pi").rglob("*.jsonl")):
        _copy(path, home / ".pi" / "agent" / "sessions" / "--p--" / f"2026_{path.stem}.jsonl")


def qwen(home: Path) -> None:
    """Samples of other projects."""
    for path in sorted(p for p in MISC.rglob("*.jsonl") if "qwen" in str(p).lower()):
        _compact(path, home / ".qwen" / "projects" / "-p" / "chats" / path.name)


def kimi(home: Path) -> None:
    """Samples of other projects."""
    for path in sorted(p for p in MISC.rglob("*.jsonl") if "kimi" in p.parts):
        _compact(path, home / ".kimi" / "sessions" / ("0" * 32) / path.stem / "wire.jsonl")


def copilot(home: Path) -> None:
    """Samples of other projects."""
    for path in sorted(p for p in MISC.rglob("*.jsonl") if "copilot" in p.parts):
        place = home / ".copilot" / "session-state" / path.stem / "events.jsonl"
        _compact(path, place)


def droid(home: Path) -> None:
    """Samples of other projects."""
    for path in sorted(p for p in MISC.rglob("*.jsonl") if "droid" in p.parts):
        _compact(path, home / ".factory" / "sessions" / "-p" / path.name)


def amp(home: Path) -> None:
    """A sample of another project."""
    for path in sorted(MISC.rglob("amp/*.json")):
        _copy(path, home / ".local" / "share" / "amp" / "threads" / f"T-{path.stem}.json")


def opencode(home: Path) -> None:
    """Samples of other projects: the JSON store."""
    for folder in sorted(MISC.rglob("opencode*")):
        if folder.is_dir() and (folder / "message").is_dir():
            shutil.copytree(
                folder, home / ".local" / "share" / "opencode" / "storage", dirs_exist_ok=True
            )
    for folder in sorted(MISC.rglob("opencode/storage_*")):
        shutil.copytree(
            folder, home / ".local" / "share" / "opencode" / "storage", dirs_exist_ok=True
        )


LAYOUTS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "codex live-fork": ("codex", codex_family("live-fork-4d90-52bf")),
    "codex archived-fork": ("codex", codex_family("archived-fork-33ce-3869")),
    "codex siblings": ("codex", codex_family("missing-parent-siblings")),
    "codex samples": ("codex", codex_misc),
    "gemini": ("gemini", gemini),
    "pi": ("pi", pi),
    "qwen": ("qwen", qwen),
    "kimi": ("kimi", kimi),
    "copilot": ("copilot", copilot),
    "droid": ("droid", droid),
    "amp": ("amp", amp),
    "opencode": ("opencode", opencode),
}
"""What is laid out: the source's name (ccusage's word for it is the same) and how."""
