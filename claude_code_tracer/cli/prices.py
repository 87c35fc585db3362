"""`prices recalc | show`: price again what is stored, and what a token costs."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import click

from claude_code_tracer.cli.drawing import print_sheet
from claude_code_tracer.cli.render import console, print_json, safe
from claude_code_tracer.clock import SystemClock
from claude_code_tracer.config import Config, environment, load_config
from claude_code_tracer.errors import NotFound
from claude_code_tracer.health import read_health
from claude_code_tracer.pricing import Listing, Prices
from claude_code_tracer.reaching import reached
from claude_code_tracer.reports.periods import parse_day
from claude_code_tracer.reports.sheets import Column, Line, Sheet
from claude_code_tracer.reports.words import integer, usd
from claude_code_tracer.repricing import ModelSums, Recalculation, recalculate

__all__ = ["prices"]

_MILLION = 1_000_000
_MODELS_SHOWN = 10
_NAME_CHARS = 60
_RATES = {
    "input": "Input",
    "output": "Output",
    "cache_read": "Cache read",
    "cache_write_5m": "Write 5m",
    "cache_write_1h": "Write 1h",
}
_TABLES = {
    "own": "your own prices (config.yml)",
    "free": "its name: OpenRouter's `:free` costs nothing",
}


@click.group()
def prices() -> None:
    """Show prices, and price again what is stored.

    \b
    Example:
      claude-tracer prices show claude-opus-4-6
      claude-tracer prices recalc
    """


@prices.command()
@click.option("--all", "look_at_all", is_flag=True, help="Look at calls of these tables, too.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Only say what would change.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def recalc(look_at_all: bool, is_dry_run: bool, as_json: bool) -> None:
    """Price stored calls again after an update, or after a change of your own prices.

    Looks at your calls that have no price or one of other tables than those in force.

    \b
    Example:
      claude-tracer prices recalc --dry-run
    """
    env = environment()
    config = load_config(env)
    with reached(env) as server, _progress() as progress:
        done = recalculate(
            server,
            Prices(config.prices),
            look_at_all=look_at_all,
            is_dry_run=is_dry_run,
            progress=progress,
        )
    if as_json:
        print_json(_document(done, is_dry_run))
    else:
        _print(done, is_dry_run)
    if _runs_with_older_prices(config):
        click.echo(
            "The running tracer prices new calls as config.yml was when it started: "
            "restart it with `claude-tracer stop` and `claude-tracer start --daemon`",
            err=True,
        )


@prices.command()
@click.argument("model")
@click.option("--at", "day", metavar="DATE", help="The price of that day [default: now].")
@click.option("--json", "as_json", is_flag=True, help="Print the price as JSON.")
def show(model: str, day: str | None, as_json: bool) -> None:
    """Print what MODEL costs, in USD per million tokens, and which table says so.

    \b
    Example:
      claude-tracer prices show claude-opus-4-6 --at 2026-03-01
    """
    config = load_config()
    now = SystemClock().now()
    at = now if day is None else _start_of(day, now.date())
    known = Prices(config.prices)
    listing = known.listing(model, at)
    if listing is None:
        raise NotFound(
            f"no table knows what {model!r} cost on {at:%Y-%m-%d}. To set your own price, put this "
            f"into {config.home.settings} (USD per million tokens), then run `claude-tracer prices "
            f"recalc`:\nprices:\n  {json.dumps(model)}: {{input: 3.0, output: 15.0}}"
        )
    if as_json:
        print_json(
            {
                "model": model,
                "at": at,
                "table": listing.table,
                "version": known.version,
                "changes_by_hour": listing.changes_by_hour,
                "bands": _bands(listing, float),
            }
        )
        return
    click.echo(f"{model} on {at:%Y-%m-%d}, in USD per million tokens")
    print_sheet(_rates_sheet(listing))
    click.echo(f"Known from {_TABLES.get(listing.table, listing.table)}")
    click.echo(f"Price version: {known.version}")
    if listing.changes_by_hour:
        click.echo(f"It depends on the time of the day: this is the price at {at:%H:%M} UTC")


def _start_of(day: str, today: date) -> datetime:
    try:
        return datetime.combine(parse_day(day, today), time(), UTC)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="'--at'") from exc


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[float, int], None]]:
    """Show how far it is while somebody watches stderr."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("pricing again"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[calls]:,} calls"),
        TimeRemainingColumn(compact=True),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("recalc", total=1.0, calls=0)
    with bar:
        yield lambda part, calls: bar.update(task, completed=part, calls=calls)


def _print(done: Recalculation, is_dry_run: bool) -> None:
    changed = [sums for sums in _dearest_first(done) if sums.changed]
    if changed:
        print_sheet(_sums_sheet(changed))
    for sentence in _sentences(done):
        click.echo(sentence)
    if is_dry_run:
        click.echo("Nothing was written (--dry-run)")


