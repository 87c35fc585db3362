"""What a model call cost, in USD, with the version of the price table; unknown stays unknown.

A call has a price when its model is known and so are its input and output: pricing a count that a
tool did not write as if it were 0 would be an estimate that looks like a sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from claude_code_tracer.model import ModelCall
from claude_code_tracer.pricing.listed import (
    LATEST,
    Terms,
    changes_by_hour,
    listed_bands,
    listed_version,
)
from claude_code_tracer.pricing.names import Name, read_name
from claude_code_tracer.pricing.rates import WEB_SEARCH_USD, Bands, Rates, full_rates
from claude_code_tracer.pricing.vendored import VENDORED_VERSION, vendored_bands

__all__ = ["Listing", "OwnPrices", "Prices"]

OwnPrices = Mapping[str, Mapping[str, Decimal]]
"""The user's own prices, USD per million tokens: model, then `input`, `output`, `cache_read`,
`cache_write_5m`, `cache_write_1h` (see `config.Config.prices`)."""

_RULES = 2
"""The version of this package's own rules; raise it when one changes."""

_CENT_FRACTION = Decimal("0.00000001")
"""As fine as the database keeps it, so that sums agree wherever they are made."""

_OWN = " + own "
"""Stands in the version of every call that was priced while the user had own prices."""

_STANDARD_TERMS: Terms = (None, None, None)

_MAX_TARIFFS = 16384
_FREE = Rates(*(Decimal(0) for _ in fields(Rates)))

_Key = tuple[str, int, str | None, str | None, str | None]


class Listing(NamedTuple):
    """What a model costs, and which table says so."""

    table: str
    """`own`, `free` (OpenRouter's variants of that name), or name and version of a table."""
    bands: Bands
    changes_by_hour: bool = False


class _Tariff(NamedTuple):
    """Rates as whole numbers of `unit` USD: exact, and four times as fast as Decimals."""

    unit: Decimal
    bands: tuple[tuple[int, tuple[int, ...]], ...]


class Prices:
    """The price tables, with the user's own prices before all others."""

    def __init__(self, own: OwnPrices | None = None) -> None:
        self._own = {model.strip().lower(): dict(price) for model, price in (own or {}).items()}
        self._tariffs: dict[_Key, _Tariff | None] = {}
        self._by_hour: dict[str, bool] = {}

    @cached_property
    def version(self) -> str:
        """What `price_version` says of a call priced here: changes when any price may have."""
        listed = f"{listed_version()} + {VENDORED_VERSION} + {_RULES}"
        if not self._own:
            return listed
        text = msgspec.json.encode(self._own, order="sorted")
        return f"{listed}{_OWN}{blake2b(text, digest_size=4).hexdigest()}"

    def price(self, call: ModelCall) -> ModelCall:
        """Return `call` with its cost; as it is when its model or its tokens are not known."""
        cost = self.cost(call)
        if cost is None:
            return call
        return msgspec.structs.replace(call, cost_usd=cost, price_version=self.version)

    def reprice(self, row: Mapping[str, Any]) -> tuple[Decimal, str] | None:
        """Return what a stored call costs by these tables, and their version.

        `row` has the names of `model.ModelCall` as keys, as `api.model_calls` gives them (`at` as
        ISO text or datetime). None when it has no known price: what is stored can stay.
        """
        known = {name: row[name] for name in _PRICED_BY if row.get(name) is not None}
        try:
            call = msgspec.convert(
                {"session": "", "revision": 0, "id": "", "source": "", **known}, ModelCall
            )
        except (msgspec.ValidationError, ValueError):
            return None
        cost = self.cost(call)
        return None if cost is None else (cost, self.version)

    def listing(self, model: str, at: datetime) -> Listing | None:
        """Return a model's price at that time, without fast modes, tiers and regions."""
        name = read_name(model)
        own = self._own_bands(model)
        if own is not None:
            return Listing("own", own)
        by_hour = self._changes_by_hour(model, name)
        found = _find(name, at if by_hour else _day_of(at), _STANDARD_TERMS)
        return None if found is None else found._replace(changes_by_hour=by_hour)

    @staticmethod
    def may_be_own(version: str) -> bool:
        """Tell whether the price of a call of that `price_version` can be one of the user's."""
        return _OWN in version

    def cost(self, call: ModelCall) -> Decimal | None:
        """Return what `call` cost in USD; None when its model or its tokens are not known."""
        fresh, output, model = call.input_tokens, call.output_tokens, call.model
        if fresh is None or output is None or model is None:
            return _searches_only(call)
        at = call.at
        key = (
            model,
            at.toordinal() if at else 0,
            call.speed,
            call.service_tier,
            call.inference_geo,
        )
        try:
            tariff = self._tariffs[key]
        except KeyError:
            tariff = self._tariff(key, call)
        if tariff is None:
            return None
        read = call.cache_read_tokens or 0
        write_5m = call.cache_write_5m_tokens or 0
        write_1h = call.cache_write_1h_tokens or 0
        unit, bands = tariff
        rates = bands[-1][1]
        if len(bands) > 1 and call.usage_quality != "session_total":
            whole_input = fresh + read + write_5m + write_1h
            rates = next(rates for start, rates in bands if whole_input > start or start == 0)
        cost = rates[0] * fresh + rates[1] * output + rates[2] * read
        cost += rates[3] * write_5m + rates[4] * write_1h
        if call.web_searches:
            cost += rates[5] * call.web_searches
        return (cost * unit).quantize(_CENT_FRACTION)

    def _tariff(self, key: _Key, call: ModelCall) -> _Tariff | None:
        """Work out a tariff and keep it for the day; not when it changes within the day."""
        model, _, *terms = key
        own = self._own_bands(model)
        name = read_name(model)
        if own is None and self._changes_by_hour(model, name):
            return _whole_numbers(_bands(name, call.at or LATEST, tuple(terms)))
        day = _day_of(call.at) if call.at else LATEST
        tariff = _whole_numbers(own or _bands(name, day, tuple(terms)))
        if len(self._tariffs) >= _MAX_TARIFFS:
            self._tariffs.clear()
        self._tariffs[key] = tariff
        return tariff

    def _changes_by_hour(self, model: str, name: Name) -> bool:
        if model not in self._by_hour:
            if len(self._by_hour) >= _MAX_TARIFFS:
                self._by_hour.clear()
            self._by_hour[model] = changes_by_hour(name)
        return self._by_hour[model]

    def _own_bands(self, model: str) -> Bands | None:
        """Return the user's price: of the name as it is written, else of the model it means."""
        if not self._own:
            return None
        name = read_name(model)
        written = (model.strip().lower(), name.bare, name.undated)
        price = next((self._own[text] for text in written if text in self._own), None)
        if price is None:
            return None
        rates = full_rates(
            input=price["input"],
            output=price["output"],
            cache_read=price.get("cache_read"),
            cache_write_5m=price.get("cache_write_5m"),
            cache_write_1h=price.get("cache_write_1h"),
            is_claude=name.bare.startswith("claude"),
        )
        return ((0, rates),)


