"""What the running tracer says about itself, in one file that `status` and `web` read.

`vitals` puts it together. Fields are added, never renamed: scripts and the dashboard read them.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from claude_code_tracer.errors import NotRunning
from claude_code_tracer.lock import running_pid
from claude_code_tracer.paths import Home, write_private_file

__all__ = [
    "Backfill",
    "Health",
    "LastError",
    "QueueHealth",
    "Rates",
    "SourceHealth",
    "StageHealth",
    "is_stale",
    "read_health",
    "running_health",
    "write_health",
]

STALE_AFTER_S = 30.0


class StageHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: what it does now and, when it stands still, since when and what to do."""

    state: str
    """starting, running, waiting, halted, restarting or stuck."""
    detail: str | None = None
    since: datetime | None = None
    exit_code: int = 1
    """What a command that waits for a halted stage ends with."""


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one tool's transcripts."""

    files: int = 0
    records: int = 0
    masked: int = 0
    parked: int = 0
    """Pieces of files that were set aside."""
    unreadable: int = 0
    """Files and folders that cannot be read right now."""
    last_record_at: datetime | None = None
    """When its newest record was read."""
    lag_s: float = 0.0
    """How long its oldest news that the server does not have has waited: unread bytes since their
    file was written, records since the queue's oldest was read. 0 when the server has all."""


class QueueHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What was read and is not yet sent. Reading pauses at `limit_bytes`."""

    rows: int = 0
    bytes: int = 0
    limit_bytes: int = 0
    oldest_at: datetime | None = None
    """When the record that waits longest was read."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How fast it went over the last minute, per second."""

    records_per_s: float = 0.0
    mb_per_s: float = 0.0
    sent_per_s: float = 0.0


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """How far the pass over all folders is that runs now."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    records: int
    masked: int
    eta_s: float | None = None
    """None: it is too early to tell."""


class LastError(msgspec.Struct, frozen=True, kw_only=True):
    """The latest trouble; it stays here after the stage has recovered."""

    stage: str
    text: str
    at: datetime


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
    parked: dict[str, int] = {}
    """How many pieces are set aside for which reason, the ten most frequent."""
    sources: dict[str, SourceHealth] = {}
    """By the tool's name, for those that had news since the start."""
    queue: QueueHealth = QueueHealth()
    rates: Rates = Rates()
    backfill: Backfill | None = None
    last_error: LastError | None = None
    price_version: str | None = None
    """The tables that new calls are priced by."""
    collector: StageHealth
    shipper: StageHealth
    backend: dict[str, str] = {}


def write_health(home: Home, health: Health) -> None:
    """Replace the health file in one step. After a power cut nobody asks what it said."""
    write_private_file(home.health, msgspec.json.encode(health), is_durable=False)


def read_health(home: Home) -> Health | None:
    """Return what the running tracer last said; None when none runs or it said nothing yet."""
    pid = running_pid(home.daemon_lock)
    health = _read(home.health)
    return health if pid and health and health.pid == pid else None


def running_health(home: Home) -> Health:
    """Return what the running tracer says of itself, or NotRunning with advice."""
    health = read_health(home)
    if health is None:
        raise NotRunning(
            "claude-tracer is not running: start it with `claude-tracer start --daemon`"
        )
    return health


def is_stale(health: Health, now: datetime) -> bool:
    """Tell whether the tracer has been silent for longer than it ever should be."""
    return (now - health.written_at).total_seconds() > STALE_AFTER_S


def _read(path: Path) -> Health | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Health)
    except (OSError, msgspec.DecodeError):
        return None
