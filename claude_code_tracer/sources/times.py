"""Moments that a tool wrote in another way than ISO with a zone; None when they are absurd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from claude_code_tracer.sources.values import when

__all__ = ["from_epoch_ms", "from_epoch_s", "from_sqlite"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_S = 1_577_836_800
"""2020-01-01: no tool is older, so what is earlier is no time (as in `values.when`)."""
_LAST_S = 4_102_444_800


def from_epoch_s(value: object) -> datetime | None:
    """Return the moment `value` seconds after 1970, fractions as far as microseconds."""
    if type(value) is not int and type(value) is not float:
        return None
    if not _FIRST_S <= value < _LAST_S:
        return None
    return _EPOCH + timedelta(seconds=value)


def from_epoch_ms(value: object) -> datetime | None:
    """Return the moment `value` milliseconds after 1970."""
    if type(value) is not int and type(value) is not float:
        return None
    if not _FIRST_S * 1000 <= value < _LAST_S * 1000:
        return None
    return _EPOCH + timedelta(milliseconds=value)


def from_sqlite(value: object) -> datetime | None:
    """Return the moment of an ISO time, or of SQLite's `datetime('now')`: UTC, not saying so."""
    if type(value) is str and len(value) == len("2026-01-31 12:34:56") and value[10] in " T":
        value = f"{value}+00:00"
    return when(value)