_PRICED_BY = (
    "source", "model", "at", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_5m_tokens", "cache_write_1h_tokens", "web_searches", "service_tier", "speed",
    "inference_geo", "usage_quality",
)  # fmt: skip


def _searches_only(call: ModelCall) -> Decimal | None:
    """Price Claude Code's record of web searches, which tells neither model nor tokens."""
    is_record = (
        call.source == "claude_code"
        and call.web_searches
        and call.input_tokens is None
        and call.output_tokens is None
        and call.cache_read_tokens is None
    )
    if not is_record or call.web_searches is None:
        return None
    return (WEB_SEARCH_USD * call.web_searches).quantize(_CENT_FRACTION)


def _day_of(at: datetime) -> datetime:
    return datetime.combine(at.date(), time(), UTC)


def _bands(name: Name, at: datetime, terms: tuple[Any, ...]) -> Bands | None:
    speed, tier, geo = terms
    found = _find(name, at, (speed, tier, geo))
    return None if found is None else found.bands


def _find(name: Name, at: datetime, terms: Terms) -> Listing | None:
    """Return the rates of a model: of the library's table, else of ours."""
    if name.is_free:
        return Listing("free", ((0, _FREE),))
    bands = listed_bands(name, at, terms)
    if bands is not None:
        return Listing(listed_version(), bands)
    bands = vendored_bands(name) if _is_standard(name, terms) else None
    return None if bands is None else Listing(VENDORED_VERSION, bands)


def _is_standard(name: Name, terms: Terms) -> bool:
    """Tell whether the price without further terms applies; our table knows only that."""
    return not name.is_fast and all(term in (None, "", "standard", "default") for term in terms)


def _whole_numbers(bands: Bands | None) -> _Tariff | None:
    if bands is None:
        return None
    prices = [(start, [getattr(rates, f.name) for f in fields(Rates)]) for start, rates in bands]
    exponents = [int(p.normalize().as_tuple().exponent) for _, row in prices for p in row]
    places = -min(0, *exponents)
    return _Tariff(
        Decimal(1).scaleb(-places),
        tuple((start, tuple(int(p.scaleb(places)) for p in row)) for start, row in prices),
    )