def _dearest_first(done: Recalculation) -> list[ModelSums]:
    return sorted(
        done.models.values(), key=lambda s: (-(s.cost_after_usd or 0), -s.unpriced_after, s.model)
    )


def _sums_sheet(models: list[ModelSums]) -> Sheet:
    columns = (
        Column("Model", is_flexible=True),
        Column("Calls", is_number=True, is_optional=True),
        Column("Changed", is_number=True),
        Column("Before (USD)", is_number=True),
        Column("Now (USD)", is_number=True),
    )
    lines = [
        Line(
            (
                sums.model[:_NAME_CHARS],
                integer(sums.calls),
                integer(sums.changed),
                usd(sums.cost_before_usd, sums.unpriced_before),
                usd(sums.cost_after_usd, sums.unpriced_after),
            )
        )
        for sums in models
    ]
    return Sheet(columns, lines, [])


def _sentences(done: Recalculation) -> list[str]:
    if not done.looked_at:
        return [f"Every call has its price by the tables in force ({done.price_version})"]
    said = [
        f"Looked at {_calls(done.looked_at)}: {done.changed:,} cost something else now, "
        f"{done.confirmed:,} the same, by {done.price_version}"
    ]
    if done.kept:
        said.append(f"{_calls(done.kept)} kept the price of older tables: today's have none")
    models = _dearest_first(done)
    if unpriced := {s.model: n for s in models if (n := s.unpriced_after - s.incomplete)}:
        said.append(
            f"{_calls(sum(unpriced.values()))} without a known price: {_named(unpriced)}; "
            "`claude-tracer prices show MODEL` says how to set your own"
        )
    if incomplete := {s.model: s.incomplete for s in models if s.incomplete}:
        said.append(
            f"{_calls(sum(incomplete.values()))} whose tokens the tool did not write, so that "
            f"no price helps: {_named(incomplete)}"
        )
    return said


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _named(counts: dict[str, int]) -> str:
    """Return the models with the most calls, and how many more there are."""
    ranked = sorted(counts, key=lambda model: (-counts[model], model))
    shown = ", ".join(f"{safe(m, _NAME_CHARS)} ({counts[m]:,})" for m in ranked[:_MODELS_SHOWN])
    more = len(ranked) - _MODELS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _document(done: Recalculation, is_dry_run: bool) -> dict[str, Any]:
    return {
        "price_version": done.price_version,
        "dry_run": is_dry_run,
        "looked_at": done.looked_at,
        "changed": done.changed,
        "confirmed": done.confirmed,
        "kept": done.kept,
        "unpriced": sum(sums.unpriced_after for sums in done.models.values()),
        "models": [
            {
                "model": sums.model,
                "calls": sums.calls,
                "changed": sums.changed,
                "unpriced_before": sums.unpriced_before,
                "unpriced_after": sums.unpriced_after,
                "incomplete": sums.incomplete,
                "cost_before_usd": _number(sums.cost_before_usd),
                "cost_after_usd": _number(sums.cost_after_usd),
            }
            for sums in _dearest_first(done)
        ],
    }


def _number(cost: Decimal | None) -> float | None:
    return None if cost is None else float(cost)


def _rates_sheet(listing: Listing) -> Sheet:
    bands = _bands(listing, lambda rate: f"{rate.normalize():f}")
    starts = [band["above_tokens"] for band in bands]
    ends = [*starts[1:], None]
    columns = [Column(name, is_number=True) for name in _RATES.values()]
    lines = [
        Line((_size(start, end), *(band[name] for name in _RATES)))
        for start, end, band in zip(starts, ends, bands, strict=True)
    ]
    notes = [f"A web search costs {bands[0]['web_search']} USD"]
    return Sheet((Column("Whole input"), *columns), lines, notes)


def _size(start: int, end: int | None) -> str:
    if start:
        return f"over {start:,}" if end is None else f"over {start:,} to {end:,}"
    return "any size" if end is None else f"up to {end:,}"


def _bands(listing: Listing, write: Callable[[Decimal], Any]) -> list[dict[str, Any]]:
    """Return the rates for a million tokens, of the smallest requests first."""
    return [
        {
            "above_tokens": start,
            **{name: write(getattr(rates, name) * _MILLION) for name in _RATES},
            "web_search": write(rates.web_search),
        }
        for start, rates in reversed(listing.bands)
    ]


def _runs_with_older_prices(config: Config) -> bool:
    """Tell whether the running tracer read config.yml before it was changed."""
    health = read_health(config.home)
    try:
        written_s = config.home.settings.stat().st_mtime
    except OSError:
        return False
    return health is not None and health.started_at.timestamp() < written_s
