"""Price the stored calls again: after an update of the tables, or of the user's own prices.

Calls are read and set session by session: the server sums up a session again whenever a price in
it changes, so calls in any other order would have every session summed up many times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from claude_code_tracer.errors import ServerUnavailable
from claude_code_tracer.pricing import Prices
from claude_code_tracer.rpc import Server

__all__ = [
    "ModelSums",
    "NewPrice",
    "Recalculation",
    "StoredCall",
    "new_price",
    "recalculate",
]

Progress = Callable[[float, int], None]
"""Told which part of all calls is done (0 to 1), and how many were looked at."""

_PAGE = 1000
"""As many rows as the server gives at once; it takes the prices of 5000."""


class StoredCall(msgspec.Struct, frozen=True, kw_only=True):
    """What `api.model_calls` says of a call, as far as it bears on the price."""

    id: str
    session_id: str
    source: str
    model: str | None
    at: datetime | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_5m_tokens: int | None
    cache_write_1h_tokens: int | None
    web_searches: int | None
    service_tier: str | None
    speed: str | None
    inference_geo: str | None
    usage_quality: str | None
    cost_usd: Decimal | None
    price_version: str | None

    @property
    def has_tokens(self) -> bool:
        """Tell whether it is a call: a fee for web searches alone is none."""
        counts = (
            self.input_tokens,
            self.output_tokens,
            self.cache_read_tokens,
            self.cache_write_5m_tokens,
            self.cache_write_1h_tokens,
        )
        return any(count is not None for count in counts)

    @property
    def is_incomplete(self) -> bool:
        """Tell whether the tool did not write what a price is multiplied with."""
        return self.input_tokens is None or self.output_tokens is None


class NewPrice(msgspec.Struct, frozen=True):
    """What is to be stored with a call; the members are those `api.set_prices` takes."""

    id: str
    output_tokens: int | None
    """What was priced: a call that grew meanwhile is left for the next time."""
    cost_usd: Decimal | None
    price_version: str | None


class ModelSums(msgspec.Struct, kw_only=True):
    """The calls of one model that were looked at; unpriced ones are missing from the costs."""

    model: str
    calls: int = 0
    changed: int = 0
    """Calls that cost something else now."""
    unpriced_before: int = 0
    unpriced_after: int = 0
    incomplete: int = 0
    """Of those unpriced now, calls whose tokens the tool did not write: no price helps."""
    cost_before_usd: Decimal | None = None
    cost_after_usd: Decimal | None = None

    def add(self, call: StoredCall, cost: Decimal | None) -> None:
        """Count a call that costs `cost` now."""
        self.calls += call.has_tokens
        self.changed += cost != call.cost_usd
        self.unpriced_before += call.has_tokens and call.cost_usd is None
        self.unpriced_after += call.has_tokens and cost is None
        self.incomplete += call.has_tokens and cost is None and call.is_incomplete
        self.cost_before_usd = _added(self.cost_before_usd, call.cost_usd)
        self.cost_after_usd = _added(self.cost_after_usd, cost)


class Recalculation(msgspec.Struct, kw_only=True):
    """What pricing again came to."""

    price_version: str
    """The tables in force."""
    looked_at: int = 0
    changed: int = 0
    """Calls that cost something else now."""
    confirmed: int = 0
    """Calls that cost the same by these tables as by those before."""
    kept: int = 0
    """Calls with a price from tables before, which these tables do not know any more."""
    models: dict[str, ModelSums] = {}

    def add(self, call: StoredCall, new: NewPrice | None) -> None:
        """Count a call and what becomes of it."""
        self.looked_at += 1
        cost = call.cost_usd if new is None else new.cost_usd
        if cost != call.cost_usd:
            self.changed += 1
        elif new is not None:
            self.confirmed += 1
        elif cost is not None and call.price_version != self.price_version:
            self.kept += 1
        name = call.model or "unknown"
        self.models.setdefault(name, ModelSums(model=name)).add(call, cost)


def recalculate(
    server: Server,
    prices: Prices,
    *,
    look_at_all: bool = False,
    is_dry_run: bool = False,
    progress: Progress = lambda _part, _calls: None,
) -> Recalculation:
    """Price the caller's own calls by the tables in force and store what changes.

    Calls that have a price by these very tables are looked at only with `look_at_all`.
    """
    result = Recalculation(price_version=prices.version)
    for page in _pages(server, None if look_at_all else prices.version):
        priced = [(call, new_price(call, prices)) for call in page]
        if not is_dry_run:
            _set(server, (new for _, new in priced if new is not None))
        for call, new in priced:
            result.add(call, new)
        progress(_part(page[-1].session_id), result.looked_at)
    return result


def new_price(call: StoredCall, prices: Prices) -> NewPrice | None:
    """Return what is to be stored with a call; None when that stands there already.

    A price from tables that do not know it any more stays: its version says which they were. One
    that the user may have set and has taken back goes, because nobody vouches for it any more.
    """
    found = prices.reprice(msgspec.structs.asdict(call))
    if found is not None:
        is_new = found != (call.cost_usd, call.price_version)
        return NewPrice(call.id, call.output_tokens, *found) if is_new else None
    was_own = call.price_version is not None and prices.may_be_own(call.price_version)
    return NewPrice(call.id, call.output_tokens, None, None) if was_own else None


def _pages(server: Server, current: str | None) -> Iterator[list[StoredCall]]:
    """Yield the caller's calls by session, without those whose price is of version `current`."""
    query = {
        "select": ",".join(StoredCall.__struct_fields__),
        "owner_id": f"eq.{server.user_id}",  # a team's members read each other's calls
        "order": "session_id,id",
        "limit": str(_PAGE),
    }
    if current is not None:
        query["price_version"] = f"isdistinct.{current}"
    while page := _decoded(server.select("model_calls", **query)):
        yield page
        last = page[-1]
        query["session_id"] = f"gte.{last.session_id}"
        query["or"] = f"(session_id.gt.{last.session_id},id.gt.{last.id})"


_decoder = msgspec.json.Decoder(list[StoredCall])


def _decoded(answer: bytes) -> list[StoredCall]:
    try:
        return _decoder.decode(answer)
    except msgspec.DecodeError as exc:
        raise ServerUnavailable("the server answered with something else than calls") from exc


def _set(server: Server, prices: Iterable[NewPrice]) -> None:
    if rows := [msgspec.to_builtins(price) for price in prices]:
        server.call("set_prices", {"prices": rows})


def _part(session_id: str) -> float:
    """Return how far a session is among all: ids are digests, so they are spread evenly."""
    return int(session_id[:8], 16) / 0xFFFFFFFF


def _added(total: Decimal | None, cost: Decimal | None) -> Decimal | None:
    return total if cost is None else cost + (total or 0)
