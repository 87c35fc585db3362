"""Reports as text: a sheet is what stands on the terminal, before anybody draws it.

What is not known is a dash, a cost that is not known says so, and a cost that lacks a part ends
with a plus: none of them is ever 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

import msgspec

from claude_code_tracer.reports.blocks import Block
from claude_code_tracer.reports.entries import Entry, SessionEntry, by_name, unpriced_models
from claude_code_tracer.reports.rows import Row, Totals, total
from claude_code_tracer.reports.words import DASH, duration, integer, usd

__all__ = [
    "Column",
    "Line",
    "Sheet",
    "block_sheet",
    "instance_sheet",
    "name_sheet",
    "session_sheet",
    "short_model",
]

_MODELS_SHOWN = 3
_NAME_CHARS = 40
_TITLE_CHARS = 80
_PREFIX = re.compile(r"^(?:[\w.-]+/)*(?:claude-)?")
_DATE_SUFFIX = re.compile(r"-\d{8}$")


class Column(msgspec.Struct, frozen=True):
    """A heading. Numbers stand to the right and are never cut."""

    name: str
    is_number: bool = False
    is_flexible: bool = False
    """May be cut where the terminal is narrow."""
    is_optional: bool = False
    """May be left out there."""


class Line(msgspec.Struct, frozen=True):
    """The cells of one line; a dim one explains the line above, a bold one is the total."""

    cells: tuple[str, ...]
    is_dim: bool = False
    is_total: bool = False


class Sheet(msgspec.Struct, frozen=True):
    """A table and what must be said below it."""

    columns: tuple[Column, ...]
    lines: list[Line]
    notes: list[str]


_Named = tuple[list[str], Entry]
"""An entry and the cells before its amounts."""

_AMOUNTS = (
    Column("Calls", is_number=True, is_optional=True),
    Column("Input", is_number=True),
    Column("Output", is_number=True),
    Column("Cache write", is_number=True, is_optional=True),
    Column("Cache read", is_number=True, is_optional=True),
    Column("Total", is_number=True, is_optional=True),
    Column("Cost (USD)", is_number=True),
)


def name_sheet(heading: str, entries: Sequence[Entry], *, breakdown: bool = False) -> Sheet:
    """Return one line for each day, week, month, model or project, named under `heading`."""
    has_tools = len({source for entry in entries for source in entry.sources}) > 1
    has_models = heading != "Model"
    columns = [Column(heading)]
    columns += [Column("Tools", is_flexible=True)] if has_tools else []
    columns += [Column("Models", is_flexible=True)] if has_models else []
    named: list[_Named] = []
    for entry in entries:
        names = [entry.key[:_NAME_CHARS]]
        names += [_some(entry.sources)] if has_tools else []
        names += [_models(sorted(entry.models))] if has_models else []
        named.append((names, entry))
    return _sheet(columns, named, breakdown)


def instance_sheet(
    projects: Sequence[tuple[str, Sequence[Entry]]], *, breakdown: bool = False
) -> Sheet:
    """Return the days of each project."""
    columns = [Column("Project"), Column("Date"), Column("Models", is_flexible=True)]
    named = [
        ([project[:_NAME_CHARS], entry.key, _models(sorted(entry.models))], entry)
        for project, entries in projects
        for entry in entries
    ]
    return _sheet(columns, named, breakdown)


def session_sheet(
    entries: Sequence[SessionEntry], zone: tzinfo, *, breakdown: bool = False
) -> Sheet:
    """Return one line for each session."""
    columns = [Column("Session"), Column("Project"), Column("Title", is_flexible=True)]
    columns += [Column("Last activity"), Column("Models", is_flexible=True)]
    named: list[_Named] = []
    for entry in entries:
        title = " ".join((entry.title or DASH).split())[:_TITLE_CHARS]
        project = (entry.project or DASH)[:_NAME_CHARS]
        last = _local(entry.totals.last_at, zone)
        named.append(([entry.key[:8], project, title, last, _models(entry.models)], entry))
    return _sheet(columns, named, breakdown)


def block_sheet(
    blocks: Sequence[Block], now: datetime, zone: tzinfo, *, breakdown: bool = False
) -> Sheet:
    """Return one line for each block or gap, and where the active block leads."""
    columns = [Column("Block start"), Column("Time"), Column("Models", is_flexible=True), *_AMOUNTS]
    rows = [row for block in blocks for row in block.rows]
    lines: list[Line] = []
    notes: list[str] = []
    for block in blocks:
        start = _local(block.start, zone)
        if block.is_gap:
            gap = f"{duration(block.end - block.start)} gap"
            lines.append(_padded((start, gap), len(columns), is_dim=True))
            continue
        names = (start, _block_time(block, now), _models(block.models))
        lines.append(Line((*names, *_cells(block.totals))))
        lines += _model_lines(block.rows, 3) if breakdown else []
        if block.is_active(now):
            notes += _outlook(block, now)
    return Sheet(tuple(columns), lines, notes + _notes(rows))


def short_model(name: str) -> str:
    """Return a model's name without what all names share: `opus-4-5`."""
    return _DATE_SUFFIX.sub("", _PREFIX.sub("", name)) or name


