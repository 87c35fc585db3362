"""Time zones by name, as PostgreSQL wants them, and the one this machine lives in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["machine_timezone", "zone_named"]

_LOCALTIME = Path("/etc/localtime")
_TIMEZONE = Path("/etc/timezone")
_HOUR_S = 3600


def zone_named(name: str) -> tzinfo:
    """Return the zone with that IANA name; ValueError when there is none."""
    if name == "UTC":
        return UTC  # known even where the system has no zones
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError(f"{name!r} is not a time zone: write a name like Europe/Berlin") from exc


def machine_timezone(env: Mapping[str, str]) -> str:
    """Return the IANA name of this machine's zone: from TZ, /etc/localtime, or its offset."""
    told = env.get("TZ", "").removeprefix(":")
    names = (_name_in(told),) if told else (_linked_name(), _written_name())
    for name in names:
        if name and _is_known(name):
            return name
    hours, rest = divmod(-time.timezone, _HOUR_S)
    return "UTC" if hours == 0 or rest else f"Etc/GMT{-hours:+d}"


def _linked_name() -> str:
    try:
        target = str(_LOCALTIME.resolve())
    except OSError:
        return ""
    return _name_in(target) if "zoneinfo/" in target else ""


def _name_in(path: str) -> str:
    """Return the name at the end of a path, what follows `zoneinfo/`; a name is its own."""
    name = path.rpartition("zoneinfo/")[2]
    return name.removeprefix("posix/").removeprefix("right/")


def _written_name() -> str:
    try:
        return _TIMEZONE.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _is_known(name: str) -> bool:
    try:
        zone_named(name)
    except ValueError:
        return False
    return True
