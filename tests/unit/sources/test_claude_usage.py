"""What was billed, counted once (formats 1.8, contracts 2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from claude_code_tracer.ids import record_id
from tests.unit.sources.parsing import SESSION, file_of, parse


def line(
    output: int = 10,
    *,
    id: str | None = "msg_1",
    stop: str | None = None,
    model: str = "claude-opus-4-6",
    usage: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    counts = {"input_tokens": 3, "output_tokens": output, "cache_read_input_tokens": 100}
    message = {
        "id": id,
        "model": model,
        "stop_reason": stop,
        "content": [{"type": "text", "text": "x"}],
        "usage": {**counts, "cache_creation_input_tokens": 50, **(usage or {})},
    }
    return {"type": "assistant", "message": message, **fields}


def test_f27_the_lines_of_one_response_are_one_call_with_the_greatest_output() -> None:
    outcome = parse(line(1), line(1), line(400, stop="end_turn"), line(400, stop="end_turn"))
    [call] = outcome.calls
    assert (call.input_tokens, call.output_tokens, call.cache_read_tokens) == (3, 400, 100)
    assert call.usage_quality == "exact"
    assert call.id == record_id("model_call", "msg_1", 3, 100, 50)
    assert call.message == outcome.messages[0].id
    assert (
        len([e for e in outcome.raw if e in outcome.calls or type(e).__name__ == "ModelCall"]) == 2
    )


def test_a_smaller_number_later_changes_nothing() -> None:
    assert parse(line(400), line(7, stop="end_turn")).calls[0].output_tokens == 400


def test_without_a_stop_reason_the_output_is_a_lower_bound() -> None:
    assert parse(line(1)).calls[0].usage_quality == "lower_bound"
    assert parse(line(9, stop="end_turn"), line(12)).calls[0].usage_quality == "exact"


def test_ids_that_a_proxy_uses_again_are_calls_of_their_own() -> None:
    outcome = parse(line(5), line(6, usage={"input_tokens": 4}))
    assert [call.output_tokens for call in outcome.calls] == [5, 6]


def test_a_response_without_id_is_known_by_its_line() -> None:
    [call] = parse(line(5, id=None, uuid="u7")).calls
    assert call.native_id == "u7"


@pytest.mark.parametrize(
    ("usage", "write_5m", "write_1h"),
    [
        ({"cache_creation_input_tokens": 50}, 50, None),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 50}},
            0,
            50,
        ),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 20}},
            30,
            20,
        ),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}},
            50,
            0,
        ),
        (
            {
                "cache_creation_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 9},
            },
            7,
            9,
        ),
        ({"cache_creation_input_tokens": None}, None, None),
    ],
)
def test_cache_writes_are_the_greater_of_total_and_split(
    usage: dict[str, Any], write_5m: int | None, write_1h: int | None
) -> None:
    [call] = parse(line(usage=usage)).calls
    assert (call.cache_write_5m_tokens, call.cache_write_1h_tokens) == (write_5m, write_1h)


def test_what_the_price_depends_on_is_kept() -> None:
    usage = {
        "service_tier": "priority",
        "speed": "fast",
        "server_tool_use": {"web_search_requests": 2},
        "output_tokens_details": {"thinking_tokens": 4},
    }
    [call] = parse(line(usage=usage, costUSD=0.25)).calls
    assert (call.service_tier, call.speed, call.web_searches) == ("priority", "fast", 2)
    assert (call.reasoning_tokens, call.reported_cost_usd) == (4, Decimal("0.25"))


@pytest.mark.parametrize(
    ("fields", "attribution"),
    [
        ({}, 0),
        ({"isSidechain": True}, 1),
        ({"forkedFrom": {"sessionId": "s", "messageUuid": "m"}}, 2),
        ({"forkedFrom": {"sessionId": "s"}, "isSidechain": True}, 2),
    ],
)
def test_who_has_the_better_claim(fields: dict[str, Any], attribution: int) -> None:
    assert parse(line(**fields)).calls[0].attribution == attribution


def test_a_subagent_s_own_calls_are_its_own() -> None:
    file = file_of(f"{SESSION}/abc", parent=SESSION)
    assert parse(line(isSidechain=True), file=file).calls[0].attribution == 0


def test_a_compaction_s_file_repeats_calls_of_its_parent() -> None:
    file = file_of(f"{SESSION}/acompact-1", parent=SESSION)
    assert parse(line(isSidechain=True), file=file).calls[0].attribution == 1


def test_replayed_progress_is_counted_and_nothing_else_of_it() -> None:
    nested = {**line(5), "timestamp": "2026-11-01T09:00:00Z", "uuid": "n1"}
    outcome = parse({"type": "progress", "data": {"type": "agent_progress", "message": nested}})
    [call] = outcome.calls
    assert (call.attribution, call.message, call.output_tokens) == (1, None, 5)
    assert str(call.at) == "2026-11-01 09:00:00+00:00"
    assert outcome.messages == []


@pytest.mark.parametrize(
    "record",
    [
        line(model="<synthetic>"),
        {"type": "assistant", "message": {"id": "m", "content": []}},
        {"type": "assistant", "message": {"id": "m", "content": [], "usage": "none"}},
        {"type": "progress", "data": {"type": "agent_progress", "message": {"type": "user"}}},
        {"type": "progress", "data": {"type": "agent_progress"}},
    ],
)
def test_no_usage_no_call(record: dict[str, Any]) -> None:
    assert parse(record).calls == []


def test_absurd_counts_are_unknown() -> None:
    [call] = parse(line(usage={"input_tokens": -5, "output_tokens": "7", "speed": 3})).calls
    assert (call.input_tokens, call.output_tokens, call.speed) == (None, None, None)
