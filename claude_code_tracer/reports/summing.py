"""Model calls to usage rows: what `api.get_usage` does in SQL, for calls that no server holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

import msgspec

from claude_code_tracer.model import ModelCall, Session
from claude_code_tracer.reports.periods import UNKNOWN
from claude_code_tracer.reports.rows import Question, Row

__all__ = ["Counted", "Place", "sum_calls"]

_SLOT_MS = 15 * 60 * 1000
_COST_PLACES = 8
_COST_UNIT = Decimal(1).scaleb(-_COST_PLACES)
_AMOUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "web_searches",
    "cost_usd",
    "reported_cost_usd",
)
_COST = _AMOUNTS.index("cost_usd")
_SEARCHES = _AMOUNTS.index("web_searches")
_TOKENS = 5
"""So many of the amounts are tokens that make a row a call."""


_Key = tuple[date | None, int | None, str | None, str | None, str | None, str | None]


class Counted(msgspec.Struct, array_like=True, gc=False):
    """A model call as far as sums need it: quick to send to another process and to add up."""

    key: str
    """Tells it from all other calls of its source."""
    source: str
    session: str
    attribution: int
    model: str
    at_ms: int | None
    """Milliseconds since 1970."""
    is_lower_bound: bool
    amounts: tuple[int | None, ...]
    """As `_AMOUNTS` names them; money in units of 1e-8 USD."""

    @classmethod
    def of(cls, call: ModelCall, cost: Decimal | None) -> Counted:
        """Return what sums need of `call`, which cost `cost` USD."""
        reported = call.reported_cost_usd
        return cls(
            call.id,
            call.source,
            call.session,
            call.attribution,
            call.model or UNKNOWN,
            None if call.at is None else int(call.at.timestamp() * 1000),
            call.usage_quality == "lower_bound",
            (
                call.input_tokens,
                call.output_tokens,
                call.cache_read_tokens,
                call.cache_write_5m_tokens,
                call.cache_write_1h_tokens,
                call.reasoning_tokens,
                call.web_searches,
                None if cost is None else int(cost.scaleb(_COST_PLACES)),
                None if reported is None else int(reported.scaleb(_COST_PLACES)),
            ),
        )

    def merged(self, other: Counted) -> Counted:
        """Return two versions of one call as one, by the rules of `merge`."""
        heavier = other if other._weight() > self._weight() else self
        claims = min((self.attribution, self.session), (other.attribution, other.session))
        times = [at for at in (self.at_ms, other.at_ms) if at is not None]
        return msgspec.structs.replace(
            heavier,
            attribution=claims[0],
            session=claims[1],
            at_ms=min(times, default=None),
            is_lower_bound=self.is_lower_bound and other.is_lower_bound,
        )

    def _weight(self) -> int:
        counts = (*self.amounts[:_TOKENS], self.amounts[_SEARCHES])
        return sum(-1 if count is None else count for count in counts)


class Place(msgspec.Struct, array_like=True):
    """Where a session was: what its transcript says beside its calls."""

    project: str | None = None
    """The folder it started in."""
    parent: str | None = None
    title: str | None = None
    path: str | None = None

    @classmethod
    def of(cls, session: Session, known: Place | None) -> Place:
        """Return what `session` says; what is known already stays."""
        known = known or cls()
        return cls(
            known.project or session.project_root,
            known.parent or (session.parent if session.relation == "subagent" else None),
            session.title or known.title,
            known.path or session.path,
        )


class _Sum:
    """A row that is being added up."""

    __slots__ = ("amounts", "calls", "first_ms", "last_ms", "lower_bound_calls", "unpriced_calls")

    def __init__(self) -> None:
        self.calls = self.lower_bound_calls = self.unpriced_calls = 0
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        self.amounts: list[int | None] = [None] * len(_AMOUNTS)

    def add(self, call: Counted) -> None:
        amounts = self.amounts
        for index, amount in enumerate(call.amounts):
            if amount is not None:
                amounts[index] = amount + (amounts[index] or 0)
        if any(amount is not None for amount in call.amounts[:_TOKENS]):
            self.calls += 1
            self.lower_bound_calls += call.is_lower_bound
            self.unpriced_calls += call.amounts[_COST] is None
        at_ms = call.at_ms
        if at_ms is None:
            return
        if self.first_ms is None or at_ms < self.first_ms:
            self.first_ms = at_ms
        if self.last_ms is None or at_ms > self.last_ms:
            self.last_ms = at_ms


def sum_calls(
    calls: Iterable[Counted], places: Mapping[str, Place], question: Question, zone: tzinfo
) -> list[Row]:
    """Return the rows that answer `question`, whose days are those of `zone`.

    `places` are known by `source/session`.
    """
    days = _Days(question, zone)
    asked = question.dimensions
    by_day, by_slot, by_source = "day" in asked, "slot" in asked, "source" in asked
    by_model, by_project, by_session = "model" in asked, "project" in asked, "session" in asked
    sums: dict[_Key, _Sum] = {}
    for call in calls:
        slot = None if call.at_ms is None else call.at_ms // _SLOT_MS
        day = days.of(slot)
        if not days.includes(day):
            continue
        project = _project(call, places) if places else None
        if question.project not in (None, project):
            continue
        key = (
            day if by_day else None,
            slot if by_slot else None,
            call.source if by_source else None,
            call.model if by_model else None,
            project if by_project else None,
            call.session if by_session else None,
        )
        found = sums.get(key)
        if found is None:
            found = sums[key] = _Sum()
        found.add(call)
    return [_row(key, found, places) for key, found in sorted(sums.items(), key=_order)]


class _Days:
    """The days of a time zone, worked out once for every quarter-hour."""

    def __init__(self, question: Question, zone: tzinfo) -> None:
        self._zone = zone
        self._since, self._until = question.since, question.until
        self._known: dict[int | None, date | None] = {None: None}

    def of(self, slot: int | None) -> date | None:
        try:
            return self._known[slot]
        except KeyError:
            assert slot is not None
            day = self._known[slot] = _time(slot * _SLOT_MS).astimezone(self._zone).date()
            return day

    def includes(self, day: date | None) -> bool:
        if self._since is None and self._until is None:
            return True
        return (
            day is not None
            and (self._since is None or day >= self._since)
            and (self._until is None or day <= self._until)
        )


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _project(call: Counted, places: Mapping[str, Place]) -> str | None:
    """Return the last part of the folder that the session, or what started it, worked in."""
    place = places.get(f"{call.source}/{call.session}")
    if place and not place.project and place.parent:
        place = places.get(f"{call.source}/{place.parent}")
    folder = (place.project if place else None) or ""
    return folder.replace("\\", "/").rstrip("/").rpartition("/")[2] or folder or None


def _order(item: tuple[_Key, _Sum]) -> tuple[tuple[bool, Any], ...]:
    return tuple((value is None, value) for value in item[0])


def _row(key: _Key, found: _Sum, places: Mapping[str, Place]) -> Row:
    day, slot, source, model, project, session = key
    place = places.get(f"{source}/{session}") or Place()
    amounts: dict[str, Any] = dict(zip(_AMOUNTS, found.amounts, strict=True))
    for name in _AMOUNTS[_COST:]:
        amounts[name] = None if amounts[name] is None else amounts[name] * _COST_UNIT
    return Row(
        day=day,
        slot=None if slot is None else _time(slot * _SLOT_MS),
        source=source,
        model=model,
        project=project,
        session=session,
        parent=place.parent,
        title=place.title,
        path=place.path,
        calls=found.calls,
        lower_bound_calls=found.lower_bound_calls,
        unpriced_calls=found.unpriced_calls,
        first_at=None if found.first_ms is None else _time(found.first_ms),
        last_at=None if found.last_ms is None else _time(found.last_ms),
        **amounts,
    )
