"""Usage rows: what every report is made from, wherever the rows come from.

A row sums model calls that share the dimensions somebody asked for. `api.get_usage` answers with
such rows; whoever counts in another way hands over the same. None is unknown: never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

import msgspec

__all__ = ["Dimension", "Provider", "Question", "Row", "Totals", "decode_rows", "grouped", "total"]

_Key = TypeVar("_Key")

Dimension = Literal["day", "slot", "source", "project", "session", "model", "workspace", "device"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which usage, and how finely; the members are the arguments of `api.get_usage`."""

    dimensions: tuple[Dimension, ...]
    timezone: str = "UTC"
    """IANA name; its days are what `since`, `until` and the dimension `day` mean."""
    since: date | None = None
    until: date | None = None
    """The last day that counts."""
    source: str | None = None
    project: str | None = None
    """Name or id."""
    workspace: str | None = None
    """Id."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of some model calls. Dimensions that were not asked for are None."""

    day: date | None = None
    slot: datetime | None = None
    """Start of a quarter of an hour."""
    source: str | None = None
    project: str | None = None
    session: str | None = None
    """The tool's own id."""
    session_id: str | None = None
    parent: str | None = None
    """Of a subagent: the tool's id of the session that started it."""
    title: str | None = None
    path: str | None = None
    model: str | None = None
    workspace: str | None = None
    device: str | None = None

    calls: int
    lower_bound_calls: int = 0
    """How many of the calls used at least what is said here."""
    unpriced_calls: int = 0
    input_tokens: int | None = None
    """Without what came from the cache or was written to it."""
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    """Part of the output."""
    web_searches: int | None = None
    cost_usd: Decimal | None = None
    """Of the calls whose price is known."""
    reported_cost_usd: Decimal | None = None
    """What the tool itself said."""
    first_at: datetime | None = None
    last_at: datetime | None = None


Provider = Callable[[Question], list[Row]]
"""Anything that can answer a question: the server, or a scan of the transcripts."""

_decoder = msgspec.json.Decoder(list[Row])


def decode_rows(answer: bytes) -> list[Row]:
    """Return the rows of an answer of `api.get_usage`; msgspec.DecodeError when it is none."""
    return _decoder.decode(answer)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of rows: 0 when there are none, None where no row knows."""

    calls: int
    lower_bound_calls: int
    unpriced_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_5m_tokens: int | None
    cache_write_1h_tokens: int | None
    reasoning_tokens: int | None
    web_searches: int | None
    cost_usd: Decimal | None
    reported_cost_usd: Decimal | None
    first_at: datetime | None
    last_at: datetime | None

    @property
    def cache_write_tokens(self) -> int | None:
        """Tokens written to the cache, for 5 minutes or for an hour."""
        return _added(self.cache_write_5m_tokens, self.cache_write_1h_tokens)

    @property
    def uncached_tokens(self) -> int | None:
        """Input and output tokens without those of the cache."""
        return _added(self.input_tokens, self.output_tokens)

    @property
    def total_tokens(self) -> int | None:
        """All tokens; reasoning is part of the output."""
        return _added(self.uncached_tokens, self.cache_write_tokens, self.cache_read_tokens)


_COUNTS = ("calls", "lower_bound_calls", "unpriced_calls")
_AMOUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "web_searches",
    "cost_usd",
)


def total(rows: Sequence[Row]) -> Totals:
    """Return the sum of `rows`."""
    sums: dict[str, Any] = {name: sum(_known(rows, name)) for name in _COUNTS}
    for name in _AMOUNTS:
        values = _known(rows, name)
        sums[name] = sum(values) if values or not rows else None
    reported = _known(rows, "reported_cost_usd")
    return Totals(
        **sums,
        reported_cost_usd=sum(reported) if reported else None,
        first_at=min(_known(rows, "first_at"), default=None),
        last_at=max(_known(rows, "last_at"), default=None),
    )


def grouped(rows: Iterable[Row], key: Callable[[Row], _Key]) -> dict[_Key, list[Row]]:
    """Return the rows by `key`, both in the order they come."""
    groups: dict[_Key, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _known(rows: Iterable[Row], name: str) -> list[Any]:
    return [value for row in rows if (value := getattr(row, name)) is not None]


def _added(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
