from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.errors import BadRecord
from claude_code_tracer.model import Entity, Message, ModelCall, ToolCall
from claude_code_tracer.outbox.codec import decode, encode, kind_of

_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=10,
)


def _call(**values: Any) -> ToolCall:
    return ToolCall(source="s", session="a", id="i", revision=1, **values)


def test_comes_back_as_it_was() -> None:
    entities: list[Entity] = [
        _call(input={"a": [1, None, "ü"]}, started_at=datetime(2026, 1, 1, tzinfo=UTC)),
        ModelCall(source="s", session="a", id="i", revision=1, cost_usd=Decimal("0.000123")),
        Message(
            source="s",
            session="a",
            id="i",
            revision=0,
            position=0,
            role="user",
            kind="prompt",
            masked={"rule": 2},
        ),
    ]
    assert [decode(encode(entity)) for entity in entities] == entities


@given(value=_JSON, text=_TEXT)
def test_whatever_is_said_postgres_can_keep_it(value: Any, text: str) -> None:
    body = encode(_call(input=value, result=text))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    def check(node: Any) -> None:
        if isinstance(node, str):
            assert "\0" not in node
            node.encode()
        for child in node if isinstance(node, list) else []:
            check(child)
        for key, child in node.items() if isinstance(node, dict) else []:
            check(key)
            check(child)

    check(json.loads(body, parse_constant=refuse))
    assert decode(body).revision == 1


def test_unusable_characters_are_replaced_and_others_kept() -> None:
    text = "a\0b \ud83d\ude00 \ud800 \\u0000 ü"
    row = decode(encode(_call(result=text)))
    assert isinstance(row, ToolCall)
    assert row.result == "a\ufffdb 😀 \ufffd \\u0000 ü"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"type":"x"}', b"\0\0", b'{"type":"message"}'])
def test_damaged_body_is_a_bad_record(body: bytes) -> None:
    with pytest.raises(BadRecord):
        decode(body)


def test_kind_is_the_word_of_the_schema() -> None:
    assert kind_of(_call()) == "tool_call"
