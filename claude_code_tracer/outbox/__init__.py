"""Durable SQLite: what is read and not yet acknowledged, and how far every file was read."""

from claude_code_tracer.outbox.rows import FileRow, Lane, Parked, Queue, Record, SetAside, Stats
from claude_code_tracer.outbox.store import Outbox
from claude_code_tracer.outbox.view import OutboxReader

__all__ = [
    "FileRow",
    "Lane",
    "Outbox",
    "OutboxReader",
    "Parked",
    "Queue",
    "Record",
    "SetAside",
    "Stats",
]
