"""What was billed, counted once (formats 1.8, contracts 2)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import ModelCall
from tests.unit.sources.parsing import SESSION, file_of, parse, parse_bytes


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
    assert len([e for e in outcome.raw if isinstance(e, ModelCall)]) == 1


def test_a_smaller_number_later_changes_nothing() -> None:
    assert parse(line(400), line(7, stop="end_turn")).calls[0].output_tokens == 400


def test_without_a_stop_reason_the_output_is_a_lower_bound() -> None:
    assert parse(line(1)).calls[0].usage_quality == "lower_bound"
    assert parse(line(9, stop="end_turn"), line(12)).calls[0].usage_quality == "exact"


def test_ids_that_a_proxy_uses_again_are_calls_of_their_own() -> None:
    outcome = parse(line(5), line(6, usage={"input_tokens": 4}))
    assert [call.output_tokens for call in outcome.calls] == [5, 6]


def test_a_line_that_says_more_kinds_of_tokens_is_a_call_of_its_own_in_any_pieces() -> None:
    first, second = line(5), line(6)
    del first["message"]["usage"]["cache_creation_input_tokens"]
    data = b"".join(
        json.dumps({"uuid": f"u{number}", **record}).encode() + b"\n"
        for number, record in enumerate((first, second))
    )
    whole, pieces = parse_bytes(data), parse_bytes(data, cuts=[1])
    assert [call.output_tokens for call in whole.calls] == [5, 6]
    assert whole.calls == pieces.calls


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


def test_where_it_was_computed_is_kept_when_that_has_a_price() -> None:
    places = ["us", "global", "not_available", "", None, 5, "eu"]
    outcome = parse(
        *(line(n, id=f"m{n}", usage={"inference_geo": p}) for n, p in enumerate(places))
    )
    assert [call.inference_geo for call in outcome.calls] == ["us", *[None] * 5, "eu"]


ADVISOR = {
    "type": "advisor_message",
    "model": "claude-fable-5",
    "input_tokens": 700,
    "output_tokens": 90,
    "cache_creation_input_tokens": 10,
}


def test_an_advisor_is_billed_beside_the_answer() -> None:
    steps = [{"type": "message", "input_tokens": 3, "output_tokens": 10}, ADVISOR, "odd", ADVISOR]
    repeated = line(10, stop="end_turn", usage={"iterations": steps})
    *advisors, answer = parse(repeated, repeated).calls
    assert [call.id for call in advisors] == [
        record_id("model_call", "msg_1", "advisor", index) for index in (0, 1)
    ]
    for call in advisors:
        assert (call.model, call.input_tokens, call.output_tokens) == ("claude-fable-5", 700, 90)
        assert (call.cache_write_5m_tokens, call.native_id) == (10, "msg_1")
    assert (answer.input_tokens, answer.output_tokens) == (3, 10)


@pytest.mark.parametrize("steps", [None, 5, "x", {"type": "advisor_message"}, [None, 3]])
def test_iterations_may_be_anything(steps: object) -> None:
    assert len(parse(line(usage={"iterations": steps})).calls) == 1


def search(counted: int = 0, model: object = "claude-opus-4-6") -> dict[str, Any]:
    record = line(id="msg_s", model="", usage={"server_tool_use": {"web_search_requests": counted}})
    block = {"type": "tool_use", "id": "toolu_s", "name": "WebSearch", "input": {"query": "q"}}
    record["message"] |= {"content": [block], "model": model}
    return record


def found(outcome: object = None, **block: Any) -> dict[str, Any]:
    content = [{"type": "tool_result", "tool_use_id": "toolu_s", "content": "Links", **block}]
    return {"type": "user", "message": {"content": content}, "toolUseResult": outcome}


@pytest.mark.parametrize(
    ("records", "fees"),
    [
        ([search(), found({"query": "q", "results": [], "searchCount": 3})], [3]),
        ([search(), found({"query": "q", "results": []})], [1]),
        ([search(), found("odd")], [1]),
        ([search(), found({"searchCount": 0})], []),
        ([search(), found("Error: no", is_error=True)], []),
        ([search(counted=2), found({"searchCount": 3})], []),
        ([search()], []),
        ([found({"searchCount": 3})], []),
    ],
)
def test_a_search_has_a_fee_unless_its_message_counts_it(
    records: list[dict[str, Any]], fees: list[int]
) -> None:
    calls = [call for call in parse(*records).calls if call.native_id == "toolu_s"]
    assert [call.web_searches for call in calls] == fees
    for call in calls:
        assert call.id == record_id("model_call", "toolu_s", "web_search")
        assert (call.model, call.input_tokens, call.output_tokens) == (
            "claude-opus-4-6",
            None,
            None,
        )


@pytest.mark.parametrize("model", [None, 5, "a model with blanks", "x" * 300])
def test_a_search_of_nobody_known_has_a_fee_all_the_same(model: object) -> None:
    [fee] = [call for call in parse(search(model=model), found()).calls if call.web_searches]
    assert (fee.web_searches, fee.model) == (1, None)


def test_what_grows_is_told_once_wherever_it_is_cut() -> None:
    lines = [line(n, stop="end_turn" if n == 9 else None, uuid=f"u{n}") for n in (1, 5, 5, 9, 2)]
    data = b"".join(json.dumps(record).encode() + b"\n" for record in lines)
    outcomes = [parse_bytes(data, cuts=cuts) for cuts in ([], [1], [2, 3], [1, 2, 3, 4])]
    for outcome in outcomes:
        [call] = outcome.calls
        assert call == outcomes[0].calls[0]
        assert (call.output_tokens, call.usage_quality) == (9, "exact")


def test_hostile_depth_in_a_usage_is_survived() -> None:
    deep = b"[" * 900 + b"]" * 900
    raw = json.dumps(line(uuid="u", sessionId="s")).encode().replace(b'"msg_1"', b'"m"')
    raw = raw.replace(b'"input_tokens"', b'"deep": ' + deep + b', "input_tokens"')
    outcome = parse_bytes(raw + b"\n" + raw + b"\n")
    assert len(outcome.calls) == 1
