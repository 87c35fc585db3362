"""Prices of models that genai-prices does not list, out of `config/prices.json`.

That file is cut from LiteLLM's table by `scripts/make_price_table.py`. It has no history: the
prices of the day it was made hold for every day. It is read when the first unlisted name comes.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import Any

from claude_code_tracer.config import data_file
from claude_code_tracer.pricing.names import Name
from claude_code_tracer.pricing.rates import Bands, full_rates

__all__ = ["VENDORED_VERSION", "vendored_bands"]

VENDORED_VERSION = "litellm 1.109.1 dd422b7b"
"""Where the file came from and the start of its digest; a test compares them."""


def vendored_bands(name: Name) -> Bands | None:
    """Return the rates of a model; None when the file does not know it."""
    models = _models()
    rows = models.get(name.bare) or models.get(name.undated)
    if rows is None and name.bare.startswith("claude"):
        rows = models.get(name.undated.replace(".", "-"))
    return None if rows is None else tuple(_band(row, name) for row in rows)


@cache
def _models() -> dict[str, list[list[Any]]]:
    text = data_file("config", "prices.json").read_text("utf-8")
    models: dict[str, list[list[Any]]] = json.loads(text, parse_float=Decimal)["models"]
    return models


def _band(row: list[Any], name: Name) -> tuple[int, Any]:
    start, *prices = row
    fresh, output, read, write, long_write = (
        None if price is None else Decimal(price) for price in prices
    )
    rates = full_rates(
        input=fresh or Decimal(0),
        output=output or Decimal(0),
        cache_read=read,
        cache_write_5m=write,
        cache_write_1h=long_write,
        is_claude=name.bare.startswith("claude"),
    )
    return start, rates
