"""What a token of a model cost on a day, out of the price table that genai-prices brings along.

Nothing here goes to the network: the library's updater is never started. The library is loaded
when the first price is asked for: that takes 0.1 s, which a help text need not wait for.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from claude_code_tracer.pricing.names import Name
from claude_code_tracer.pricing.rates import Bands, full_rates

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

__all__ = ["LATEST", "Terms", "changes_by_hour", "listed_bands", "listed_version"]

LATEST = datetime(2099, 1, 1, tzinfo=UTC)
"""A call without a time is priced as of the newest entry; the clock must not decide (rule 7)."""

_THOUSAND = Decimal(1_000)
_ONE = Decimal(1)
_HALF = Decimal("0.5")
_FAST_BEFORE_ITS_ENTRY = Decimal(6)
_FAST_REMOVED_ON = date(2026, 7, 24)
_IN_THE_US = Decimal("1.1")

_PROVIDERS = (
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gpt|o\d|codex|chatgpt"), "openai"),
    (re.compile(r"gemini"), "google"),
    (re.compile(r"deepseek"), "deepseek"),
    (re.compile(r"minimax"), "minimax"),
    (re.compile(r"kimi|moonshot"), "moonshotai"),
    (re.compile(r"glm"), "zai"),
    (re.compile(r"grok"), "x-ai"),
    (re.compile(r"composer"), "cursor"),
    (re.compile(r"mistral|codestral|devstral|magistral|ministral"), "mistral"),
)
_STANDARD = frozenset((None, "", "standard", "default", "auto", "on_demand", "standard_only"))
_EVERYWHERE = frozenset((None, "", "global", "not_available", "default"))

Terms = tuple[str | None, str | None, str | None]
"""How a call was served: speed, service tier, inference geography."""


def listed_version() -> str:
    """Return which table this is."""
    from importlib.metadata import version  # 0.03 s, see above

    return f"genai-prices {version('genai-prices')}"


def listed_bands(name: Name, at: datetime, terms: Terms) -> Bands | None:
    """Return the rates of a model at that time on those terms; None when they are not known."""
    found = _model(name)
    if found is None:
        return None
    provider, model = found
    speed, tier, geo = terms
    if name.is_fast:
        speed = "fast"
    served = _served(provider, model.id, at, speed, tier)
    if served is None:
        return None
    context, factor = served
    geo_factor = _geo_factor(provider, geo)
    if geo_factor is None:
        return None
    price, ratio = _price(model, at, context)
    if price is None:
        return None
    factor *= ratio
    if price.input_mtok is None or price.output_mtok is None:
        return None
    starts = sorted({0, *_thresholds(price)}, reverse=True)
    is_claude = provider in ("anthropic", "aws")
    return tuple(
        (
            start,
            full_rates(
                input=_at(price.input_mtok, start) or Decimal(0),
                output=_at(price.output_mtok, start) or Decimal(0),
                cache_read=_at(price.cache_read_mtok, start),
                cache_write_5m=_at(price.cache_write_mtok, start),
                cache_write_1h=_at(price.cache_write_1h_mtok, start),
                web_search=_for_one(_at(price.web_searches_kcount, start)),
                is_claude=is_claude,
                factor=factor * geo_factor,
            ),
        )
        for start in starts
    )


def changes_by_hour(name: Name) -> bool:
    """Tell whether a model's price depends on the time of the day."""
    from genai_prices.types import TimeOfDateConstraint

    found = _model(name)
    prices = found[1].prices if found else []
    return isinstance(prices, list) and any(
        isinstance(price.constraint, TimeOfDateConstraint) for price in prices
    )


@lru_cache(maxsize=1024)
def _model(name: Name) -> tuple[str, ModelInfo] | None:
    """Return the provider that lists the model, and its entry there: its maker's first."""
    from genai_prices.data_snapshot import get_snapshot

    maker = next((provider for start, provider in _PROVIDERS if start.match(name.bare)), None)
    wanted = [("aws", name.cloud), (maker, name.bare), ("openrouter", name.routed)]
    for provider, text in wanted:
        if provider is None or not text:
            continue
        try:
            return provider, get_snapshot().find_provider_model(text, None, provider, None)[1]
        except LookupError:
            continue
    return None


def _served(
    provider: str, model: str, at: datetime, speed: str | None, tier: str | None
) -> tuple[dict[str, str], Decimal] | None:
    """Return what selects a variant in the table, and the factor where it has none.

    None: this way of serving has no known price.
    """
    if provider == "openai" and speed == "fast" and tier in _STANDARD:
        speed, tier = None, "fast"  # its fast mode is a tier
    context: dict[str, str] = {}
    factor = _ONE
    if speed == "fast":
        if model in ("claude-opus-4-6", "claude-opus-4-7"):
            if at.date() >= _FAST_REMOVED_ON:
                return None
            factor = _FAST_BEFORE_ITS_ENTRY
        else:
            context["speed"] = "fast"
    if tier == "batch":
        context["processing"] = "batch"
    elif tier not in _STANDARD and not (tier == "priority" and provider in ("anthropic", "aws")):
        # Anthropic's priority tier is bought ahead; its list price is the same.
        context["service_tier"] = tier or ""
    return None if len(context) > 1 else (context, factor)


def _price(
    model: ModelInfo, at: datetime, context: dict[str, str]
) -> tuple[ModelPrice | None, Decimal]:
    """Return a price and a factor for it; no price when this variant is not sold.

    The table lists variants only since October 2026. Batch and flex always cost half; what a fast
    or priority variant costs today stood in the same ratio to the standard price before.
    """
    variants = [v for v in model.price_variants or () if v.when == context]
    if not context or any(v.constraint is None or v.constraint.active(at) for v in variants):
        return model.get_prices(at, context), _ONE
    if {"batch", "flex"} & set(context.values()):
        return model.get_prices(at), _HALF
    today = _at(model.get_prices(LATEST).input_mtok, 0)
    then = _at(model.get_prices(at).input_mtok, 0)
    if not variants or not today or then is None:
        return None, _ONE
    return model.get_prices(LATEST, context), then / today


def _geo_factor(provider: str, geo: str | None) -> Decimal | None:
    """Return what Anthropic takes for keeping inference in one country."""
    if provider != "anthropic" or geo in _EVERYWHERE:
        return _ONE
    return _IN_THE_US if geo == "us" else None


def _thresholds(price: ModelPrice) -> set[int]:
    return {
        tier.start
        for value in vars(price).values()
        if (tiers := getattr(value, "tiers", None))
        for tier in tiers
    }


def _at(price: Decimal | TieredPrices | None, start: int) -> Decimal | None:
    """Return the price of the band that begins above `start` tokens of input."""
    if price is None or isinstance(price, Decimal):
        return price
    reached = [tier.price for tier in price.tiers if tier.start <= start]
    return reached[-1] if reached and start else price.base


def _for_one(price: Decimal | None) -> Decimal | None:
    return None if price is None else price / _THOUSAND
