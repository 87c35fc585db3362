"""`status` and `logs`: what the running tracer does."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from claude_code_tracer.cli.render import ago, print_json, safe
from claude_code_tracer.config import load_config
from claude_code_tracer.errors import NotFound
from claude_code_tracer.health import Health, StageHealth, is_stale, read_health
from claude_code_tracer.serving import running_health

__all__ = ["logs", "status"]

_TAIL_BYTES = 1_000_000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def status(as_json: bool) -> None:
    """Say whether the tracer runs, what it has collected, and what stands still and why.

    Ends with 0 when it runs, with 1 when it does not.

    \b
    Example:
      claude-tracer status --json
    """
    config = load_config()
    if as_json:
        health = read_health(config.home)
        print_json(_as_json(health, str(config.home.root)))
        raise SystemExit(0 if health else 1)
    _print(running_health(config), str(config.home.root))


def _as_json(health: Health | None, home: str) -> dict[str, Any]:
    if health is None:
        return {"running": False, "home": home}
    facts: dict[str, Any] = msgspec.to_builtins(health)
    return {"running": True, "stale": is_stale(health, datetime.now(UTC)), "home": home, **facts}


def _print(health: Health, home: str) -> None:
    click.echo(
        f"claude-tracer {health.version} is running (pid {health.pid}), "
        f"started {ago(health.started_at)}"
    )
    if is_stale(health, datetime.now(UTC)):
        click.echo(
            f"  it has said nothing since {ago(health.written_at)}: see `claude-tracer logs`"
        )
    rows = {
        "dashboard": health.url or "not served yet",
        "data folder": home,
        "collector": _stage(health.collector),
        "shipper": _stage(health.shipper),
        "server": ", ".join(f"{name} {state}" for name, state in health.backend.items()),
        "last scan": ago(health.last_scan_at) if health.last_scan_at else "under way",
        "collected": f"{health.records} records from {health.files} files, {health.masked} masked",
        "queue": f"{health.pending_records} records to send, {health.shipped_records} sent",
    }
    if health.parked_records or health.bad_spans:
        rows["set aside"] = (
            f"{health.parked_records} records, {health.bad_spans} unreadable pieces: "
            "see `claude-tracer doctor`"
        )
    for name, value in rows.items():
        click.echo(f"  {name:<12} {safe(value)}")
    for problem in health.unreadable:
        click.echo(f"  cannot read  {safe(problem)}")


def _stage(stage: StageHealth) -> str:
    detail = f" since {ago(stage.since)}: {stage.detail}" if stage.detail else ""
    return stage.state + detail


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
