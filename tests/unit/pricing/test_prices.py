"""Tokens to USD: figures worked out by hand from list prices."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.model import ModelCall
from claude_code_tracer.pricing import PRICE_VERSION, price

OPUS = "claude-opus-4-6"
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 20, tzinfo=UTC)


def call(model: str | None = OPUS, at: datetime | None = NOVEMBER, **counts: Any) -> ModelCall:
    return ModelCall(
        source="claude_code", session="s", revision=0, id="c", model=model, at=at, **counts
    )


def usd(model: str | None = OPUS, at: datetime | None = NOVEMBER, **counts: Any) -> str | None:
    cost = price(call(model, at, **counts)).cost_usd
    return None if cost is None else f"{cost.normalize():f}"


def test_the_golden_figures() -> None:
    """claude-one-session: agreed on by three other tools."""
    opus: dict[str, Any] = {"input_tokens": 15, "output_tokens": 2000, "cache_read_tokens": 50000}
    assert usd(OPUS, **opus, cache_write_5m_tokens=0, cache_write_1h_tokens=25000) == "0.325075"
    haiku: dict[str, Any] = {"input_tokens": 3, "output_tokens": 50, "cache_read_tokens": 10000}
    assert usd("claude-haiku-4-5-20251001", **haiku, cache_write_1h_tokens=5000) == "0.011253"


@pytest.mark.parametrize(
    ("counts", "cost"),
    [
        ({"input_tokens": 1_000_000, "output_tokens": 0}, "5"),
        ({"input_tokens": 0, "output_tokens": 1_000_000}, "25"),
        ({"input_tokens": 0, "cache_read_tokens": 1_000_000}, "0.5"),
        ({"input_tokens": 0, "cache_write_5m_tokens": 1_000_000}, "6.25"),
        ({"input_tokens": 0, "cache_write_1h_tokens": 1_000_000}, "10"),
        ({"input_tokens": 0, "web_searches": 3}, "0.03"),
        ({"input_tokens": 0, "output_tokens": 0}, "0"),
    ],
)
def test_each_kind_of_token_has_its_price(counts: dict[str, Any], cost: str) -> None:
    assert usd(**counts) == cost


@pytest.mark.parametrize(
    "model",
    [None, "", "<synthetic>", "codex-auto-review", "somebodys-own-model", "claude-nonsense-99"],
)
def test_an_unknown_model_costs_nobody_knows_what(model: str | None) -> None:
    priced = price(call(model, input_tokens=1000, output_tokens=1000))
    assert (priced.cost_usd, priced.price_version) == (None, None)


def test_unknown_tokens_cost_nobody_knows_what() -> None:
    assert usd() is None
    assert usd(cache_read_tokens=5) is None


def test_the_price_table_is_named() -> None:
    assert price(call(input_tokens=1)).price_version == PRICE_VERSION
    assert PRICE_VERSION.startswith("genai-prices 0.")


def test_prices_follow_the_day() -> None:
    assert usd(at=FEBRUARY, input_tokens=250_000) == "2.5"
    assert usd(at=MAY, input_tokens=250_000) == "1.25"
    assert usd(at=None, input_tokens=250_000) == "1.25"


def test_the_whole_request_takes_the_higher_band() -> None:
    assert usd(at=FEBRUARY, input_tokens=200_000) == "1"
    assert usd(at=FEBRUARY, input_tokens=1, cache_read_tokens=200_000) == "0.20001"
    long: dict[str, Any] = {
        "input_tokens": 1,
        "cache_write_1h_tokens": 200_000,
        "output_tokens": 1000,
    }
    assert usd(at=FEBRUARY, **long) == "4.03751"


@pytest.mark.parametrize(
    ("model", "at", "fields", "cost"),
    [
        ("claude-opus-4-8", NOVEMBER, {"speed": "standard"}, "5"),
        ("claude-opus-4-8", NOVEMBER, {"speed": "fast"}, "10"),
        (OPUS, MAY, {"speed": "fast"}, "30"),
        ("claude-opus-4-7", MAY, {"speed": "fast"}, "30"),
        (OPUS, NOVEMBER, {"speed": "fast"}, None),
        ("claude-haiku-4-5", NOVEMBER, {"speed": "fast"}, None),
        (OPUS, NOVEMBER, {"service_tier": "batch"}, "2.5"),
        (OPUS, MAY, {"service_tier": "batch"}, "2.5"),
        (OPUS, NOVEMBER, {"service_tier": "priority"}, "5"),
        (OPUS, NOVEMBER, {"service_tier": "default"}, "5"),
        (OPUS, NOVEMBER, {"service_tier": "gold"}, None),
    ],
)
def test_speed_and_tier_change_the_price(
    model: str, at: datetime, fields: dict[str, Any], cost: str | None
) -> None:
    assert usd(model, at, input_tokens=1_000_000, **fields) == cost


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-4-6[1m]",
        "anthropic/claude-opus-4-6",
        "openrouter/anthropic/claude-opus-4.6",
        "Claude-Opus-4-6",
        "claude-opus-4-6@20260101",
    ],
)
def test_a_model_has_many_names(model: str) -> None:
    assert usd(model, input_tokens=1_000_000) == "5"


@pytest.mark.parametrize(
    "model",
    [
        "us.anthropic.claude-opus-4-6-v1:0",
        "claude-sonnet-4-20250514",
        "claude-3-sonnet-20240229",
        "gpt-5.5",
        "gemini-2.5-pro",
        "deepseek-v4-pro",
        "MiniMax-M2.7",
        "kimi-k2",
        "grok-4",
    ],
)
def test_other_models_are_priced_too(model: str) -> None:
    cost = price(call(model, input_tokens=1_000_000, output_tokens=1000)).cost_usd
    assert cost is not None
    assert 0 < cost < 100


def test_the_library_agrees() -> None:
    """Our arithmetic over its table gives what the library itself calculates."""
    from genai_prices import Usage, calc_price

    counts: dict[str, Any] = {
        "output_tokens": 700,
        "cache_read_tokens": 90_000,
        "cache_write_1h_tokens": 4_000,
    }
    for model in ("claude-sonnet-4-5", "claude-opus-5", "claude-fable-5-2", "claude-haiku-5-5"):
        usage = Usage(input_tokens=100_300, cache_write_tokens=10_000, **counts)
        theirs = calc_price(
            usage, model, provider_id="anthropic", genai_request_timestamp=NOVEMBER
        ).total_price
        ours = price(call(model, input_tokens=300, cache_write_5m_tokens=6_000, **counts)).cost_usd
        assert ours == theirs.quantize(Decimal("0.00000001"))


def test_pricing_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert usd("claude-sonnet-4-6", input_tokens=1_000_000) == "3"


def test_pricing_is_cheap() -> None:
    one = call(input_tokens=10, output_tokens=10, cache_read_tokens=10)
    price(one)
    started = time.process_time()
    for _ in range(20_000):
        price(one)
    assert time.process_time() - started < 1


counts = st.none() | st.integers(0, 2**53)
words = st.none() | st.text(max_size=12) | st.sampled_from(["fast", "batch", "standard", "flex"])


@given(st.text(max_size=30) | st.sampled_from([OPUS, "gpt-5.5"]), counts, counts, words, words)
def test_nothing_raises(
    model: str, fresh: int | None, output: int | None, speed: str | None, tier: str | None
) -> None:
    one = call(
        model, None, input_tokens=fresh, output_tokens=output, speed=speed, service_tier=tier
    )
    cost = price(one).cost_usd
    assert cost is None or cost >= 0
