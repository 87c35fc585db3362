"""Sums in which what is not known stays unknown."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from claude_code_tracer.reports.rows import decode_rows, total
from tests.unit.reports.making import row


def test_an_answer_of_the_server_is_read_with_exact_costs() -> None:
    answer = (
        b'[{"day": "2026-08-01", "slot": "2026-08-01T02:45:00+00:00", "calls": 3, "path": null,'
        b' "cost_usd": 0.10000001, "input_tokens": 2, "later_column": [1]}]'
    )
    (read,) = decode_rows(answer)
    assert (str(read.day), read.calls, read.input_tokens) == ("2026-08-01", 3, 2)
    assert read.cost_usd == Decimal("0.10000001")
    assert read.slot is not None and read.slot.utcoffset() is not None


@pytest.mark.parametrize("answer", [b"", b"{}", b'[{"calls": "many"}]', b"[1]", b"\xff"])
def test_another_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_rows(answer)


def test_the_sum_of_nothing_is_zero_and_the_sum_of_unknowns_unknown() -> None:
    nothing = total([])
    assert (nothing.calls, nothing.total_tokens, nothing.cost_usd) == (0, 0, 0)
    assert nothing.reported_cost_usd is None
    unknown = total([row(cost=None, input_tokens=None), row(cost=None, input_tokens=None)])
    assert (unknown.calls, unknown.unpriced_calls) == (2, 2)
    assert unknown.cost_usd is None
    assert unknown.input_tokens is None
    assert unknown.total_tokens == 60


def test_what_some_rows_know_is_summed() -> None:
    totals = total([row(cost="0.1"), row(cost=None), row(cost="0.2", cache_write_1h_tokens=5)])
    assert totals.cost_usd == Decimal("0.3")
    assert (totals.cache_write_tokens, totals.total_tokens) == (35, 125)
    assert totals.uncached_tokens == 60
