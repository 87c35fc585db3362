"""What the running tracer says about itself, in one file that `status` and `web` read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from claude_code_tracer.lock import running_pid
from claude_code_tracer.paths import Home, write_private_file

__all__ = ["Health", "StageHealth", "is_stale", "read_health", "write_health"]

STALE_AFTER_S = 30.0


class StageHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: what it does now and, when it stands still, since when and what to do."""

    state: str
    """running, waiting, halted or restarting."""
    detail: str | None = None
    since: datetime | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The tracer as a whole. All times are UTC; all counts are since the start."""

    pid: int
    version: str
    state: str
    """starting, running or stopping."""
    url: str | None = None
    started_at: datetime
    written_at: datetime
    last_scan_at: datetime | None = None
    """When the last complete look at all folders began."""
    files: int = 0
    records: int = 0
    masked: int = 0
    bad_spans: int = 0
    unreadable: list[str] = []
    """Files that cannot be read right now, at most ten."""
    pending_records: int = 0
    parked_records: int = 0
    shipped_records: int = 0
    price_version: str | None = None
    """The tables that new calls are priced by."""
    collector: StageHealth
    shipper: StageHealth
    backend: dict[str, str] = {}


def write_health(home: Home, health: Health) -> None:
    """Replace the health file in one step."""
    write_private_file(home.health, msgspec.json.encode(health))


def read_health(home: Home) -> Health | None:
    """Return what the running tracer last said; None when none runs or it said nothing yet."""
    pid = running_pid(home.daemon_lock)
    health = _read(home.health)
    return health if pid and health and health.pid == pid else None


def is_stale(health: Health, now: datetime) -> bool:
    """Tell whether the tracer has been silent for longer than it ever should be."""
    return (now - health.written_at).total_seconds() > STALE_AFTER_S


def _read(path: Path) -> Health | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Health)
    except (OSError, msgspec.DecodeError):
        return None
