"""What becomes of a stored call's price, and what the server is asked and told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from claude_code_tracer.errors import ServerUnavailable
from claude_code_tracer.pricing import Prices
from claude_code_tracer.repricing import (
    NewPrice,
    Recalculation,
    StoredCall,
    new_price,
    recalculate,
)
from claude_code_tracer.rpc import Server

LISTED = Prices()
OWN = Prices({"house-llm": {"input": Decimal(2), "output": Decimal(10)}})
ID = "00000000-0000-4000-8000-{:012}"


def stored(
    number: int = 1,
    model: str | None = "claude-opus-4-6",
    cost: str | None = None,
    version: str | None = None,
    **fields: Any,
) -> StoredCall:
    """A call with an input and an output of a million tokens each."""
    values: dict[str, Any] = dict.fromkeys(StoredCall.__struct_fields__)
    values |= {
        "id": ID.format(number),
        "session_id": ID.format(7),
        "source": "claude_code",
        "model": model,
        "at": datetime(2026, 11, 1, tzinfo=UTC),
        "input_tokens": 1_000_000,
        "output_tokens": 1_000_000,
        "cost_usd": None if cost is None else Decimal(cost),
        "price_version": version,
    }
    return StoredCall(**values | fields)


class Scripted:
    """A server that holds some calls and takes prices; `asked` is each select's query."""

    user_id = "me"

    def __init__(self, *pages: Iterable[StoredCall]) -> None:
        self._pages = [*map(list, pages), []]
        self.asked: list[dict[str, str]] = []
        self.told: list[list[dict[str, Any]]] = []

    def select(self, view: str, **query: str) -> bytes:
        assert view == "model_calls"
        self.asked.append(query)
        return msgspec.json.encode(self._pages[len(self.asked) - 1])

    def call(self, function: str, arguments: dict[str, Any]) -> bytes:
        assert function == "set_prices"
        self.told.append(arguments["prices"])
        return b"1"


def recalculated(server: Scripted, prices: Prices, **options: Any) -> Recalculation:
    return recalculate(cast(Server, server), prices, **options)


def test_an_unpriced_call_gets_the_price_of_the_tables() -> None:
    new = new_price(stored(), LISTED)
    assert new == NewPrice(ID.format(1), 1_000_000, Decimal(30), LISTED.version)


def test_what_stands_there_already_is_not_sent() -> None:
    assert new_price(stored(cost="30.00000000", version=LISTED.version), LISTED) is None
    assert new_price(stored(model="nobody-1"), LISTED) is None


def test_a_price_of_another_version_is_sent_even_when_it_is_the_same() -> None:
    new = new_price(stored(cost="30", version="older"), LISTED)
    assert new == NewPrice(ID.format(1), 1_000_000, Decimal(30), LISTED.version)


def test_a_price_that_the_tables_do_not_know_any_more_stays() -> None:
    assert new_price(stored(model="gone-1", cost="5", version="genai-prices 0.1"), LISTED) is None


def test_a_price_that_the_user_takes_back_goes() -> None:
    call = stored(model="house-llm", cost="12", version=OWN.version)
    assert new_price(call, LISTED) == NewPrice(ID.format(1), 1_000_000, None, None)
    assert new_price(call, OWN) is None


def test_every_fact_of_the_price_is_asked_for() -> None:
    call = stored(
        cache_read_tokens=1_000_000, cache_write_5m_tokens=1_000_000,
        cache_write_1h_tokens=1_000_000, web_searches=1, inference_geo="us",
    )  # fmt: skip
    new = new_price(call, LISTED)
    assert new is not None
    assert new.cost_usd == (5 + 25 + Decimal("0.5") + Decimal("6.25") + 10) * Decimal("1.1") + (
        Decimal("0.01")
    )


