"""A copy of a parent's history is counted once and shown in the parent only."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from claude_code_tracer.model import ModelCall
from tests.unit.sources.codex_rollouts import (
    CODEX,
    OTHER,
    THREAD,
    Rollout,
    outcome_of,
    parse_pieces,
    transcript,
    used,
)
from tests.unit.sources.parsing import Outcome, lines_of

THIRD = "019f0000-0000-7000-8000-00000000000c"
SPAWN = {"subagent": {"thread_spawn": {"parent_thread_id": THREAD, "agent_role": "explorer"}}}


def v7(at: Rollout, mark: str) -> str:
    """Return an id as Codex makes them: it holds the time."""
    ms = f"{int(at.at.timestamp() * 1000):012x}"
    return f"{ms[:8]}-{ms[8:]}-7000-8000-0000000000{mark}"


def parent(*, has_turns: bool = True) -> Rollout:
    r = Rollout().meta()
    for number, mark in enumerate(("a1", "a2"), 1):
        r.wait(30).turn(v7(r, mark) if has_turns else None)
        r.prompt(f"question {number}").answer(f"reply {number}").spend(1000 * number, 100, 10)
    return r


def child(of: Rollout, thread: str = OTHER, **fields: Any) -> Rollout:
    r = Rollout(thread).wait(300)
    return r.meta(forked_from_id=of.thread, **fields)


def own_turn(r: Rollout, mark: str = "b1") -> Rollout:
    r.wait(5).turn(v7(r, mark), "gpt-5.4")
    return r.prompt("and now?").answer("done").spend(500, 50, 5)


def sums(outcome: Outcome) -> tuple[int, int, int]:
    calls = outcome.calls
    return (
        sum(c.input_tokens or 0 for c in calls),
        sum(c.cache_read_tokens or 0 for c in calls),
        sum(c.output_tokens or 0 for c in calls),
    )


def by_session(outcome: Outcome) -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {}
    for call in sorted(outcome.calls, key=lambda call: call.output_tokens or 0):
        found.setdefault(call.session, []).append(call.input_tokens)
    return found


def texts(outcome: Outcome, session: str) -> list[str | None]:
    messages = [m for m in outcome.messages if m.session == session]
    return [text for message in messages for text in outcome.texts(message)]


PARENT_TEXTS = ["question 1", "reply 1", "question 2", "reply 2"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_copies_are_counted_once_in_any_order(order: tuple[int, ...]) -> None:
    one = parent()
    files = [one, own_turn(child(one).copy(one)), own_turn(child(one, THIRD).copy(one), "c1")]
    outcome = outcome_of(*(files[i] for i in order))
    assert sums(outcome) == (900 + 1900 + 2 * 450, 200 + 2 * 50, 20 + 2 * 5)
    assert by_session(outcome) == {THREAD: [900, 1900], OTHER: [450], THIRD: [450]}


def test_copied_messages_stay_with_the_parent() -> None:
    one = parent()
    outcome = outcome_of(one, own_turn(child(one).copy(one)))
    assert texts(outcome, THREAD) == PARENT_TEXTS
    assert texts(outcome, OTHER) == ["and now?", "done"]
    fork = outcome.sessions[OTHER]
    assert (fork.parent, fork.relation, fork.title) == (THREAD, "fork", "and now?")


def test_siblings_without_their_parent_count_the_copy_once() -> None:
    one = parent()
    files = [own_turn(child(one).copy(one)), own_turn(child(one, THIRD).copy(one), "c1")]
    assert sums(outcome_of(*files)) == (900 + 1900 + 2 * 450, 300, 30)


@pytest.mark.parametrize("has_turns", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_a_copy_with_or_without_header_and_turns_is_seen(has_turns: bool, first: int) -> None:
    one = parent(has_turns=has_turns)
    outcome = outcome_of(one, own_turn(child(one).copy(one, first)))
    assert sums(outcome) == (900 + 1900 + 450, 250, 25)
    assert texts(outcome, OTHER) == ["and now?", "done"]


def test_a_copy_with_its_own_stamps_is_seen_without_any_header() -> None:
    one = parent()
    two = Rollout(OTHER).wait(300).meta(source=SPAWN).copy(one, 1, restamp=False)
    outcome = outcome_of(one, own_turn(two))
    assert sums(outcome) == (900 + 1900 + 450, 250, 25)
    assert texts(outcome, OTHER) == ["and now?", "done"]
    assert outcome.sessions[OTHER].relation == "subagent"


def test_the_ordinal_says_where_a_subagents_own_history_starts() -> None:
    one = parent(has_turns=False)
    two = Rollout(OTHER).wait(300)
    two.ordinal = 0
    two.meta(source=SPAWN, subagent_history_start_ordinal=len(one.lines) + 1).copy(one)
    two.item("message", role="developer", content=[{"type": "input_text", "text": "rules"}])
    outcome = outcome_of(one, own_turn(two))
    assert sums(outcome) == (900 + 1900 + 450, 250, 25)
    assert texts(outcome, OTHER) == ["rules", "and now?", "done"]


def test_a_fork_that_writes_its_header_again_goes_on_by_itself() -> None:
    one = parent(has_turns=False)
    two = child(one).copy(one)
    two.meta().prompt("at once").answer("yes").spend(500, 50, 5)
    outcome = outcome_of(one, two)
    assert texts(outcome, OTHER) == ["at once", "yes"]
    assert by_session(outcome) == {THREAD: [900, 1900], OTHER: [450]}


def test_a_child_that_starts_with_nothing_loses_nothing() -> None:
    two = child(parent(), source=SPAWN, parent_thread_id=THREAD)
    outcome = outcome_of(parent(), own_turn(two), own_turn(child(parent(), THIRD), "c1"))
    assert sums(outcome) == (900 + 1900 + 2 * 450, 300, 30)
    assert texts(outcome, OTHER) == ["and now?", "done"]


def test_a_child_whose_counter_starts_anew_behind_the_copy_is_counted_in_full() -> None:
    one = parent()
    two = child(one).copy(one)
    two.total = used(0)
    two.wait(5).turn(v7(two, "b1")).spend(14_000, 4_000, 20).spend(15_000, 4_000, 30)
    assert sums(outcome_of(one, two)) == (2800 + 10_000 + 11_000, 200 + 8_000, 20 + 50)


def test_a_cut_copy_takes_from_its_first_total_only_the_last_response() -> None:
    """A child that got the last turns only begins with a total of calls that it does not hold."""
    one = parent()
    cut = next(i for i, line in enumerate(one.lines) if b"question 2" in line) - 2
    two = own_turn(child(one).copy(one, cut))
    assert sums(outcome_of(two, one)) == sums(outcome_of(one, two)) == (900 + 1900 + 450, 250, 25)


def test_a_continued_file_counts_from_where_the_other_ended() -> None:
    one = parent()
    two = Rollout(THREAD).wait(300)
    two.total = one.total
    base = {"thread_id": THREAD, "end_ordinal_exclusive": 9, "end_byte_offset": len(one.data)}
    own_turn(two.meta(history_base=base))
    name = transcript().path.name.replace(".jsonl", f"_{OTHER}.jsonl")
    file = CODEX.transcript(transcript().path.parent, transcript().path.with_name(name))
    assert file
    parts = [*parse_pieces(one.data, transcript()), *parse_pieces(two.data, file)]
    for outcome in (Outcome(parts), Outcome(parts[::-1])):
        assert sums(outcome) == (900 + 1900 + 450, 250, 25)
        assert texts(outcome, THREAD) == [*PARENT_TEXTS, "and now?", "done"]
        assert outcome.sessions[THREAD].title == "question 1"


def test_a_fork_of_a_fork_names_the_calls_as_the_first_did() -> None:
    one = parent(has_turns=False)
    two = child(one).copy(one).wait(9)
    two.turn(None).prompt("second").spend(300, 0, 3)
    three = child(two, THIRD).copy(two).wait(9)
    three.turn(None).prompt("third").spend(400, 0, 4)
    for files in ((one, two, three), (three, two, one)):
        assert sums(outcome_of(*files)) == (2800 + 700, 200, 20 + 7)


def test_the_parents_model_wins_over_what_a_copy_knows() -> None:
    one = parent()
    two = child(one)
    for line in one.lines:
        if b"turn_context" not in line:
            two.raw(line)
    two.total = one.total
    outcome = outcome_of(own_turn(two), one)
    assert sorted(c.model or "" for c in outcome.calls) == [
        "gpt-5.3-codex",
        "gpt-5.3-codex",
        "gpt-5.4",
    ]


def test_a_copied_call_claims_less_than_the_parents() -> None:
    one = parent()
    parsed = parse_pieces(child(one).copy(one).data, transcript(OTHER))
    calls = [e for part in parsed for e in part.entities if isinstance(e, ModelCall)]
    assert {call.attribution for call in calls} == {2}


def test_a_lost_first_line_does_not_make_the_file_the_parents() -> None:
    one = parent()
    two = own_turn(child(one).copy(one))
    two.lines[0] = b'{"timestamp": "2026-'
    outcome = outcome_of(two)
    assert set(outcome.sessions) == {OTHER}
    assert len(outcome.bad) == 1
    assert sums(outcome_of(one, two)) == (2800 + 450, 250, 25)


def test_history_that_codex_imported_from_another_tool_is_that_tools() -> None:
    r = Rollout().meta(originator="Codex Desktop").turn("external-import-turn-1")
    r.prompt("asked elsewhere").answer("told elsewhere").spend(1000, 0, 10)
    outcome = own_turn(r).parse()
    assert texts(outcome, THREAD) == ["and now?", "done"]
    assert sums(outcome) == (450, 50, 5)


def test_a_session_that_names_itself_as_its_origin_is_no_fork() -> None:
    outcome = own_turn(Rollout().meta(forked_from_id=THREAD, parent_thread_id=THREAD)).parse()
    session = outcome.sessions[THREAD]
    assert (session.parent, session.relation) == (None, None)
    assert texts(outcome, THREAD) == ["and now?", "done"]


def test_any_pieces_of_a_fork_give_the_same() -> None:
    one = parent()
    data = own_turn(child(one).copy(one)).data
    whole = Outcome(parse_pieces(data, transcript(OTHER)))
    single = Outcome(parse_pieces(data, transcript(OTHER), range(1, len(lines_of(data)))))
    assert single.entities == whole.entities
