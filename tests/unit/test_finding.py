from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.finding import places_of

WORD = b'"usage"'


def by_hand(content: bytes) -> list[int]:
    return [at for at in range(len(content)) if content.startswith(WORD, at)]


@given(st.lists(st.sampled_from([WORD, b'"usag', b'e"', b"\n", b"\0\xff", b"x" * 99])))
def test_every_place_is_found_with_and_without_hyperscan(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        found = places_of(WORD)
        patch.setitem(sys.modules, "hyperscan", None)
        slowly = places_of(WORD)
    assert found(content, len(content)) == slowly(content, len(content)) == by_hand(content)
    half = len(content) // 2
    assert found(bytearray(content), half) == slowly(content, half) == by_hand(content[:half])
