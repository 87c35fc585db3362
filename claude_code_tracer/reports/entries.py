"""Rows put together into the lines of a report: a day, a week, a session, a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, TypeVar

import msgspec

from claude_code_tracer.reports.periods import UNKNOWN, WEEKDAYS, month_of, week_of
from claude_code_tracer.reports.rows import Row, Totals, grouped, total

__all__ = [
    "Entry",
    "Period",
    "SessionEntry",
    "by_name",
    "by_period",
    "by_session",
    "by_source",
    "unpriced_models",
]

Period = Literal["daily", "weekly", "monthly"]

_NEVER = datetime.min.replace(tzinfo=UTC)
_FOLLOWED = 10


_AnyEntry = TypeVar("_AnyEntry", bound="Entry")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a report and the rows it sums."""

    key: str
    totals: Totals
    rows: list[Row]

    @property
    def sources(self) -> list[str]:
        """The tools that made these calls."""
        return sorted({row.source for row in self.rows if row.source})

    @property
    def models(self) -> list[str]:
        """The models, in the order in which they were first called."""
        known = [row for row in self.rows if row.model]
        known.sort(key=lambda row: (row.first_at or _NEVER, row.model or ""))
        return list(dict.fromkeys(row.model or "" for row in known))


class SessionEntry(Entry, frozen=True, kw_only=True):
    """A session with its subagents; `key` is the tool's own id."""

    source: str | None
    session_id: str | None
    project: str | None
    title: str | None
    path: str | None
    subagents: int
    """How many subagents called a model."""


def by_period(
    rows: Iterable[Row],
    period: Period,
    *,
    first_weekday: str = WEEKDAYS[0],
    descending: bool = False,
) -> list[Entry]:
    """Return the days, weeks or months of `rows`, in order; calls without a time come last."""

    def key(row: Row) -> str:
        if row.day is None:
            return UNKNOWN
        if period == "weekly":
            return week_of(row.day, first_weekday)
        return str(row.day) if period == "daily" else month_of(row.day)

    entries = _entries(grouped(rows, key))
    entries.sort(key=lambda entry: entry.key, reverse=descending)
    entries.sort(key=lambda entry: entry.key == UNKNOWN)
    return entries


def by_source(rows: Iterable[Row]) -> list[Entry]:
    """Return the tools of `rows` by name."""
    return sorted(_entries(grouped(rows, lambda row: row.source or UNKNOWN)), key=lambda e: e.key)


def by_name(
    rows: Iterable[Row], dimension: Literal["model", "project"], *, descending: bool = True
) -> list[Entry]:
    """Return the models or projects of `rows`, the dearest first."""
    entries = _entries(grouped(rows, lambda row: getattr(row, dimension) or UNKNOWN))
    return _by_cost(entries, descending)


def by_session(rows: Sequence[Row], *, descending: bool = True) -> list[SessionEntry]:
    """Return the sessions of `rows`, each with its subagents, the dearest first."""
    parents = {(row.source, row.session): row.parent for row in rows if row.parent}
    groups = grouped(rows, lambda row: (row.source, _root(row, parents)))
    entries = [_session(source, key, members) for (source, key), members in groups.items()]
    return _by_cost(entries, descending)


def unpriced_models(rows: Iterable[Row]) -> dict[str, int]:
    """Return how many calls have no known price, by model."""
    counts = {entry.key: entry.totals.unpriced_calls for entry in by_name(rows, "model")}
    return {model: count for model, count in sorted(counts.items()) if count}


def _session(source: str | None, key: str, rows: list[Row]) -> SessionEntry:
    own = [row for row in rows if row.session == key]
    first = own[0] if own else None
    return SessionEntry(
        key=key,
        totals=total(rows),
        rows=rows,
        source=source,
        session_id=first.session_id if first else None,
        project=next((row.project for row in [*own, *rows] if row.project), None),
        title=first.title if first else None,
        path=first.path if first else None,
        subagents=len({row.session for row in rows if row.session != key}),
    )


def _root(row: Row, parents: Mapping[tuple[str | None, str | None], str | None]) -> str:
    """Return the session that a person began; a subagent may have started others."""
    session = row.session
    for _ in range(_FOLLOWED):
        parent = parents.get((row.source, session))
        if parent is None:
            break
        session = parent
    return session or UNKNOWN


def _entries(groups: Mapping[str, list[Row]]) -> list[Entry]:
    return [Entry(key=key, totals=total(rows), rows=rows) for key, rows in groups.items()]


def _by_cost(entries: list[_AnyEntry], descending: bool) -> list[_AnyEntry]:
    """Sort by cost; what has no known cost counts as nothing, and names decide between equals."""
    entries.sort(key=lambda entry: entry.key, reverse=not descending)
    entries.sort(key=lambda entry: entry.totals.cost_usd or Decimal(0), reverse=descending)
    return entries
