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
from claude_code_tracer.pricing import Prices, price
from claude_code_tracer.pricing.listed import listed_bands
from claude_code_tracer.pricing.names import read_name

OPUS = "claude-opus-4-6"
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 20, tzinfo=UTC)


def call(model: str | None = OPUS, at: datetime | None = NOVEMBER, **counts: Any) -> ModelCall:
    if "input_tokens" in counts:
        counts.setdefault("output_tokens", 0)
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
    """Copilot writes only outputs: its input was not 0, so its cost is not known."""
    assert usd() is None
    assert usd(cache_read_tokens=5) is None
    assert usd(output_tokens=700) is None
    assert price(call(input_tokens=5, output_tokens=None)).cost_usd is None
    assert usd(output_tokens=700, web_searches=2) is None


def test_web_searches_without_a_call_have_their_price() -> None:
    """Claude Code's WebSearch tool tells how often it searched, and nothing of who answered."""
    assert usd(None, web_searches=3) == "0.03"
    assert usd(OPUS, web_searches=3) == "0.03"
    assert usd(None, web_searches=0) is None
    foreign = ModelCall(source="codex", session="s", revision=0, id="c", web_searches=3)
    assert price(foreign).cost_usd is None


def test_the_price_table_is_named() -> None:
    version = price(call(input_tokens=1)).price_version
    assert version == Prices().version
    assert version is not None
    assert version.startswith("genai-prices 0.")
    assert " + litellm 1." in version


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
        (OPUS, NOVEMBER, {"inference_geo": "us"}, "5.5"),
        (OPUS, NOVEMBER, {"inference_geo": "global"}, "5"),
        (OPUS, NOVEMBER, {"inference_geo": "not_available"}, "5"),
        (OPUS, NOVEMBER, {"inference_geo": "moon"}, None),
        ("claude-opus-4-8", NOVEMBER, {"speed": "fast", "inference_geo": "us"}, "11"),
        ("claude-opus-4-8", NOVEMBER, {"speed": "fast", "service_tier": "batch"}, None),
        ("claude-opus-4.8-fast", NOVEMBER, {}, "10"),
        ("gpt-5.4", NOVEMBER, {"service_tier": "priority"}, "5"),
        ("gpt-5.4", NOVEMBER, {"service_tier": "fast"}, "5"),
        ("gpt-5.4", NOVEMBER, {"speed": "fast"}, "5"),
        ("gpt-5.4", MAY, {"service_tier": "priority"}, "5"),  # the table lists it since October
        ("gpt-5.5", MAY, {"service_tier": "priority"}, "12.5"),
        ("gpt-5.6-sol", MAY, {"service_tier": "priority"}, "20"),  # 2x of what it cost in May
        ("gpt-5.6-sol", NOVEMBER, {"service_tier": "priority"}, "16"),
        ("gpt-5.3-codex", MAY, {"service_tier": "flex"}, "0.875"),
        ("gpt-5.3-codex", MAY, {"service_tier": "batch"}, "0.875"),
        ("gpt-5-pro", NOVEMBER, {"service_tier": "priority"}, None),
        ("gemini-2.5-flash", NOVEMBER, {"service_tier": "gold"}, None),
        ("glm-4.6", NOVEMBER, {"service_tier": "standard"}, "0.6"),
        ("qwen3-coder-plus", NOVEMBER, {"service_tier": "priority"}, None),
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
        "vertex_ai/claude-opus-4-6@default",
        "global.anthropic.claude-opus-4-6-v1:0",
        "bedrock/global.anthropic.claude-opus-4-6-v1:0",
        "arn:aws:bedrock:us-east-1:1:inference-profile/global.anthropic.claude-opus-4-6-v1:0",
        "anthropic/claude-opus-4.6:thinking",
        "cline/anthropic/claude-opus-4.6",
    ],
)
def test_a_model_has_many_names(model: str) -> None:
    assert usd(model, input_tokens=1_000_000) == "5"


def test_a_region_of_bedrock_costs_more() -> None:
    assert usd("us.anthropic.claude-opus-4-6-v1:0", input_tokens=1_000_000) == "5.5"


@pytest.mark.parametrize(
    ("model", "counts", "cost"),
    [
        ("zai/glm-4.6", {"input_tokens": 1_000_000}, "0.6"),
        ("glm-4.6", {"input_tokens": 0, "cache_read_tokens": 1_000_000}, "0.11"),
        ("accounts/fireworks/models/kimi-k2p6", {"input_tokens": 1_000_000}, "0.95"),
        ("dashscope/qwen3-coder-plus", {"input_tokens": 30_000}, "0.03"),
        ("qwen3-coder-plus", {"input_tokens": 100_000}, "0.18"),
        ("qwen3-coder-plus-2025-07-22", {"input_tokens": 30_000}, "0.03"),
        ("devstral-medium", {"output_tokens": 1_000_000, "input_tokens": 0}, "2"),
        ("qwen/qwen3-coder:free", {"input_tokens": 1_000_000}, "0"),
    ],
)
def test_our_own_table_knows_what_the_library_does_not(
    model: str, counts: dict[str, Any], cost: str
) -> None:
    assert usd(model, **counts) == cost


