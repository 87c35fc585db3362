"""The tracer at work: whether it runs, what waits, what was set aside, what may be lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from claude_code_tracer.config import Config
from claude_code_tracer.doctor.finding import Finding, lasting
from claude_code_tracer.health import Health, is_stale, read_health
from claude_code_tracer.lock import running_pid
from claude_code_tracer.outbox import OutboxReader
from claude_code_tracer.service import find_manager

__all__ = ["clean_up", "clock", "queue", "service", "tracer"]

_CLEAN_UP_DAYS = 30
_SLOW = timedelta(hours=1)
_CLOCK_SLACK = timedelta(minutes=2)
_OLDEST_NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""This program is younger."""


def clock(config: Config, now: datetime) -> Iterator[Finding]:
    """Say whether the machine's clock can be right."""
    health = read_health(config.home)
    if now < _OLDEST_NOW:
        detail = f"it says {now:%Y-%m-%d}, which is before this program was made"
    elif health and health.written_at - now > _CLOCK_SLACK:
        detail = f"it was set back by {lasting(health.written_at - now)} while the tracer ran"
    else:
        yield Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC")
        return
    yield Finding("clock", "warning", detail, "have it set over the network; ids do not use it")


def tracer(config: Config, now: datetime) -> Iterator[Finding]:
    """Say whether it runs, is silent, or has a stage that stands still."""
    pid = running_pid(config.home.daemon_lock)
    health = read_health(config.home)
    if pid is None:
        advice = "start it with `claude-tracer start --daemon`"
        yield Finding("tracer", "warning", "it is not running", advice)
    elif health is None or is_stale(health, now):
        since = f" for {lasting(now - health.written_at)}" if health else ""
        advice = f"see `claude-tracer logs`; `kill -9 {pid}` and a new start lose nothing"
        yield Finding("tracer", "problem", f"pid {pid} has been silent{since}", advice)
    else:
        yield from _stages(health)
        how = "runs" if health.state == "running" else f"is {health.state}"
        yield Finding("tracer", "ok", f"{how} (pid {pid}) at {health.url or 'no address yet'}")
        for problem in health.unreadable:
            yield Finding("transcript", "warning", problem, "it is tried again by itself")


def _stages(health: Health) -> Iterator[Finding]:
    for name, stage in (("collector", health.collector), ("shipper", health.shipper)):
        if stage.state not in ("running", "starting"):
            yield Finding(name, "problem", stage.state, stage.detail)
    if problem := health.backend.get("problem"):
        yield Finding("server", "problem", problem, "it is started again by itself")


def service(config: Config, now: datetime) -> Iterator[Finding]:
    """Say how the installed service is; without one there is nothing to say."""
    manager = find_manager(config)
    if not manager.file.exists():
        return
    facts = manager.status()
    if facts.problem:
        detail = f"{facts.manager} does not answer: {facts.problem}"
        yield Finding("service", "warning", detail, "log in as this user, not with su or sudo")
    elif facts.has_failed:
        advice = f"see `{manager.log_hint}`"
        yield Finding("service", "problem", f"it does not start ({facts.state})", advice)
    elif not facts.is_enabled:
        advice = "run `claude-tracer service install` again"
        yield Finding("service", "warning", "it does not start at login", advice)
    else:
        yield Finding("service", "ok", f"{facts.state}, {manager.file}")


def queue(config: Config, now: datetime) -> Iterator[Finding]:
    """Say what waits to be sent and since when, and what was set aside and why."""
    if not config.home.outbox.exists():
        return
    with OutboxReader.open_readonly(config.home.outbox) as outbox:
        stats = outbox.stats()
    facts: dict[str, Any] = {
        "records": stats.pending_rows,
        "bytes": stats.pending_bytes,
        "since": stats.oldest_at,
    }
    waits = "1 record waits" if stats.pending_rows == 1 else f"{stats.pending_rows} records wait"
    detail = f"{waits} to be sent, {stats.files} files are followed"
    age = now - stats.oldest_at if stats.oldest_at else timedelta()
    if age > _SLOW:
        advice = "`claude-tracer status` says what stands still; they are kept until they are sent"
        detail += f", the oldest has waited for {lasting(age)}"
        yield Finding("queue", "warning", detail, advice, facts)
    else:
        yield Finding("queue", "ok", detail, facts=facts)
    for damaged in stats.quarantined:
        advice = "its records were read again from the transcripts; delete it when you like"
        yield Finding("queue", "warning", f"a damaged outbox was set aside: {damaged}", advice)
    for reason, count in sorted(stats.parked.items()):
        advice = "`claude-tracer parked list` says where; nothing else is affected"
        facts = {"reason": reason, "records": count}
        times = "once" if count == 1 else f"{count} times"
        yield Finding("set aside", "warning", f"{times}: {reason}", advice, facts)


def clean_up(config: Config, now: datetime) -> Iterator[Finding]:
    """Compare how long Claude Code keeps transcripts with how long nobody read or sent (F36)."""
    days = _clean_up_days(config)
    rule = f"it deletes transcripts after {days} days"
    subject, half = "Claude Code's clean-up", timedelta(days=days) / 2
    waiting, silent = _oldest_unsent(config, now), _since_last_run(config, now)
    if silent > half:
        detail = f"{rule}, and nobody has collected for {lasting(silent)}"
        advice = "collect now: `claude-tracer start --daemon`"
        yield Finding(subject, "warning", detail, advice)
    elif waiting > half:
        detail = f"{rule}, and a record has not been sent for {lasting(waiting)}"
        advice = f"the queue may be its only copy by now: keep {config.home.outbox.parent}"
        yield Finding(subject, "warning", detail, advice)
    else:
        yield Finding(subject, "ok", f"{rule}; what was collected stays here")


def _oldest_unsent(config: Config, now: datetime) -> timedelta:
    if not config.home.outbox.exists():
        return timedelta()
    with OutboxReader.open_readonly(config.home.outbox) as outbox:
        oldest = outbox.queue().oldest_at
    return now - oldest if oldest else timedelta()


def _since_last_run(config: Config, now: datetime) -> timedelta:
    if running_pid(config.home.daemon_lock) or not config.home.health.exists():
        return timedelta()
    return now - datetime.fromtimestamp(config.home.health.stat().st_mtime, UTC)


def _clean_up_days(config: Config) -> int:
    told = config.env.get("CLAUDE_CONFIG_DIR", "").partition(",")[0].strip()
    folder = Path(told) if told else config.user_home / ".claude"
    try:
        days = json.loads((folder / "settings.json").read_bytes())["cleanupPeriodDays"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return _CLEAN_UP_DAYS
    is_number = isinstance(days, int) and not isinstance(days, bool)
    return days if is_number and 0 < days < 1_000_000 else _CLEAN_UP_DAYS
