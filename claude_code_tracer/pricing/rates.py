"""What a token of a model cost on a day, out of the price table that genai-prices brings along.

Nothing here goes to the network: the library's updater is never started.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

__all__ = ["PRICE_VERSION", "Rates", "rates_of"]

PRICE_VERSION = f"genai-prices {version('genai-prices')} + 1"
"""The table and, behind the plus, the version of our own rules below."""

_LATEST = datetime(2099, 1, 1, tzinfo=UTC)
"""A call without a time is priced as of the newest entry; the clock must not decide (rule 7)."""

_MILLION = Decimal(1_000_000)
_THOUSAND = Decimal(1_000)
_WEB_SEARCH_USD = Decimal("0.01")
_HALF = Decimal("0.5")
_FAST_BEFORE_ITS_ENTRY = Decimal(6)
_FAST_REMOVED_ON = date(2026, 7, 24)

_PROVIDERS = (
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gpt|o\d|codex|chatgpt"), "openai"),
    (re.compile(r"gemini"), "google"),
    (re.compile(r"deepseek"), "deepseek"),
    (re.compile(r"minimax"), "minimax"),
    (re.compile(r"kimi|moonshot"), "moonshotai"),
    (re.compile(r"glm"), "zai"),
    (re.compile(r"grok"), "x-ai"),
    (re.compile(r"mistral|codestral|devstral|magistral|ministral"), "mistral"),
)
_BEDROCK = re.compile(r"(?:[a-z-]+\.)?anthropic\.claude")
_ROUTER_PREFIX = re.compile(r"(?:[a-z0-9_.-]+/)+")
_WINDOW_SUFFIX = re.compile(r"\[\d+[mk]\]$")
_STANDARD = (None, "standard", "default", "auto")


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


def rates_of(model: str, at: datetime | None, speed: str | None, tier: str | None) -> Bands | None:
    """Return the rates of `model` at that time; None when they are not known."""
    found = _model(model)
    if found is None:
        return None
    at = at or _LATEST
    if not _changes_by_hour(found[1]):
        at = datetime(at.year, at.month, at.day, tzinfo=UTC)
    return _bands(model, at, speed, tier)


@lru_cache(maxsize=1024)
def _model(name: str) -> tuple[str, ModelInfo] | None:
    """Return the provider and the entry of a model as a transcript names it."""
    from genai_prices.data_snapshot import get_snapshot  # 0.2 s: not needed to show a help text

    name = _WINDOW_SUFFIX.sub("", name.strip().lower())
    name = _ROUTER_PREFIX.sub("", name)
    provider = "aws" if _BEDROCK.match(name) else _provider(name)
    if provider is None:
        return None
    try:
        _, model = get_snapshot().find_provider_model(name, None, provider, None)
    except LookupError:
        return None
    return provider, model


def _provider(name: str) -> str | None:
    return next((provider for start, provider in _PROVIDERS if start.match(name)), None)


def _changes_by_hour(model: ModelInfo) -> bool:
    from genai_prices.types import TimeOfDateConstraint

    prices = model.prices if isinstance(model.prices, list) else []
    return any(isinstance(price.constraint, TimeOfDateConstraint) for price in prices)


@lru_cache(maxsize=4096)
def _bands(name: str, at: datetime, speed: str | None, tier: str | None) -> Bands | None:
    found = _model(name)
    if found is None:
        return None
    provider, model = found
    context = _context(provider, speed, tier)
    price = model.get_prices(at, context)
    factor = Decimal(1) if _is_listed(model, at, context) else _factor(model.id, at, speed, tier)
    if factor is None or price.input_mtok is None or price.output_mtok is None:
        return None
    starts = sorted({0, *_thresholds(price)}, reverse=True)
    return tuple((start, _rates(provider, price, start, factor)) for start in starts)


def _context(provider: str, speed: str | None, tier: str | None) -> dict[str, str]:
    """Return what selects a variant of the price in the table."""
    context = {"processing": "batch"} if tier == "batch" else {}
    if speed == "fast":
        context["speed"] = "fast"
    if tier and tier != "batch" and provider in ("openai", "google"):
        context["service_tier"] = tier
    return context


def _is_listed(model: ModelInfo, at: datetime, context: dict[str, str]) -> bool:
    """Tell whether the table has a price of its own for this context."""
    return any(
        all(context.get(key) == value for key, value in variant.when.items())
        and (variant.constraint is None or variant.constraint.active(at))
        for variant in model.price_variants or ()
    )


def _factor(model: str, at: datetime, speed: str | None, tier: str | None) -> Decimal | None:
    """Return by what the standard price is multiplied where the table does not say."""
    if speed == "fast":
        is_early = model in ("claude-opus-4-6", "claude-opus-4-7") and at.date() < _FAST_REMOVED_ON
        return _FAST_BEFORE_ITS_ENTRY if is_early else None
    if tier in ("batch", "flex"):
        return _HALF
    if tier in _STANDARD or (tier == "priority" and model.startswith("claude")):
        return Decimal(1)  # Anthropic's priority tier is bought ahead; its list price is the same
    return None


def _thresholds(price: ModelPrice) -> set[int]:
    return {
        tier.start
        for value in vars(price).values()
        if (tiers := getattr(value, "tiers", None))
        for tier in tiers
    }


def _rates(provider: str, price: ModelPrice, start: int, factor: Decimal) -> Rates:
    """Return the rates of the band above `start`; what is not listed follows from the input's."""
    is_claude = provider in ("anthropic", "aws")
    fresh = _at(price.input_mtok, start) or Decimal(0)
    read = _at(price.cache_read_mtok, start)
    write = _at(price.cache_write_mtok, start)
    long_write = _at(price.cache_write_1h_mtok, start)
    if write is None:
        write = fresh * Decimal("1.25") if is_claude else fresh
    if long_write is None:
        long_write = fresh * 2 if is_claude else write
    scale = factor / _MILLION
    search = _at(price.web_searches_kcount, start)
    return Rates(
        input=fresh * scale,
        output=(_at(price.output_mtok, start) or Decimal(0)) * scale,
        cache_read=(fresh if read is None else read) * scale,
        cache_write_5m=write * scale,
        cache_write_1h=long_write * scale,
        web_search=_WEB_SEARCH_USD if search is None else search / _THOUSAND,
    )


def _at(price: Decimal | TieredPrices | None, start: int) -> Decimal | None:
    """Return the price of the band that begins above `start` tokens of input."""
    if price is None or isinstance(price, Decimal):
        return price
    reached = [tier.price for tier in price.tiers if tier.start <= start]
    return reached[-1] if reached and start else price.base
