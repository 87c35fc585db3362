"""Look at everything the tracer depends on and say what is wrong and what to do."""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from claude_code_tracer import __version__
from claude_code_tracer.config import Config, data_file
from claude_code_tracer.errors import TracerError
from claude_code_tracer.guard import Guard
from claude_code_tracer.health import is_stale, read_health
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.lock import running_pid
from claude_code_tracer.outbox import Outbox
from claude_code_tracer.rpc import Server
from claude_code_tracer.ship.credentials import read_credentials
from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import Source
from claude_code_tracer.sources.values import one_line
from claude_code_tracer.tail.discover import Discovery, discover

__all__ = ["Finding", "UnknownRecords", "examine", "unknown_findings"]

_LOW_DISK_BYTES = 1_000_000_000
_CLEANUP_DEFAULT_DAYS = 30
_ANSWER_S = 10.0
_SHOWN = 3
_NAME_CHARS = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do when it is not ok."""

    subject: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    advice: str | None = None
    facts: dict[str, Any] | None = None
    """The figures behind `detail`, for scripts."""


class UnknownRecords(msgspec.Struct, frozen=True):
    """A row of `api.get_unknown_records`: how many records of a type no parser knew."""

    source: str
    tool_version: str | None
    type: str
    records: int


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
        *_unknown_records(config),
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
    """Look at the folders of every tool: those there are one by one, the others in one line."""
    absent = []
    for source in SOURCES:
        roots = [r for r in source.roots(config.env, config.user_home) if os.path.lexists(r)]
        if roots:
            yield from _source(source, roots)
        else:
            absent.append(source.label)
    if absent:
        yield Finding("other tools", "ok", f"no folder of {', '.join(absent)}")


def _source(source: Source, roots: list[Path]) -> Iterator[Finding]:
    found = [_transcripts(source, root) for root in roots]
    count = sum(len(discovery.files) for discovery in found)
    facts = {"source": source.name, "folders": list(map(str, roots)), "transcripts": count}
    noun = "transcript" if count == 1 else "transcripts"
    where = ", ".join(map(str, roots))
    yield Finding(source.label, "ok", f"{count} {noun} in {where}", facts=facts)
    for path, reason in (error for discovery in found for error in discovery.errors):
        yield Finding(source.label, "warning", f"{path}: {reason}", "make it readable for you")


def _transcripts(source: Source, root: Path) -> Discovery:
    return discover(str(root), lambda path: source.transcript(root, Path(path)) is not None)


def _unknown_records(config: Config) -> Iterator[Finding]:
    """Ask the running server which records no version knew; without one there is nobody to ask."""
    health = read_health(config.home)
    if health is None or health.state != "running":
        return
    try:
        with Server(read_credentials(config.home), timeout_s=_ANSWER_S) as server:
            answer = server.call("get_unknown_records", {})
        rows = msgspec.json.decode(answer, type=list[UnknownRecords])
    except (TracerError, msgspec.DecodeError) as exc:
        advice = "see `claude-tracer status`"
        yield Finding("unknown records", "warning", f"the server did not say: {exc}", advice)
    else:
        yield from unknown_findings(rows)


def unknown_findings(rows: list[UnknownRecords]) -> Iterator[Finding]:
    """Return a finding for each tool that wrote records which no version of the tracer knew."""
    if not rows:
        yield Finding("unknown records", "ok", "none")
    labels = {source.name: source.label for source in SOURCES}
    for name in dict.fromkeys(row.source for row in rows):
        own = [row for row in rows if row.source == name]
        yield Finding(
            "unknown records",
            "warning",
            f"{labels.get(name, name)} wrote {_records(own)}, {_by_version(own)}",
            "they are kept as they were written; a newer claude-tracer may know what they mean",
            facts={"source": name, "records": [msgspec.to_builtins(row) for row in own]},
        )


def _records(rows: list[UnknownRecords]) -> str:
    count = sum(row.records for row in rows)
    return f"{count:,} record{'' if count == 1 else 's'}"


def _by_version(rows: list[UnknownRecords]) -> str:
    types: dict[str, list[str]] = {}
    for row in rows:
        version = one_line(row.tool_version or "unknown", _NAME_CHARS)
        told = f"{one_line(row.type, _NAME_CHARS)} ({row.records:,})"
        types.setdefault(version, []).append(told)
    return _some([f"version {v}: {_some(told, ', ')}" for v, told in types.items()], "; ")


def _some(texts: list[str], separator: str) -> str:
    more = len(texts) - _SHOWN
    return separator.join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


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
