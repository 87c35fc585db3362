"""Which versions of what work together here."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import datetime

from claude_code_tracer import __version__
from claude_code_tracer.config import Config
from claude_code_tracer.doctor.finding import Finding
from claude_code_tracer.errors import TracerError
from claude_code_tracer.guard import Guard
from claude_code_tracer.local.pg_binaries import find_binaries, server_version
from claude_code_tracer.outbox.database import OLDEST_SQLITE, SQLITE_VERSION
from claude_code_tracer.pricing import Prices

__all__ = ["guard", "versions"]

_SQLITE_FIXED = (3, 51, 3)
"""The first without the WAL-reset defect."""


def versions(config: Config, now: datetime) -> Iterator[Finding]:
    """Say the versions of the programs and tables in use."""
    python = platform.python_version()
    yield Finding("version", "ok", f"claude-tracer {__version__}, Python {python}")
    yield _sqlite(SQLITE_VERSION)
    yield _postgres(config)
    yield Finding("prices", "ok", f"tables of {Prices(config.prices).version}")


def _sqlite(version: tuple[int, ...]) -> Finding:
    text = ".".join(map(str, version))
    if version < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        return Finding("SQLite", "problem", text, f"use a Python with SQLite {needed} or newer")
    if version < _SQLITE_FIXED:
        text += " (its WAL-reset defect needs two writers at once; the tracer has one)"
    return Finding("SQLite", "ok", text)


def _postgres(config: Config) -> Finding:
    try:
        binaries = find_binaries(config.env)
        version = server_version(binaries)
    except TracerError as exc:
        return Finding("PostgreSQL", "problem", str(exc))
    return Finding("PostgreSQL", "ok", f"{version} in {binaries.folder}")


def guard(config: Config, now: datetime) -> Iterator[Finding]:
    """Say whether the privacy guard loads."""
    try:
        loaded = Guard.load()
    except TracerError as exc:
        yield Finding("privacy guard", "problem", str(exc), "nothing is collected until it loads")
    else:
        yield Finding("privacy guard", "ok", f"version {loaded.version}")
