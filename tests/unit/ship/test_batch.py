from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall
from claude_code_tracer.outbox.codec import encode, kind_of
from claude_code_tracer.ship.batch import encode_batch, list_of, shrink

BASE: dict[str, Any] = {"source": "s", "session": "a", "revision": 1}
ID = "00000000-0000-0000-0000-000000000001"


def rows_of(entities: list[Entity]) -> list[tuple[str, bytes]]:
    return [(kind_of(entity), encode(entity)) for entity in entities]


def _tool(**values: Any) -> ToolCall:
    return ToolCall(**BASE, id=ID, **values)


def test_every_row_is_in_its_list_without_a_tag() -> None:
    entities: list[Entity] = [
        Session(**BASE, cwd="/p"),
        Message(**BASE, id=ID, position=0, role="user", kind="prompt"),
        Block(**BASE, id=ID, message=ID, position=0, kind="text", text="hi"),
        _tool(input={"a": None}),
        ModelCall(**BASE, id=ID, cost_usd=Decimal("0.5")),
    ]
    body = json.loads(encode_batch(rows_of(entities), 7, "1.2"))
    assert list(body) == ["batch"]
    batch = body["batch"]
    assert (batch.pop("guard_version"), batch.pop("tracer_version")) == (7, "1.2")
    assert {name: len(rows) for name, rows in batch.items()} == {
        "sessions": 1,
        "messages": 1,
        "blocks": 1,
        "tool_calls": 1,
        "model_calls": 1,
    }
    assert batch["sessions"] == [{**BASE, "cwd": "/p"}]
    assert batch["tool_calls"] == [{**BASE, "id": ID, "input": {"a": None}}]
    assert batch["model_calls"] == [{**BASE, "id": ID, "cost_usd": "0.5"}]
    assert [list_of(kind_of(entity)) for entity in entities] == list(batch)


def test_lists_keep_the_order_of_the_rows() -> None:
    rows: list[Entity] = [ToolCall(**BASE, id=str(n)) for n in (3, 1, 2)]
    batch = json.loads(encode_batch(rows_of(rows), 1, "x"))["batch"]
    assert [row["id"] for row in batch["tool_calls"]] == ["3", "1", "2"]


def test_what_fits_is_left_alone() -> None:
    call = _tool(result="x" * 100)
    assert shrink(call, 1000) == call


def test_longest_text_is_cut_and_says_so() -> None:
    call = _tool(name="Bash", result="x" * 50_000, input={"command": "y" * 100})
    small = shrink(call, 10_000)
    assert isinstance(small, ToolCall) and small.result
    assert 9_000 < len(encode(small)) <= 10_000
    assert "cut by claude-tracer" in small.result and small.result.startswith("xxx")
    assert (small.name, small.input, small.id) == ("Bash", {"command": "y" * 100}, ID)


def test_text_of_many_bytes_per_character_is_not_cut_more_than_needed() -> None:
    small = shrink(_tool(result="漢" * 20_000), 30_000)
    assert small is not None and 25_000 < len(encode(small)) <= 30_000


def test_several_long_texts_are_cut() -> None:
    call = _tool(result="x" * 5000, input={"a": ["y" * 5000, "z" * 5000]})
    small = shrink(call, 3000)
    assert small is not None and len(encode(small)) <= 3000


def test_large_json_without_a_long_text_goes_as_a_whole() -> None:
    many = _tool(name="Bash", input={"all": list(range(50_000))}, diff=[{"lines": ["+"] * 20_000}])
    small = shrink(many, 5000)
    assert isinstance(small, ToolCall)
    assert "cut by claude-tracer" in small.input and small.diff is None
    assert small.name == "Bash"


def test_what_cannot_be_cut_is_none() -> None:
    assert shrink(_tool(), 10) is None
    assert shrink(ToolCall(source="s", session="a" * 5000, revision=1, id=ID), 500) is None
