"""Tokens to USD, offline, with provenance."""

from claude_code_tracer.pricing.prices import price
from claude_code_tracer.pricing.rates import PRICE_VERSION

__all__ = ["PRICE_VERSION", "price"]
