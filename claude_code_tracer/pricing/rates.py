"""What a token costs, by size of the request; and the rules for what a table leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

__all__ = ["MILLION", "WEB_SEARCH_USD", "Bands", "Rates", "full_rates"]

MILLION = Decimal(1_000_000)
WEB_SEARCH_USD = Decimal("0.01")
"""What Anthropic and OpenAI take for one web search."""

_CLAUDE_WRITE_5M = Decimal("1.25")
_CLAUDE_WRITE_1H = Decimal(2)


@dataclass(frozen=True, slots=True)
class Rates:
    """USD for one token of each kind, and for one web search."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    web_search: Decimal


Bands = tuple[tuple[int, Rates], ...]
"""Rates by size of the whole input, largest first: the first whose threshold is passed applies."""


def full_rates(
    *,
    input: Decimal,
    output: Decimal,
    cache_read: Decimal | None,
    cache_write_5m: Decimal | None,
    cache_write_1h: Decimal | None,
    web_search: Decimal | None = None,
    is_claude: bool,
    factor: Decimal = Decimal(1),
) -> Rates:
    """Return rates for one token from prices for a million.

    What a table does not list follows from the input's price: reading a cache costs as much as
    fresh input where no discount is listed, and Anthropic takes 1.25 and 2 times the input's price
    for writing it; elsewhere what is written is fresh input.
    """
    if cache_write_5m is None:
        cache_write_5m = input * _CLAUDE_WRITE_5M if is_claude else input
    if cache_write_1h is None:
        cache_write_1h = input * _CLAUDE_WRITE_1H if is_claude else cache_write_5m
    scale = factor / MILLION
    return Rates(
        input=input * scale,
        output=output * scale,
        cache_read=(input if cache_read is None else cache_read) * scale,
        cache_write_5m=cache_write_5m * scale,
        cache_write_1h=cache_write_1h * scale,
        web_search=WEB_SEARCH_USD if web_search is None else web_search,
    )
