"""`status` and `logs`: what the running tracer does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from claude_code_tracer.cli.render import ago, count, duration, print_json, safe
from claude_code_tracer.config import environment, find_home, load_config
from claude_code_tracer.errors import NotFound
from claude_code_tracer.health import (
    Backfill,
    Health,
    QueueHealth,
    SourceHealth,
    StageHealth,
    is_stale,
    read_health,
    running_health,
)

__all__ = ["logs", "status"]

_TAIL_BYTES = 1_000_000
_MB = 1_000_000
_BEHIND_S = 60.0
"""A source that is less behind than this keeps up."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def status(as_json: bool) -> None:
    """Say whether the tracer runs, what it has collected, and what stands still and why.

    Ends with 0 when it runs, with 1 when it does not.

    \b
    Example:
      claude-tracer status --json
    """
    home = find_home(environment())
    if as_json:
        health = read_health(home)
        print_json(_as_json(health, str(home.root)))
        raise SystemExit(0 if health else 1)
    for line in _lines(running_health(home), str(home.root), datetime.now(UTC)):
        click.echo(safe(line))


def _as_json(health: Health | None, home: str) -> dict[str, Any]:
    if health is None:
        return {"running": False, "home": home}
    facts: dict[str, Any] = msgspec.to_builtins(health)
    return {"running": True, "stale": is_stale(health, datetime.now(UTC)), "home": home, **facts}


def _lines(health: Health, home: str, now: datetime) -> Iterator[str]:
    yield (
        f"claude-tracer {health.version} is running (pid {health.pid}), "
        f"started {ago(health.started_at, now)}"
    )
    rows = {
        "dashboard": health.url or "not served yet",
        "data folder": home,
        "collector": _stage(health.collector, now),
        "shipper": _stage(health.shipper, now),
        "server": ", ".join(f"{name} {state}" for name, state in health.backend.items()),
        "last scan": ago(health.last_scan_at, now) if health.last_scan_at else "under way",
        **({"reading": _reading(health.backfill, health)} if health.backfill else {}),
        "collected": f"{health.records} records from {health.files} files, {health.masked} masked",
        "queue": f"{_queue(health.queue, now)}, {health.shipped_records} sent",
        **{name: _source(source, now) for name, source in health.sources.items()},
    }
    if health.parked_records:
        pieces = "1 piece" if health.parked_records == 1 else f"{health.parked_records} pieces"
        rows["set aside"] = f"{pieces}: see `claude-tracer parked list`"
    if error := health.last_error:
        rows["last error"] = f"{error.stage}, {ago(error.at, now)}: {error.text}"
    for name, value in rows.items():
        yield f"  {name:<12} {value}"
    for problem in health.unreadable:
        yield f"  cannot read  {problem}"
    yield from _advice(health, now)


def _stage(stage: StageHealth, now: datetime) -> str:
    detail = f" since {ago(stage.since, now)}: {stage.detail}" if stage.detail else ""
    return stage.state + detail


def _reading(at: Backfill, health: Health) -> str:
    share = 100 * at.bytes_done // at.bytes_total if at.bytes_total else 100
    left = f", about {duration(at.eta_s)} left" if at.eta_s is not None else ""
    return (
        f"{at.files_done} of {at.files_total} files, {share} % of "
        f"{at.bytes_total / _MB:.0f} MB, {health.rates.mb_per_s:.1f} MB/s{left}"
    )


def _queue(queue: QueueHealth, now: datetime) -> str:
    if not queue.rows:
        return "empty"
    since = f", the oldest from {ago(queue.oldest_at, now)}" if queue.oldest_at else ""
    return f"{queue.rows} records ({queue.bytes / _MB:.1f} MB) to send{since}"


def _source(source: SourceHealth, now: datetime) -> str:
    facts = [f"{count(source.records)} records from {source.files} files"]
    if source.last_record_at:
        facts.append(f"the newest read {ago(source.last_record_at, now)}")
    if source.lag_s >= _BEHIND_S:
        facts.append(f"{duration(source.lag_s)} behind")
    if source.unreadable:
        facts.append(f"{source.unreadable} cannot be read")
    return ", ".join(facts)


def _advice(health: Health, now: datetime) -> Iterator[str]:
    """Say what to do about whatever stands still."""
    if is_stale(health, now):
        yield (
            f"It has said nothing since {ago(health.written_at, now)}: see `claude-tracer logs`; "
            "`claude-tracer restart` loses nothing"
        )
    for name, stage in (("collector", health.collector), ("shipper", health.shipper)):
        if stage.state == "waiting":
            yield f"The {name} tries again by itself, nothing is lost; why: `claude-tracer doctor`"
        elif stage.state == "halted":
            yield f"The {name} stands still until you have done what it says; then it goes on"


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines are written.")
@click.option("-n", "--lines", default=50, show_default=True, help="How many of the last lines.")
def logs(follow: bool, lines: int) -> None:
    """Print the tracer's log.

    \b
    Example:
      claude-tracer logs -f
    """
    path = load_config().home.log
    if not path.exists():
        raise NotFound(f"there is no log yet at {path}: start with `claude-tracer start`")
    position = path.stat().st_size
    for line in _last_lines(path, lines):
        click.echo(safe(line))
    while follow:
        position = _print_new(path, position)
        time.sleep(0.3)


def _last_lines(path: Path, count: int) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
        return file.read().decode("utf-8", "replace").splitlines()[-count:] if count else []


def _print_new(path: Path, position: int) -> int:
    size = path.stat().st_size if path.exists() else 0
    if size < position:  # rotated
        position = 0
    if size > position:
        with path.open("rb") as file:
            file.seek(position)
            click.echo(file.read(size - position).decode("utf-8", "replace"), nl=False)
    return size
