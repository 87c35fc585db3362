from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from claude_code_tracer.merge import merge
from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall

ID = "00000000-0000-0000-0000-000000000001"
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def _base(revision: int, session: str = "a") -> dict[str, Any]:
    return {"source": "s", "session": session, "revision": revision}


def _session(revision: int, **values: Any) -> Session:
    return Session(**_base(revision), **values)


def _message(revision: int, **values: Any) -> Message:
    fixed: dict[str, Any] = {"id": ID, "position": revision, "role": "user", "kind": "prompt"}
    return Message(**_base(revision), **{**fixed, **values})


def _call(revision: int, session: str = "a", **values: Any) -> ModelCall:
    return ModelCall(**_base(revision, session), id=ID, **values)


def _one(*versions: Entity) -> Any:
    (row,) = merge(list(enumerate(versions)))
    assert row.seqs == tuple(range(len(versions)))
    return row.entity


def test_different_things_stay_apart_and_in_order() -> None:
    block = Block(**_base(1), id=ID, message=ID, position=0, kind="text")
    tool = ToolCall(**_base(1), id=ID)
    other = _message(1, id="2")
    elsewhere = Message(**_base(1, "b"), id=ID, position=1, role="user", kind="prompt")
    entities: list[Entity] = [_message(1), block, tool, _call(1), other, elsewhere, _session(1)]
    rows = merge(list(enumerate(entities)))
    assert [row.entity for row in rows] == entities


def test_newer_tool_call_wins_field_by_field() -> None:
    request = ToolCall(**_base(1), id=ID, name="Bash", input={"a": 1}, started_at=EARLY)
    result = ToolCall(**_base(5), id=ID, result="done", is_error=False, name="Bash2")
    for merged in (_one(request, result), _one(result, request)):
        assert (merged.revision, merged.name, merged.input) == (5, "Bash2", {"a": 1})
        assert (merged.result, merged.is_error, merged.started_at) == ("done", False, EARLY)


def test_block_is_replaced_as_a_whole() -> None:
    old = Block(**_base(1), id=ID, message=ID, position=0, kind="text", text="old", data={"a": 1})
    new = Block(**_base(2), id=ID, message=ID, position=0, kind="text", text="new")
    assert _one(old, new) == _one(new, old) == new


def test_message_keeps_its_first_place_and_time_and_all_flags() -> None:
    merged = _one(
        _message(9, at=LATE, kind="notice", flags=["salvaged"]),
        _message(3, at=EARLY, flags=["invalid_utf8"], model="m"),
    )
    assert (merged.position, merged.at, merged.revision) == (3, EARLY, 9)
    assert (merged.kind, merged.model) == ("notice", "m")
    assert merged.flags == ["invalid_utf8", "salvaged"]


def test_session_facts() -> None:
    merged = _one(
        _session(1, project_root="/p", cwd="/p", entrypoint="cli", tool_version="1"),
        _session(7, project_root="/q", cwd="/q", branch="main", agent_id="x"),
    )
    assert (merged.revision, merged.project_root, merged.cwd) == (7, "/p", "/q")
    assert (merged.branch, merged.tool_version, merged.agent_id) == ("main", "1", "x")


def test_better_title_then_newer_title() -> None:
    prompt, later_prompt = (_session(n, title=f"p{n}", title_rank=1) for n in (1, 5))
    summary, custom = _session(2, title="s", title_rank=2), _session(3, title="c", title_rank=5)
    custom_again = _session(8, title="c2", title_rank=5)
    assert _one(prompt, later_prompt).title == "p1"
    assert _one(later_prompt, prompt).title == "p1"
    assert _one(prompt, summary, custom, later_prompt).title == "c"
    assert _one(custom, custom_again).title == "c2"
    assert _one(custom_again, custom).title == "c2"
    assert _one(_session(9), prompt).title == "p1"
    assert _one(prompt, _session(9)).title_rank == 1


def test_model_call_with_more_output_wins_whole() -> None:
    part = _call(
        1,
        output_tokens=1,
        cost_usd=Decimal(1),
        speed="fast",
        at=EARLY,
        usage_quality="lower_bound",
        input_tokens=3,
    )
    full = _call(2, output_tokens=9, cost_usd=Decimal(2), at=LATE, usage_quality="exact")
    for merged in (_one(part, full), _one(full, part)):
        assert (merged.output_tokens, merged.cost_usd, merged.speed) == (9, Decimal(2), None)
        assert (merged.usage_quality, merged.at, merged.input_tokens) == ("exact", EARLY, 3)
        assert merged.revision == 2


def test_model_call_belongs_to_the_session_with_the_best_claim() -> None:
    fork = _call(1, "fork", attribution=2, output_tokens=9, message="f", at=EARLY)
    own = _call(8, "own", attribution=0, output_tokens=1, message="o", at=LATE)
    for merged in (_one(fork, own), _one(own, fork)):
        assert (merged.session, merged.attribution, merged.message) == ("own", 0, "o")
        assert (merged.output_tokens, merged.at) == (9, EARLY)
    assert _one(_call(1, "b"), _call(2, "a")).session == "a"
    assert _one(_call(1, "a"), _call(2, "b")).session == "a"


def test_cost_that_becomes_known_is_taken() -> None:
    merged = _one(_call(1, output_tokens=5), _call(1, output_tokens=5, cost_usd=Decimal(3)))
    assert merged.cost_usd == Decimal(3)


def test_merging_is_the_same_in_any_grouping() -> None:
    versions = [
        _call(n, output_tokens=n % 3, at=LATE if n % 2 else EARLY, attribution=n % 2)
        for n in range(5)
    ]
    half: list[Entity] = [_one(*versions[:2]), _one(*versions[2:])]
    assert _one(*half) == _one(*versions)
