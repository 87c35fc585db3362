"""The order in which things are looked at; one that cannot be is a problem, not the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from claude_code_tracer.config import Config
from claude_code_tracer.doctor.finding import Finding
from claude_code_tracer.doctor.folders import data_folder, disks, logs
from claude_code_tracer.doctor.running import clean_up, clock, queue, service, tracer
from claude_code_tracer.doctor.server import dashboard, database, unknown_records
from claude_code_tracer.doctor.tools import tools
from claude_code_tracer.doctor.versions import guard, versions
from claude_code_tracer.errors import TracerError

__all__ = ["examine"]

Look = Callable[[Config, datetime], Iterator[Finding]]

_LOOKS: dict[str, Look] = {
    "version": versions,
    "clock": clock,
    "data folder": data_folder,
    "disk": disks,
    "log": logs,
    "tracer": tracer,
    "service": service,
    "queue": queue,
    "privacy guard": guard,
    "database": database,
    "dashboard": dashboard,
    "tools": tools,
    "unknown records": unknown_records,
    "Claude Code's clean-up": clean_up,
}


def examine(config: Config, now: datetime) -> list[Finding]:
    """Look at everything; nothing is changed."""
    return [found for subject in _LOOKS for found in _look(subject, config, now)]


def _look(subject: str, config: Config, now: datetime) -> Iterator[Finding]:
    try:
        yield from _LOOKS[subject](config, now)
    except TracerError as exc:
        yield Finding(subject, "problem", str(exc))
    except OSError as exc:
        advice = "correct its owner or permissions"
        yield Finding(subject, "problem", f"{exc.filename or subject}: {exc.strerror}", advice)
