"""Look at everything the tracer depends on and say what is wrong and what to do."""

from __future__ import annotations

import json
import platform
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from claude_code_tracer import __version__
from claude_code_tracer.config import Config, data_file
from claude_code_tracer.errors import TracerError
from claude_code_tracer.guard import Guard
from claude_code_tracer.health import is_stale, read_health
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.lock import running_pid
from claude_code_tracer.outbox import Outbox
from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import Source
from claude_code_tracer.tail.discover import Discovery, discover

__all__ = ["Finding", "examine"]

_LOW_DISK_BYTES = 1_000_000_000
_CLEANUP_DEFAULT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do when it is not ok."""

    subject: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    advice: str | None = None


def examine(config: Config, now: datetime) -> list[Finding]:
    """Look at everything; nothing is changed."""
    return [
        Finding(
            "version", "ok", f"claude-tracer {__version__}, Python {platform.python_version()}"
        ),
        *_data_folder(config),
        *_running(config, now),
        *_queue(config),
        *_guard(),
        *_database(config),
        *_dashboard(),
        *_sources(config),
        *_retention(config),
    ]


def _data_folder(config: Config) -> Iterator[Finding]:
    root = config.home.root
    if not root.exists():
        yield Finding("data folder", "ok", f"{root} (made at the first start)")
        return
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "data folder", "warning", f"{root} has mode {mode:o}", f"run chmod 700 '{root}'"
        )
    else:
        yield Finding("data folder", "ok", str(root))
    free = shutil.disk_usage(root).free
    if free < _LOW_DISK_BYTES:
        advice = "make room: reading pauses when the disk is full, nothing is lost"
        yield Finding("disk", "warning", f"{free / 1e6:.0f} MB free", advice)
    else:
        yield Finding("disk", "ok", f"{free / 1e9:.1f} GB free")


def _running(config: Config, now: datetime) -> Iterator[Finding]:
    pid = running_pid(config.home.daemon_lock)
    health = read_health(config.home)
    if pid is None:
        advice = "start it with `claude-tracer start --daemon`"
        yield Finding("tracer", "warning", "it is not running", advice)
    elif health is None or is_stale(health, now):
        advice = f"see `claude-tracer logs`; kill {pid} and start again loses nothing"
        yield Finding("tracer", "problem", f"pid {pid} is silent", advice)
    else:
        for name, stage in (("collector", health.collector), ("shipper", health.shipper)):
            if stage.state != "running":
                yield Finding(name, "problem", stage.state, stage.detail)
        yield Finding("tracer", "ok", f"runs (pid {pid}) at {health.url}")
        for problem in health.unreadable:
            yield Finding("transcript", "warning", problem)


def _queue(config: Config) -> Iterator[Finding]:
    if not config.home.outbox.exists():
        return
    with Outbox.open_readonly(config.home.outbox) as outbox:
        stats = outbox.stats()
    yield Finding("queue", "ok", f"{stats.pending_rows} records wait, from {stats.files} files")
    for damaged in stats.quarantined:
        advice = "its records were read again from the transcripts; delete it when you like"
        yield Finding("queue", "warning", f"a damaged outbox was set aside: {damaged}", advice)
    for reason, count in sorted(stats.parked.items()):
        yield Finding(
            "set aside", "warning", f"{count} times: {reason}", "nothing else is affected"
        )


def _guard() -> Iterator[Finding]:
    try:
        guard = Guard.load()
    except TracerError as exc:
        yield Finding("privacy guard", "problem", str(exc), "nothing is collected until it loads")
    else:
        yield Finding("privacy guard", "ok", f"version {guard.version}")


def _database(config: Config) -> Iterator[Finding]:
    try:
        place = Postgres(config).place
    except TracerError as exc:
        yield Finding("database", "problem", str(exc))
    else:
        yield Finding("database", "ok", f"PostgreSQL in {place.folder}")


def _dashboard() -> Iterator[Finding]:
    if data_file("web", "dist", "index.html").exists():
        yield Finding("dashboard", "ok", "built")
    else:
        yield Finding("dashboard", "problem", "it is not built", "run `make web` in the checkout")


def _sources(config: Config) -> Iterator[Finding]:
    for source in SOURCES:
        roots = [root for root in source.roots(config.env, config.user_home) if root.is_dir()]
        found = [_transcripts(source, root) for root in roots]
        count = sum(len(discovery.files) for discovery in found)
        where = ", ".join(map(str, roots)) or "no folder"
        yield Finding(source.label, "ok", f"{count} transcripts in {where}")
        for path, reason in (error for discovery in found for error in discovery.errors):
            yield Finding(source.label, "warning", f"{path}: {reason}", "make it readable for you")


def _transcripts(source: Source, root: Path) -> Discovery:
    return discover(str(root), lambda path: source.transcript(root, Path(path)) is not None)


def _retention(config: Config) -> Iterator[Finding]:
    days = _cleanup_days(config.user_home / ".claude" / "settings.json")
    yield Finding(
        "Claude Code's clean-up",
        "ok",
        f"it deletes transcripts after {days} days; what was collected stays here",
    )


def _cleanup_days(settings: Path) -> int:
    try:
        return int(json.loads(settings.read_bytes())["cleanupPeriodDays"])
    except (OSError, ValueError, KeyError, TypeError):
        return _CLEANUP_DEFAULT_DAYS
