"""Every response is counted once, from whatever Codex says about its tokens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sources.codex_rollouts import OTHER, THREAD, Rollout, outcome_of, used
from tests.unit.sources.parsing import Outcome

TURN = "019f0000-0000-7000-8000-0000000000f1"


def counts(outcome: Outcome) -> list[tuple[int | None, ...]]:
    return [
        (c.input_tokens, c.cache_read_tokens, c.output_tokens, c.reasoning_tokens)
        for c in sorted(outcome.calls, key=lambda call: (call.at is None, call.at))
    ]


def totals(outcome: Outcome) -> tuple[int, int, int]:
    calls = outcome.calls
    return (
        sum(c.input_tokens or 0 for c in calls),
        sum(c.cache_read_tokens or 0 for c in calls),
        sum(c.output_tokens or 0 for c in calls),
    )


def test_each_growth_of_the_total_is_a_call() -> None:
    r = Rollout().meta().turn(TURN)
    outcome = r.spend(1000, 200, 50, 20).spend(3000, 900, 70).parse()
    assert counts(outcome) == [(800, 200, 50, 20), (2100, 900, 70, 0)]
    assert {c.model for c in outcome.calls} == {"gpt-5.3-codex"}
    assert {c.usage_quality for c in outcome.calls} == {"exact"}


def test_a_repeated_total_is_no_call_whatever_its_last_says() -> None:
    r = Rollout().meta().turn(TURN).spend(1000, 200, 50)
    r.count(r.total, used(1000, 200, 50)).count(r.total, used(9999)).event("token_count", info=None)
    assert counts(r.parse()) == [(800, 200, 50, 0)]


def test_the_growth_counts_even_where_the_last_response_differs() -> None:
    r = Rollout().meta().turn(TURN).spend(1000, 0, 50)
    assert totals(r.count(used(3000, 100, 90), used(1500, 0, 20)).parse()) == (2900, 100, 90)


def test_without_a_total_the_last_response_counts() -> None:
    r = Rollout().meta().turn(TURN).count(None, used(500, 100, 5)).count(None, used(500, 100, 5))
    assert counts(r.parse()) == [(400, 100, 5, 0), (400, 100, 5, 0)]


def test_flat_counts_of_old_versions_are_those_of_one_response() -> None:
    r = Rollout().meta().event("token_count", input_tokens=100, output_tokens=20)
    call = r.parse().calls[0]
    assert (call.input_tokens, call.output_tokens, call.cache_read_tokens) == (100, 20, None)
    assert call.cache_write_5m_tokens is None


def test_cached_and_written_tokens_are_inside_the_input() -> None:
    call = Rollout().meta().turn(TURN).spend(1000, 300, 50, 20, 100).parse().calls[0]
    assert (call.input_tokens, call.cache_read_tokens, call.cache_write_5m_tokens) == (
        600,
        300,
        100,
    )
    assert (call.output_tokens, call.reasoning_tokens) == (50, 20)


def test_a_counter_that_starts_again_is_counted_from_its_start() -> None:
    r = Rollout().meta().turn(TURN).spend(1000, 100, 50)
    r.count(used(300, 0, 20), used(300, 0, 20)).count(used(700, 0, 40), used(400, 0, 20))
    assert totals(r.parse()) == (1600, 100, 90)


def test_a_counter_that_starts_again_with_more_is_seen_by_the_parts_that_fell() -> None:
    r = Rollout().meta().turn(TURN).spend(1000, 900, 50)
    assert totals(r.count(used(2000, 0, 20), used(2000, 0, 20)).parse()) == (2100, 900, 70)


def test_one_part_that_falls_takes_nothing_away() -> None:
    r = Rollout().meta().turn(TURN).spend(1000, 900, 50)
    assert totals(r.count(used(2000, 800, 60), used(1000, 0, 10)).parse()) == (1100, 900, 60)


@pytest.mark.parametrize(
    "info", [None, 7, [], {"prompt": 1}, {"total_token_usage": {"input_tokens": "9"}}, {"total": 1}]
)
def test_odd_counts_are_no_calls(info: Any) -> None:
    assert Rollout().meta().turn(TURN).event("token_count", info=info).parse().calls == []


def test_model_and_tier_are_those_in_force() -> None:
    r = Rollout().meta().turn(TURN).spend(10, 0, 1)
    settings = {"model": "gpt-5.6-sol", "service_tier": "priority"}
    r.event("thread_settings_applied", thread_settings=settings).spend(20, 0, 2)
    r.event("thread_settings_applied", thread_settings={"service_tier": "default"}).spend(30, 0, 3)
    calls = sorted(r.parse().calls, key=lambda call: call.output_tokens or 0)
    assert [(c.model, c.service_tier) for c in calls] == [
        ("gpt-5.3-codex", None),
        ("gpt-5.6-sol", "priority"),
        ("gpt-5.6-sol", "standard"),
    ]


def test_settings_of_another_thread_change_nothing() -> None:
    r = Rollout().meta().turn(TURN)
    settings = {"model": "gpt-x", "service_tier": "fast"}
    r.event("thread_settings_applied", thread_id=OTHER, thread_settings=settings).spend(10, 0, 1)
    assert [(c.model, c.service_tier) for c in r.parse().calls] == [("gpt-5.3-codex", None)]


def test_calls_before_the_first_model_get_it_when_it_is_named() -> None:
    r = Rollout().meta().spend(10, 0, 1).spend(20, 0, 2)
    assert {c.model for c in r.parse().calls} == {None}
    r.turn(TURN).spend(30, 0, 3)
    outcome = r.parse()
    assert [c.model for c in outcome.calls] == ["gpt-5.3-codex"] * 3
    assert totals(outcome) == (60, 0, 6)


def test_the_event_itself_may_name_the_model() -> None:
    r = Rollout().meta().turn(TURN).count(used(10, 0, 1), model="openai/gpt-5.5")
    assert [c.model for c in r.parse().calls] == ["openai/gpt-5.5"]


def test_a_call_belongs_to_the_answer_it_paid_for() -> None:
    outcome = Rollout().meta().turn(TURN).prompt("hi").answer("hello").spend(10, 0, 1).parse()
    answer = next(m for m in outcome.messages if m.kind == "answer")
    assert [c.message for c in outcome.calls] == [answer.id]


def test_equal_calls_of_two_sessions_are_two() -> None:
    files = [Rollout(thread).meta().turn("1").spend(10, 0, 1) for thread in (THREAD, OTHER)]
    assert totals(outcome_of(*files)) == (20, 0, 2)


# Records of responses (0.153 and later) -----------------------------------------------------------


def record(r: Rollout, response: str, usage: dict[str, int]) -> Rollout:
    about = {"thread_id": r.thread, "turn_id": TURN, "response_id": response}
    return r.record("token_usage_record", {**about, "usage": usage})


def test_a_record_and_its_count_are_one_call() -> None:
    r = Rollout().meta().turn(TURN)
    record(r, "resp_1", used(1000, 200, 50)).spend(1000, 200, 50)
    record(r, "resp_2", used(3000, 900, 70)).spend(3000, 900, 70)
    outcome = r.parse()
    assert counts(outcome) == [(800, 200, 50, 0), (2100, 900, 70, 0)]
    assert {c.native_id for c in outcome.calls} == {"resp_1", "resp_2"}


def test_a_record_behind_its_count_is_not_counted_again() -> None:
    r = Rollout().meta().turn(TURN).spend(1000, 200, 50)
    record(r, "resp_1", used(1000, 200, 50)).spend(3000, 900, 70)
    record(r, "resp_2", used(3000, 900, 70))
    assert totals(r.parse()) == (2900, 1100, 120)


def test_a_compaction_is_counted_though_the_counter_leaves_it_out() -> None:
    r = Rollout().meta().turn(TURN)
    record(r, "resp_1", used(1000, 0, 50)).spend(1000, 0, 50)
    record(r, "resp_c", used(9000, 500, 300)).count(r.total, used(1000, 0, 50))
    r.record("compacted", {"message": "short", "compaction_response_id": "resp_c"})
    record(r, "resp_2", used(2000, 0, 70)).spend(2000, 0, 70)
    outcome = r.parse()
    assert totals(outcome) == (1000 + 8500 + 2000, 500, 420)
    assert len(outcome.calls) == 3


def test_background_work_between_two_counts_is_counted_beside_them() -> None:
    r = Rollout().meta().turn(TURN)
    record(r, "resp_1", used(1000, 0, 50)).spend(1000, 0, 50)
    record(r, "resp_b", used(17, 0, 3))
    record(r, "resp_2", used(2000, 0, 70)).spend(2000, 0, 70)
    assert totals(r.parse()) == (3017, 0, 123)


def test_records_count_where_the_counter_skipped_some() -> None:
    r = Rollout().meta().turn(TURN)
    record(r, "resp_1", used(1000, 0, 50))
    record(r, "resp_2", used(2000, 0, 70)).count(used(3000, 0, 120))
    assert totals(r.parse()) == (3000, 0, 120)


def test_growth_beyond_the_records_is_counted() -> None:
    r = Rollout().meta().turn(TURN)
    record(r, "resp_1", used(1000, 0, 50)).count(used(1500, 0, 60))
    assert totals(r.parse()) == (1500, 0, 60)


def test_a_record_told_twice_counts_once() -> None:
    r = Rollout().meta().turn(TURN)
    record(r, "resp_1", used(1000, 0, 50)).spend(1000, 0, 50)
    record(r, "resp_1", used(1000, 0, 50))
    assert totals(r.parse()) == (1000, 0, 50)


def test_records_alone_count() -> None:
    r = Rollout().meta().turn(TURN)
    record(record(r, "resp_1", used(1000, 0, 50)), "resp_2", used(2000, 0, 70))
    assert totals(r.parse()) == (3000, 0, 120)
