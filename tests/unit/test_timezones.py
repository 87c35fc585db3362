"""The machine's time zone by the name PostgreSQL knows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from claude_code_tracer import timezones
from claude_code_tracer.timezones import machine_timezone, zone_named


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for /etc."""
    monkeypatch.setattr(timezones, "_LOCALTIME", tmp_path / "localtime")
    monkeypatch.setattr(timezones, "_TIMEZONE", tmp_path / "timezone")
    return tmp_path


def link(machine: Path, name: str) -> None:
    target = machine / "zoneinfo" / name
    target.parent.mkdir(parents=True)
    target.write_bytes(b"TZif")
    (machine / "localtime").symlink_to(target)


@pytest.mark.parametrize("name", ["Europe/Berlin", "posix/Europe/Berlin"])
def test_the_link_names_the_zone(machine: Path, name: str) -> None:
    link(machine, name)
    assert machine_timezone({}) == "Europe/Berlin"


@pytest.mark.parametrize("value", ["Asia/Tokyo", ":Asia/Tokyo", "/usr/share/zoneinfo/Asia/Tokyo"])
def test_tz_wins(machine: Path, value: str) -> None:
    link(machine, "Europe/Berlin")
    assert machine_timezone({"TZ": value}) == "Asia/Tokyo"


def test_the_file_is_the_next_best(machine: Path) -> None:
    (machine / "timezone").write_text("America/New_York\n")
    assert machine_timezone({}) == "America/New_York"


@pytest.mark.parametrize(
    ("west_s", "name"), [(0, "UTC"), (-7200, "Etc/GMT-2"), (18000, "Etc/GMT+5"), (-19800, "UTC")]
)
def test_without_a_name_the_offset_counts(
    machine: Path, monkeypatch: pytest.MonkeyPatch, west_s: int, name: str
) -> None:
    monkeypatch.setattr(timezones.time, "timezone", west_s)
    assert machine_timezone({"TZ": "<+03>-3"}) == name
    offset = datetime(2026, 1, 1, tzinfo=zone_named(name)).utcoffset()
    assert offset is not None
    assert name == "UTC" or offset.total_seconds() == -west_s


@pytest.mark.parametrize("name", ["Mars/Phobos", "", "../etc/passwd", "/etc/passwd", "a\0b", "."])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        zone_named(name)


def test_utc_needs_no_data() -> None:
    assert zone_named("UTC") is UTC