def _sheet(columns: Sequence[Column], named: Sequence[_Named], breakdown: bool) -> Sheet:
    lines: list[Line] = []
    for names, entry in named:
        lines.append(Line((*names, *_cells(entry.totals))))
        lines += _model_lines(entry.rows, len(columns)) if breakdown else []
    rows = [row for _, entry in named for row in entry.rows]
    names = ["Total", *[""] * (len(columns) - 1)]
    lines.append(Line((*names, *_cells(total(rows))), is_total=True))
    return Sheet((*columns, *_AMOUNTS), lines, _notes(rows))


def _model_lines(rows: Iterable[Row], names: int) -> list[Line]:
    """Return a dim line for each model; its name stands in the last of the naming columns."""
    return [
        Line((*[""] * (names - 1), f"- {short_model(m.key)}", *_cells(m.totals)), is_dim=True)
        for m in by_name(rows, "model")
    ]


def _cells(totals: Totals) -> tuple[str, ...]:
    counts = (
        totals.calls,
        totals.input_tokens,
        totals.output_tokens,
        totals.cache_write_tokens,
        totals.cache_read_tokens,
        totals.total_tokens,
    )
    return (*map(integer, counts), usd(totals.cost_usd, totals.unpriced_calls))


def _notes(rows: Sequence[Row]) -> list[str]:
    """Return what the numbers lack: prices, tokens; and what the tools said themselves."""
    totals, notes = total(rows), []
    if unpriced := unpriced_models(rows):
        named = ", ".join(f"{model} ({count})" for model, count in unpriced.items())
        notes.append(f"{_calls(totals.unpriced_calls)} no known price: {named}")
    if totals.lower_bound_calls:
        notes.append(f"{_calls(totals.lower_bound_calls)} used at least what is counted here")
    if totals.reported_cost_usd is not None:
        notes.append(f"The tools themselves reported {usd(totals.reported_cost_usd)}")
    return notes


def _calls(count: int) -> str:
    return "1 call has" if count == 1 else f"{count:,} calls have"


def _outlook(block: Block, now: datetime) -> list[str]:
    notes = [f"The active block ends in {duration(block.end - now)}"]
    burn = block.burn_rate()
    if burn is None:
        return notes
    projected = block.projection(burn, now)
    if burn.tokens_per_minute is not None and projected.total_tokens is not None:
        notes.append(
            f"Burn rate: {burn.tokens_per_minute:,.0f} tokens a minute, "
            f"{usd(burn.usd_per_hour)} an hour; at this rate the block ends with "
            f"{integer(projected.total_tokens)} tokens and {usd(projected.cost_usd)}"
        )
    return notes


def _block_time(block: Block, now: datetime) -> str:
    if block.is_active(now):
        return f"active, {duration(block.end - now)} left"
    last = block.totals.last_at
    return DASH if last is None else duration(last - block.start)


def _padded(cells: tuple[str, ...], width: int, *, is_dim: bool) -> Line:
    return Line((*cells, *[DASH] * (width - len(cells))), is_dim=is_dim)


def _models(names: Iterable[str]) -> str:
    return _some(map(short_model, names))


def _some(names: Iterable[str]) -> str:
    """Return the first few names and how many more there are."""
    known = list(dict.fromkeys(names))
    shown = ", ".join(name[:_NAME_CHARS] for name in known[:_MODELS_SHOWN])
    more = len(known) - _MODELS_SHOWN
    return (f"{shown} +{more}" if more > 0 else shown) or DASH


def _local(at: datetime | None, zone: tzinfo) -> str:
    return DASH if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
