"""`usage`: what was used and what it cost, by day, week, month, session, block, model, project."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from claude_code_tracer.cli.render import print_json
from claude_code_tracer.clock import SystemClock
from claude_code_tracer.config import environment
from claude_code_tracer.reports import documents, sheets
from claude_code_tracer.reports.blocks import BLOCK_HOURS, Block, find_blocks, is_settled
from claude_code_tracer.reports.entries import Period, by_name, by_period, by_session
from claude_code_tracer.reports.periods import UNKNOWN, WEEKDAYS, parse_day
from claude_code_tracer.reports.rows import Dimension, Provider, Question, Row, grouped
from claude_code_tracer.timezones import machine_timezone, zone_named
from claude_code_tracer.usage import collected, price_version

if TYPE_CHECKING:
    from claude_code_tracer.reports.sheets import Sheet

__all__ = ["usage"]

_LIMITED_SOURCE = "claude_code"
"""Whose limits count in blocks of five hours."""
_LOOK_BACK = timedelta(days=7)
_RECENT_DAYS = 3
_EPOCH_YEAR = 1970


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the options that all reports share say."""

    timezone: str
    zone: tzinfo
    now: datetime
    since: date | None
    until: date | None
    source: str | None
    project: str | None
    workspace: str | None
    order: str | None
    as_json: bool
    env: Mapping[str, str]
    provider: Provider

    def rows(self, *dimensions: Dimension, **changed: Any) -> list[Row]:
        """Return the rows asked for; a tool that does not exist is wrong usage."""
        question = Question(
            dimensions=dimensions,
            timezone=self.timezone,
            since=self.since,
            until=self.until,
            source=self.source,
            project=self.project,
            workspace=self.workspace,
        )
        rows = self.provider(msgspec.structs.replace(question, **changed))
        if not rows and self.source:
            _check_source(self.source)
        return rows

    def descends(self, *, by_default: bool) -> bool:
        return by_default if self.order is None else self.order == "desc"

    def show(self, document: Callable[[], dict[str, Any]], sheet: Callable[[], Sheet]) -> None:
        """Print the report as JSON or as a table."""
        if self.as_json:
            own = {"timezone": self.timezone, "priceVersion": price_version(self.env)}
            print_json(document() | own, sort_keys=True)
            return
        made = sheet()
        if not any(not line.is_total for line in made.lines):
            click.echo("No usage found. Collect with `claude-tracer sync`, or look with --scan.")
            return
        from claude_code_tracer.cli.drawing import print_sheet  # rich: not for JSON

        print_sheet(made)