def test_the_owners_calls_are_read_page_by_page_and_set() -> None:
    first = [stored(1), stored(2, cost="30", version="older")]
    server = Scripted(first, [stored(3, model="nobody-1", session_id=ID.format(8))])
    seen: list[int] = []
    done = recalculated(server, LISTED, progress=lambda _, calls: seen.append(calls))
    assert (done.looked_at, done.changed, done.confirmed, done.kept) == (3, 1, 1, 0)
    assert seen == [2, 3]
    assert [[row["id"] for row in rows] for rows in server.told] == [[ID.format(1), ID.format(2)]]
    assert server.told[0][0]["cost_usd"] == "30.00000000"
    start, behind_first, behind_second = server.asked
    assert start["owner_id"] == "eq.me"
    assert start["price_version"] == f"isdistinct.{LISTED.version}"
    assert set(start["select"].split(",")) == set(StoredCall.__struct_fields__)
    assert "or" not in start and start["order"] == "session_id,id"
    assert behind_first["session_id"] == f"gte.{ID.format(7)}"
    assert behind_first["or"] == f"(session_id.gt.{ID.format(7)},id.gt.{ID.format(2)})"
    assert behind_second["session_id"] == f"gte.{ID.format(8)}"


def test_a_dry_run_tells_the_same_and_sets_nothing() -> None:
    calls = [stored(1), stored(2, model="nobody-1")]
    real, dry = Scripted(calls), Scripted(calls)
    done = recalculated(real, LISTED)
    assert recalculated(dry, LISTED, is_dry_run=True) == done
    assert (len(real.told), dry.told) == (1, [])


def test_all_calls_are_looked_at_when_asked_to() -> None:
    server = Scripted([stored(cost="30", version=LISTED.version)])
    done = recalculated(server, LISTED, look_at_all=True)
    assert (done.looked_at, done.changed, done.confirmed, done.kept) == (1, 0, 0, 0)
    assert "price_version" not in server.asked[0]
    assert server.told == []


def test_sums_by_model_say_what_is_not_known() -> None:
    server = Scripted(
        [
            stored(1, cost="10", version="older"),
            stored(2),
            stored(3, model="nobody-1"),
            stored(4, model="gpt-5", input_tokens=None),
            stored(5, model="gone-1", cost="5", version="older"),
            stored(6, model=None, input_tokens=None, output_tokens=None, web_searches=2),
        ]
    )
    done = recalculated(server, LISTED)
    opus, nobody, gpt, gone, fee = done.models.values()
    assert (opus.calls, opus.changed, opus.unpriced_before, opus.unpriced_after) == (2, 2, 1, 0)
    assert (opus.cost_before_usd, opus.cost_after_usd) == (Decimal(10), Decimal(60))
    assert (nobody.unpriced_after, nobody.incomplete, nobody.cost_after_usd) == (1, 0, None)
    assert (gpt.unpriced_after, gpt.incomplete) == (1, 1)
    assert (gone.cost_before_usd, gone.cost_after_usd, done.kept) == (Decimal(5), Decimal(5), 1)
    assert (fee.model, fee.calls, fee.unpriced_before, fee.cost_after_usd) == (
        "unknown", 0, 0, Decimal("0.02"),
    )  # fmt: skip


@pytest.mark.parametrize("answer", [b"", b"<html>", b"{}", b'[{"id": 5}]'])
def test_an_answer_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    server = Scripted()
    monkeypatch.setattr(server, "select", lambda *_, **__: answer)
    with pytest.raises(ServerUnavailable, match="something else than calls"):
        recalculated(server, LISTED)


def test_what_postgrest_writes_is_read_to_the_last_digit() -> None:
    row = msgspec.to_builtins(stored()) | {"at": "2026-11-01T00:00:00+00:00"}
    text = json.dumps(row).replace('"cost_usd": null', '"cost_usd": 1234567.12345678')
    call = msgspec.json.decode(text, type=StoredCall)
    assert call.cost_usd == Decimal("1234567.12345678")
    assert call.at == datetime(2026, 11, 1, tzinfo=UTC)
