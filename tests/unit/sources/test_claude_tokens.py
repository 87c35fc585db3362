"""The counts of a `usage` object: checked at once, or one by one, with the same result."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.sources.claude_code.tokens import MAX_SEARCHES, Usage, read_usage
from claude_code_tracer.sources.values import MAX_COUNT

COUNTS = {
    "input_tokens": 1,
    "output_tokens": 2,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 40,
    "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 10},
    "output_tokens_details": {"thinking_tokens": 5},
    "server_tool_use": {"web_search_requests": 6, "web_fetch_requests": 7},
    "service_tier": "standard",
    "speed": "fast",
    "inference_geo": "us",
    "iterations": [{"type": "message"}],
}


def facts(usage: Usage) -> tuple[Any, ...]:
    details, tools = usage.output_tokens_details, usage.server_tool_use
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_input_tokens,
        usage.cache_writes(),
        details.thinking_tokens if details else None,
        tools.web_search_requests if tools else None,
        usage.service_tier,
        usage.speed,
        usage.place(),
    )


def test_everything_that_is_counted_is_read() -> None:
    assert facts(read_usage(COUNTS)) == (1, 2, 3, (30, 10), 5, 6, "standard", "fast", "us")
    assert facts(read_usage({})) == (None, None, None, (None, None), None, None, None, None, None)


def test_one_odd_field_does_not_change_how_the_others_are_read() -> None:
    odd = {**COUNTS, "input_tokens": "many"}
    assert facts(read_usage(odd)) == (None, *facts(read_usage(COUNTS))[1:])


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        (0, 0),
        (7.0, 7),
        (7.5, None),
        (-1, None),
        (True, None),
        ("7", None),
        (None, None),
        ([7], None),
        (MAX_COUNT - 1, MAX_COUNT - 1),
        (MAX_COUNT, None),
        (2**63, None),
    ],
)
def test_a_count_is_a_number_that_can_be_one(value: Any, tokens: int | None) -> None:
    assert read_usage({"input_tokens": value}).input_tokens == tokens
    split = {"ephemeral_5m_input_tokens": value}
    assert read_usage({"cache_creation": split}).cache_writes()[0] == tokens


def test_a_word_that_is_none_or_too_long_is_no_word() -> None:
    assert read_usage({"speed": ""}).speed is None
    assert read_usage({"speed": 5, "service_tier": "batch"}).service_tier == "batch"
    assert len(read_usage({"speed": "x" * 1000}).speed or "") == 32  # its digest
    assert read_usage({"server_tool_use": {"web_search_requests": MAX_SEARCHES}}).place() is None


@pytest.mark.parametrize("place", [None, "", "global", "not_available", 5, {}])
def test_usual_places_have_no_price_of_their_own(place: Any) -> None:
    assert read_usage({"inference_geo": place}).place() is None


odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["thinking_tokens", "web_search_requests", "ephemeral_1h_input_tokens"]
            ),
            inner,
        )
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(COUNTS)), odd_values))
def test_both_ways_say_the_same(fields: dict[str, Any]) -> None:
    # A count that is none makes `read_usage` look at each field for itself.
    slow = facts(read_usage({**fields, "output_tokens": -1}))
    fast = facts(read_usage({**fields, "output_tokens": None}))
    assert slow == fast