@pytest.mark.parametrize(
    "model", ["gpt-5.3-codex-spark", "openai/gpt-99-turbo", "openrouter/x/y", "auto", "/"]
)
def test_what_no_table_lists_has_no_price(model: str) -> None:
    assert usd(model, input_tokens=1_000_000) is None


def test_a_session_in_one_call_is_no_long_request() -> None:
    """Many small requests together pass 200,000 tokens, and none of them did."""
    counts: dict[str, Any] = {"input_tokens": 250_000, "usage_quality": "session_total"}
    assert usd(at=FEBRUARY, **counts) == "1.25"


def test_a_price_may_depend_on_the_hour() -> None:
    night = datetime(2026, 11, 1, 2, tzinfo=UTC)
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    costs = [usd("deepseek-v4-pro", at, input_tokens=1_000_000) for at in (night, noon, night)]
    assert costs[0] == costs[2] != costs[1]


OWN = {"my-model": {"input": Decimal(3), "output": Decimal(15), "cache_read": Decimal("0.3")}}


def test_the_users_own_prices_win() -> None:
    mine = Prices({**OWN, "Claude-Opus-4-6": {"input": Decimal(1), "output": Decimal(2)}})
    one = call("openrouter/me/My-Model", input_tokens=1_000_000, cache_read_tokens=1_000_000)
    assert mine.price(one).cost_usd == Decimal("3.3")
    opus = call(input_tokens=0, output_tokens=1_000_000, cache_write_5m_tokens=1_000_000)
    assert mine.price(opus).cost_usd == Decimal("3.25")
    assert mine.price(call("claude-opus-4-8", input_tokens=1_000_000)).cost_usd == 5
    assert price(one).cost_usd is None


def test_the_version_changes_with_the_users_prices() -> None:
    other = {"my-model": {**OWN["my-model"], "output": Decimal(16)}}
    versions = {Prices().version, Prices(OWN).version, Prices(other).version}
    assert len(versions) == 3
    assert Prices(OWN).version == Prices(dict(reversed(OWN.items()))).version


def test_a_stored_call_is_priced_again() -> None:
    one = call(input_tokens=1_000, output_tokens=10, service_tier="standard")
    row = {name: getattr(one, name) for name in one.__struct_fields__}
    expected = (price(one).cost_usd, Prices().version)
    assert Prices().reprice(row) == expected
    assert Prices().reprice({**row, "at": "2026-11-01T00:00:00+00:00"}) == expected
    assert Prices().reprice({**row, "id": None, "owner_id": "x", "cost_usd": "7.0"}) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"model": "nobody-knows"},
        {"input_tokens": None},
        {"input_tokens": "many"},
        {"at": "yesterday"},
        {"model": 5},
    ],
)
def test_a_stored_call_without_a_price_is_left(change: dict[str, Any]) -> None:
    row = {"source": "codex", "model": OPUS, "input_tokens": 1, "output_tokens": 1, **change}
    assert Prices().reprice(row) is None


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
    """600,000 calls a second on one core of 2026; a fifth of it is the limit on a busy one."""
    one = call(input_tokens=10, output_tokens=10, cache_read_tokens=10)
    price(one)
    started = time.process_time()
    for _ in range(60_000):
        price(one)
    assert time.process_time() - started < 0.5


sizes = st.integers(0, 10**12)


@given(
    st.sampled_from([OPUS, "gpt-5.5", "gpt-5.6-luna", "gemini-2.5-pro", "qwen3-coder-plus"]),
    st.sampled_from([FEBRUARY, MAY, NOVEMBER]),
    st.sampled_from([None, "priority", "flex", "batch"]),
    st.lists(sizes, min_size=5, max_size=5),
)
def test_whole_numbers_give_what_decimals_give(
    model: str, at: datetime, tier: str | None, sizes: list[int]
) -> None:
    fresh, output, read, write_5m, write_1h = sizes
    one = call(
        model,
        at,
        input_tokens=fresh,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        service_tier=tier,
    )
    bands = listed_bands(read_name(model), at, (None, tier, None))
    cost = price(one).cost_usd
    if bands is None:
        return
    whole = fresh + read + write_5m + write_1h
    rates = next(rates for start, rates in bands if whole > start or start == 0)
    expected = rates.input * fresh + rates.output * output + rates.cache_read * read
    expected += rates.cache_write_5m * write_5m + rates.cache_write_1h * write_1h
    assert cost == expected.quantize(Decimal("0.00000001"))


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