_OPTIONS = (
    click.option("--since", help="First day: 2026-11-21, 20261121, or 7d for the last 7 days."),
    click.option("--until", help="Last day."),
    click.option("-z", "--timezone", help="Whose days they are, such as Europe/Berlin."),
    click.option("--source", help="One tool only, such as claude_code."),
    click.option("--project", help="One project only: its name or id."),
    click.option("--workspace", help="One workspace only: its name or id."),
    click.option("--scan", is_flag=True, help="Count in the transcripts; nothing is collected."),
    click.option("--order", type=click.Choice(["asc", "desc"]), help="Which end comes first."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, readable as ccusage's."),
)
_breakdown = click.option("--breakdown", is_flag=True, help="Show the models of each line.")


def _shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all reports, read into one `_Asked`."""

    @functools.wraps(command)
    def read(
        since: str | None, until: str | None, timezone: str | None, source: str | None,
        project: str | None, workspace: str | None, scan: bool, order: str | None, as_json: bool,
        **own: Any,
    ) -> None:  # fmt: skip
        env, now = environment(), SystemClock().now()
        name = timezone or machine_timezone(env)
        zone = _usage(zone_named, name, option="--timezone")
        parse = functools.partial(_day, now.astimezone(zone).date())
        asked = _Asked(
            timezone=name,
            zone=zone,
            now=now,
            since=parse("--since", since),
            until=parse("--until", until),
            source=source,
            project=project,
            workspace=workspace,
            order=order,
            as_json=as_json,
            env=env,
            provider=functools.partial(_scanned if scan else collected, env),
        )
        command(asked, **own)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), read)


def _scanned(env: Mapping[str, str], question: Question) -> list[Row]:
    from claude_code_tracer.scan import scanned  # all sources: not for what is collected

    return scanned(env, question)


class _DailyByDefault(click.Group):
    """`usage` alone, or with options only, is `usage daily`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["daily", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_DailyByDefault)
def usage() -> None:
    """Say what was used and what it cost. Without a command: by day.

    \b
    Example:
      claude-tracer usage
      claude-tracer usage weekly --since 30d --breakdown
    """


@usage.command()
@_shared_options
@_breakdown
@click.option("--instances", is_flag=True, help="Each project on its own.")
@click.option("--by-agent", is_flag=True, help="Each tool on its own, within a day (JSON).")
def daily(asked: _Asked, breakdown: bool, instances: bool, by_agent: bool) -> None:
    """Usage by day.

    \b
    Example:
      claude-tracer usage daily --since 7d
    """
    if not instances:
        _by_period(asked, "daily", breakdown=breakdown, by_agent=by_agent)
        return
    rows = asked.rows("project", "day", "source", "model")
    descending = asked.descends(by_default=False)
    projects = sorted(grouped(rows, lambda row: row.project or UNKNOWN).items())
    days = [(name, by_period(own, "daily", descending=descending)) for name, own in projects]
    asked.show(
        lambda: documents.instance_document(days),
        lambda: sheets.instance_sheet(days, breakdown=breakdown),
    )


@usage.command()
@_shared_options
@_breakdown
@click.option("--by-agent", is_flag=True, help="Each tool on its own, within a week (JSON).")
@click.option(
    "-w",
    "--start-of-week",
    type=click.Choice(WEEKDAYS),
    default=WEEKDAYS[0],
    show_default=True,
    help="The day on which weeks begin.",
)
def weekly(asked: _Asked, breakdown: bool, by_agent: bool, start_of_week: str) -> None:
    """Usage by week.

    \b
    Example:
      claude-tracer usage weekly --start-of-week sunday
    """
    _by_period(asked, "weekly", breakdown=breakdown, by_agent=by_agent, first=start_of_week)


@usage.command()
@_shared_options
@_breakdown
@click.option("--by-agent", is_flag=True, help="Each tool on its own, within a month (JSON).")
def monthly(asked: _Asked, breakdown: bool, by_agent: bool) -> None:
    """Usage by month.

    \b
    Example:
      claude-tracer usage monthly --json
    """
    _by_period(asked, "monthly", breakdown=breakdown, by_agent=by_agent)


@usage.command()
@_shared_options
@_breakdown
def session(asked: _Asked, breakdown: bool) -> None:
    """Usage by session, subagents included, the dearest first.

    \b
    Example:
      claude-tracer usage session --since 7d
    """
    rows = asked.rows("session", "project", "source", "model")
    entries = by_session(rows, descending=asked.descends(by_default=True))
    asked.show(
        lambda: documents.session_document(entries),
        lambda: sheets.session_sheet(entries, asked.zone, breakdown=breakdown),
    )


@usage.command()
@_shared_options
@_breakdown
@click.option("-a", "--active", is_flag=True, help="Only the block under way.")
@click.option("-r", "--recent", is_flag=True, help="Only the last three days.")
@click.option(
    "-n",
    "--session-length",
    type=click.IntRange(1, 168),
    default=BLOCK_HOURS,
    show_default=True,
    help="Hours of a block.",
)
def blocks(asked: _Asked, breakdown: bool, active: bool, recent: bool, session_length: int) -> None:
    """Usage by block of five hours, as Claude's limits count.

    Only Claude Code's calls, unless --source names another tool.

    \b
    Example:
      claude-tracer usage blocks --active
    """
    first = asked.since
    if active or recent:
        first = max(filter(None, [first, asked.now.date() - timedelta(days=_RECENT_DAYS)]))
    found = [
        block
        for block in find_blocks(_block_rows(asked, first, session_length), session_length)
        if _begins_within(block, first, asked) and (not active or block.is_active(asked.now))
    ]
    if asked.descends(by_default=False):
        found.reverse()
    asked.show(
        lambda: documents.block_document(found, asked.now),
        lambda: sheets.block_sheet(found, asked.now, asked.zone, breakdown=breakdown),
    )


@usage.command()
@_shared_options
def models(asked: _Asked) -> None:
    """Usage by model, the dearest first.

    \b
    Example:
      claude-tracer usage models --since 30d
    """
    _by_name(asked, "model", breakdown=False)


@usage.command()
@_shared_options
@_breakdown
def projects(asked: _Asked, breakdown: bool) -> None:
    """Usage by project, the dearest first.

    \b
    Example:
      claude-tracer usage projects --since 30d --breakdown
    """
    _by_name(asked, "project", breakdown=breakdown)


@usage.command()
def statusline() -> None:
    """Print one line for Claude Code's status line.

    Put `"statusLine": {"type": "command", "command": "claude-tracer usage statusline"}` into
    ~/.claude/settings.json: Claude Code then sends JSON on stdin. What is not known is left out.

    \b
    Example:
      echo '{"model": {"display_name": "Opus"}}' | claude-tracer usage statusline
    """
    from claude_code_tracer.cli.statusline import print_statusline

    print_statusline()


def _by_period(
    asked: _Asked, period: Period, *, breakdown: bool, by_agent: bool, first: str = WEEKDAYS[0]
) -> None:
    rows = asked.rows("day", "source", "model")
    descending = asked.descends(by_default=False)
    entries = by_period(rows, period, first_weekday=first, descending=descending)
    heading = {"daily": "Date", "weekly": "Week of", "monthly": "Month"}[period]
    asked.show(
        lambda: documents.period_document(period, entries, by_agent=by_agent),
        lambda: sheets.name_sheet(heading, entries, breakdown=breakdown),
    )


def _by_name(asked: _Asked, dimension: Literal["model", "project"], *, breakdown: bool) -> None:
    dimensions = dict.fromkeys((dimension, "source", "model"))
    rows = asked.rows(*dimensions)  # type: ignore[arg-type]
    entries = by_name(rows, dimension, descending=asked.descends(by_default=True))
    asked.show(
        lambda: documents.name_document(f"{dimension}s", dimension, entries),
        lambda: sheets.name_sheet(dimension.capitalize(), entries, breakdown=breakdown),
    )


def _block_rows(asked: _Asked, first: date | None, hours: int) -> list[Row]:
    """Return what the blocks from `first` on are made of: a block depends on those before."""
    source = asked.source or _LIMITED_SOURCE
    if first is not None and first.year >= _EPOCH_YEAR:
        since = first - _LOOK_BACK
        rows = asked.rows("slot", "source", "model", since=since, until=None, source=source)
        if is_settled(rows, _midnight(since, asked.zone), _midnight(first, asked.zone), hours):
            return rows
    return asked.rows("slot", "source", "model", since=None, until=None, source=source)


def _begins_within(block: Block, first: date | None, asked: _Asked) -> bool:
    day = block.start.astimezone(asked.zone).date()
    return (first is None or day >= first) and (asked.until is None or day <= asked.until)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _day(today: date, option: str, text: str | None) -> date | None:
    return None if text is None else _usage(parse_day, text, today, option=option)


def _usage(parse: Callable[..., Any], *values: object, option: str) -> Any:
    """Return what `parse` makes of an option's value; a ValueError is the user's mistake."""
    try:
        return parse(*values)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint=f"'{option}'") from exc


def _check_source(name: str) -> None:
    from claude_code_tracer.sources.registry import SOURCES

    known = sorted(source.name for source in SOURCES)
    if name not in known:
        raise click.BadParameter(
            f"{name!r} is no tool that is read: known are {', '.join(known)}",
            param_hint="'--source'",
        )
