"""What a model call cost, in USD, with the version of the price table; unknown stays unknown."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from claude_code_tracer.model import ModelCall
from claude_code_tracer.pricing.rates import PRICE_VERSION, Bands, rates_of

__all__ = ["price"]

_CENT_FRACTION = Decimal("0.00000001")
"""As fine as the database keeps it, so that sums agree wherever they are made."""


def price(call: ModelCall) -> ModelCall:
    """Return `call` with its cost; as it is when its model or its tokens are not known."""
    if call.model is None or (call.input_tokens is None and call.output_tokens is None):
        return call
    bands = rates_of(call.model, call.at, call.speed, call.service_tier)
    if bands is None:
        return call
    cost = _cost(call, bands).quantize(_CENT_FRACTION)
    return msgspec.structs.replace(call, cost_usd=cost, price_version=PRICE_VERSION)


def _cost(call: ModelCall, bands: Bands) -> Decimal:
    fresh = call.input_tokens or 0
    read = call.cache_read_tokens or 0
    write_5m = call.cache_write_5m_tokens or 0
    write_1h = call.cache_write_1h_tokens or 0
    whole_input = fresh + read + write_5m + write_1h
    rates = next(rates for start, rates in bands if whole_input > start or start == 0)
    cost = rates.input * fresh + rates.output * (call.output_tokens or 0)
    cost += rates.cache_read * read
    cost += rates.cache_write_5m * write_5m
    cost += rates.cache_write_1h * write_1h
    if call.web_searches:
        cost += rates.web_search * call.web_searches
    return cost
