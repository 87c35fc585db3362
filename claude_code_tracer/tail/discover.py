"""Find the regular files below a folder. Nothing is followed, opened or waited for."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = ["Discovery", "Found", "discover", "find"]

_SKIPPED = {".git", "node_modules", "objects"}
"""Folders without transcripts: git's, of which tools keep whole snapshots, and libraries."""
_DATABASES = (".db", ".sqlite", ".sqlite3", ".vscdb")


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it stood when it was looked at. `path` may hold surrogate escapes (F46).

    Of an SQLite database, size and times are those of it and its write-ahead log together.
    """

    path: str
    dev: int
    ino: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(slots=True)
class Discovery:
    """What one look at a folder gave."""

    files: list[Found] = field(default_factory=list)
    folders: dict[str, int] = field(default_factory=dict)
    """Every folder that was listed, with its mtime in ns: it changes when a name is added."""
    errors: list[tuple[str, str]] = field(default_factory=list)
    """Folders and files that could not be looked at, and why (F40)."""


def discover(root: str, accept: Callable[[str], bool]) -> Discovery:
    """Return the files below `root` that `accept` wants; a missing root holds nothing (F37).

    `accept` sees the whole path. Links are not followed, so there are neither loops nor ways out of
    the root (F38); the root itself may be a link, because the user said so, or a single file.
    """
    result = Discovery()
    if (single := find(root)) is not None:
        result.files += [single] if accept(root) else []
        return result
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            result.folders[folder] = os.stat(folder).st_mtime_ns
            with os.scandir(folder) as entries:
                waiting += _take_files(entries, accept, result)
        except (FileNotFoundError, NotADirectoryError):
            result.folders.pop(folder, None)  # it went away meanwhile, or never was
        except OSError as exc:
            result.errors.append((folder, exc.strerror or type(exc).__name__))
    return result


def _take_files(
    entries: Iterator[os.DirEntry[str]], accept: Callable[[str], bool], result: Discovery
) -> list[str]:
    folders = []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED:
                folders.append(entry.path)
        elif entry.is_file(follow_symlinks=False) and accept(entry.path):  # F39: no FIFO, socket
            try:
                result.files.append(_found(entry.path, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue  # deleted between the listing and the stat
            except OSError as exc:
                result.errors.append((entry.path, exc.strerror or type(exc).__name__))
    return folders


def find(path: str) -> Found | None:
    """Look at one file; None when it is gone, is no regular file or cannot be looked at."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return _found(path, status) if stat.S_ISREG(status.st_mode) else None


def _found(path: str, status: os.stat_result) -> Found:
    size, mtime_ns, ctime_ns = status.st_size, status.st_mtime_ns, status.st_ctime_ns
    if path.endswith(_DATABASES):  # what is new in a database stands in its log for long
        try:
            log = os.lstat(f"{path}-wal")
        except OSError:
            pass
        else:
            size += log.st_size
            mtime_ns, ctime_ns = max(mtime_ns, log.st_mtime_ns), max(ctime_ns, log.st_ctime_ns)
    return Found(path, status.st_dev, status.st_ino, size, mtime_ns, ctime_ns)
