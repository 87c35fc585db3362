"""The data folder: whose it is, who else may look into it, and how much room there is."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from claude_code_tracer.config import Config
from claude_code_tracer.doctor.finding import Finding, some
from claude_code_tracer.errors import TracerError
from claude_code_tracer.local.postgres import Postgres

__all__ = ["data_folder", "disks", "logs"]

_LOW_DISK_BYTES = 1_000_000_000
_FULL_DISK_BYTES = 64_000_000
"""Less than this and a start is refused (`paths.require_room`)."""
_MOST_FILES = 10_000
_FOREIGN_BITS = 0o077
_FOREIGN_WRITE = 0o022


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    mode: int
    owner: int


def data_folder(config: Config, now: datetime) -> Iterator[Finding]:
    """Say where it is, whether it can be written, and what is open to others."""
    root = config.home.root
    if not root.exists():
        yield Finding("data folder", "ok", f"{root} (made at the first start)")
        return
    mode = stat.S_IMODE(root.stat().st_mode)
    if not os.access(root, os.W_OK | os.X_OK):
        advice = "make it writable or set CLAUDE_TRACER_HOME to another folder"
        yield Finding("data folder", "problem", f"{root} cannot be written", advice)
    elif mode & _FOREIGN_BITS:
        detail = f"{root} has mode {mode:o}: others may look into it"
        yield Finding("data folder", "warning", detail, f"run chmod 700 '{root}'")
    else:
        yield Finding("data folder", "ok", str(root))
    entries = list(_entries(root, config.home.postgres))
    fine = Finding("permissions", "ok", f"{len(entries)} files and folders, yours alone")
    yield from list(_wrong_permissions(config, entries)) or [fine]


def _wrong_permissions(config: Config, entries: list[_Entry]) -> Iterator[Finding]:
    settings = config.home.settings
    own = os.geteuid()
    foreign = [str(e.path) for e in entries if own != 0 and e.owner != own]
    if foreign:
        advice = f"run sudo chown -R $(id -un) '{config.home.root}'"
        yield Finding("permissions", "problem", f"not yours: {some(foreign)}", advice)
    if any(e.path == settings and e.mode & _FOREIGN_WRITE for e in entries):
        advice = f"run chmod go-w '{settings}'"
        yield Finding("permissions", "problem", f"others may change {settings}", advice)
    is_open = [str(e.path) for e in entries if e.path != settings and e.mode & _FOREIGN_BITS]
    if is_open:
        advice = f"run chmod -R go-rwx '{config.home.root}'"
        yield Finding("permissions", "warning", f"open to others: {some(is_open)}", advice)


def _entries(root: Path, without: Path) -> Iterator[_Entry]:
    """Find what is below `root`, except in the database's folder, which PostgreSQL checks."""
    folders, count = [root], 0
    while folders and count < _MOST_FILES:
        with os.scandir(folders.pop()) as found:
            for item in found:
                count += 1
                path, facts = Path(item.path), item.stat(follow_symlinks=False)
                if path == without or stat.S_ISLNK(facts.st_mode):
                    continue
                yield _Entry(path, stat.S_IMODE(facts.st_mode), facts.st_uid)
                if stat.S_ISDIR(facts.st_mode):
                    folders.append(path)


def disks(config: Config, now: datetime) -> Iterator[Finding]:
    """Say how much room is left where the queue is, and where the database is."""
    root = _existing(config.home.root)
    yield _room("disk", root)
    try:
        place = _existing(Postgres(config).place.folder)
    except TracerError:
        return  # `database` says why
    if place.stat().st_dev != root.stat().st_dev:
        yield _room("disk of the database", place)


def _room(subject: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    detail = f"{_size(free)} free at {folder}"
    if free < _FULL_DISK_BYTES:
        advice = "make room: collecting stands still and a start may fail, but nothing is lost"
        return Finding(subject, "problem", detail, advice)
    if free < _LOW_DISK_BYTES:
        advice = "make room: collecting pauses when the disk is full, nothing is lost"
        return Finding(subject, "warning", detail, advice)
    return Finding(subject, "ok", detail)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def logs(config: Config, now: datetime) -> Iterator[Finding]:
    """Say how much the logs take; those of the server are set aside at a start only."""
    folder, settings = config.home.log.parent, config.settings
    if not folder.is_dir():
        return
    sizes = [item.stat().st_size for item in folder.iterdir() if item.is_file()]
    detail = f"{_size(sum(sizes))} in {len(sizes)} files at {folder}"
    if sum(sizes) > settings.log_max_bytes * (settings.log_files + 4):
        yield Finding("log", "warning", detail, "`claude-tracer restart` sets large ones aside")
    else:
        yield Finding("log", "ok", detail)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
