"""The embedded server: its data, its dashboard, and what it got that no parser knew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from claude_code_tracer.config import Config, data_file
from claude_code_tracer.doctor.finding import Finding, some
from claude_code_tracer.errors import TracerError
from claude_code_tracer.health import read_health
from claude_code_tracer.local.pg_binaries import find_binaries
from claude_code_tracer.local.pg_cluster import check_data
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.rpc import Server
from claude_code_tracer.ship.credentials import read_credentials
from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.values import one_line

__all__ = ["UnknownRecords", "dashboard", "database", "unknown_findings", "unknown_records"]

_ANSWER_S = 10.0
_NAME_CHARS = 40


class UnknownRecords(msgspec.Struct, frozen=True):
    """A row of `api.get_unknown_records`: how many records of a type no parser knew."""

    source: str
    tool_version: str | None
    type: str
    records: int


def database(config: Config, now: datetime) -> Iterator[Finding]:
    """Say where the database is and whether this PostgreSQL can use it."""
    place = Postgres(config).place
    is_there = check_data(place, find_binaries(config.env))
    user = f", run by user {place.user.name}" if place.user else ""
    made = "" if is_there else " (made at the first start)"
    yield Finding("database", "ok", f"PostgreSQL in {place.folder}{user}{made}")


def dashboard(config: Config, now: datetime) -> Iterator[Finding]:
    """Say whether there is one to serve."""
    if data_file("web", "dist", "index.html").exists():
        yield Finding("dashboard", "ok", "built")
    else:
        yield Finding("dashboard", "problem", "it is not built", "run `make web` in the checkout")


def unknown_records(config: Config, now: datetime) -> Iterator[Finding]:
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
    return some([f"version {v}: {some(told)}" for v, told in types.items()], "; ")
