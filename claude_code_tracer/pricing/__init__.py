"""Tokens to USD, offline, with provenance."""

from claude_code_tracer.pricing.prices import Listing, OwnPrices, Prices

__all__ = ["Listing", "OwnPrices", "Prices", "price"]

price = Prices().price
"""Price a call by the bundled tables alone; `Prices(config.prices)` knows the user's own, too."""
