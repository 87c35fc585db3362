"""Blocks of five hours, as the limits of Claude subscriptions count them; the rule is ccusage's.

A block begins at the full hour (UTC) of its first call and lasts five hours. A call later than
that, or more than five hours after the call before, begins the next one. Between two blocks that
lie further apart than five hours stands a gap.

Rows by quarter-hour are enough to say so exactly: blocks begin and end on quarters, and each row
tells the times of its first and last call.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from claude_code_tracer.reports.rows import Row, Totals, grouped, total

__all__ = ["BLOCK_HOURS", "Block", "BurnRate", "Projection", "find_blocks", "is_settled"]

BLOCK_HOURS = 5

_MINUTE_S = 60


class BurnRate(msgspec.Struct, frozen=True):
    """How fast a block is used up, from its first to its last call."""

    tokens_per_minute: float | None
    uncached_tokens_per_minute: float | None
    usd_per_hour: float | None


class Projection(msgspec.Struct, frozen=True):
    """What a block will have used when it ends, at the rate so far."""

    total_tokens: int | None
    cost_usd: float | None
    remaining_minutes: int


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block, or the gap between two."""

    start: datetime
    end: datetime
    rows: list[Row]
    totals: Totals
    is_gap: bool = False

    @property
    def models(self) -> list[str]:
        """The models, in the order in which they were first called."""
        known = sorted((r for r in self.rows if r.model), key=lambda r: (_first(r), r.model or ""))
        return list(dict.fromkeys(row.model or "" for row in known))

    def is_active(self, now: datetime) -> bool:
        """Tell whether a call made now would belong to this block."""
        last = self.totals.last_at
        return last is not None and now < self.end and now - last < self.end - self.start

    def burn_rate(self) -> BurnRate | None:
        """Return how fast it was used; None when all calls were made at one instant."""
        totals = self.totals
        if totals.first_at is None or totals.last_at is None or totals.last_at <= totals.first_at:
            return None
        minutes = (totals.last_at - totals.first_at).total_seconds() / _MINUTE_S
        per_minute = _over(totals.cost_usd, minutes)
        return BurnRate(
            tokens_per_minute=_over(totals.total_tokens, minutes),
            uncached_tokens_per_minute=_over(totals.uncached_tokens, minutes),
            usd_per_hour=None if per_minute is None else per_minute * 60,
        )

    def projection(self, burn: BurnRate, now: datetime) -> Projection:
        """Return what will have been used at the end."""
        minutes = _rounded((self.end - now).total_seconds() / _MINUTE_S)
        tokens, cost = self.totals.total_tokens, self.totals.cost_usd
        return Projection(
            total_tokens=None
            if tokens is None or burn.tokens_per_minute is None
            else _rounded(tokens + burn.tokens_per_minute * minutes),
            cost_usd=None
            if cost is None or burn.usd_per_hour is None
            else _rounded((float(cost) + burn.usd_per_hour / 60 * minutes) * 100) / 100,
            remaining_minutes=minutes,
        )


def find_blocks(rows: Iterable[Row], hours: int = BLOCK_HOURS) -> list[Block]:
    """Return the blocks and gaps of `rows` (dimension `slot`) by their start.

    Calls without a time belong to none. A block may begin before the gap it ends: on the hour.
    """
    length = timedelta(hours=hours)
    blocks: list[Block] = []
    members: list[Row] = []
    start = last = datetime.min.replace(tzinfo=UTC)
    for first_at, last_at, slot in _slots(rows):
        if members and (last_at - start > length or first_at - last > length):
            blocks.append(_block(start, length, members))
            if first_at - last > length:
                blocks.append(_gap(last + length, first_at))
            members = []
        if not members:
            start = first_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        members.extend(slot)
        last = last_at
    if members:
        blocks.append(_block(start, length, members))
    return sorted(blocks, key=lambda block: block.start)


def is_settled(
    rows: Iterable[Row], since: datetime, until: datetime, hours: int = BLOCK_HOURS
) -> bool:
    """Tell whether the blocks after `until` do not depend on what was before `since`.

    They do not when a pause between the two is long enough to end any block. `rows` are all there
    are from `since` on.
    """
    length, last = timedelta(hours=hours), since
    for first_at, last_at, _ in _slots(rows):
        if first_at - last > length:
            return True
        if first_at >= until:
            return False
        last = last_at
    return True


def _slots(rows: Iterable[Row]) -> list[tuple[datetime, datetime, list[Row]]]:
    """Return the quarter-hours in order: first call, last call, rows."""
    timed = [row for row in rows if row.slot is not None]
    groups = grouped(timed, lambda row: row.slot)
    slots = [(min(map(_first, g)), max(map(_last, g)), g) for g in groups.values()]
    return sorted(slots, key=lambda slot: slot[0])


def _first(row: Row) -> datetime:
    return row.first_at or row.slot or datetime.min.replace(tzinfo=UTC)


def _last(row: Row) -> datetime:
    return row.last_at or _first(row)


def _block(start: datetime, length: timedelta, rows: list[Row]) -> Block:
    return Block(start=start, end=start + length, rows=rows, totals=total(rows))


def _gap(start: datetime, end: datetime) -> Block:
    return Block(start=start, end=end, rows=[], totals=total(()), is_gap=True)


def _over(amount: int | Decimal | None, minutes: float) -> float | None:
    return None if amount is None else float(amount) / minutes


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)  # halves up, as ccusage: not to even
