"""Blocks of five hours: where they begin, end, and lead."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.reports.blocks import Block, find_blocks, is_settled
from claude_code_tracer.reports.rows import Row
from tests.unit.reports.making import NOW, OPUS, SONNET, at, row, slots

HOURS = timedelta(hours=5)


def times(blocks: list[Block]) -> list[tuple[str, str, int]]:
    kinds = {True: "gap", False: "block"}
    return [(kinds[b.is_gap], f"{b.start:%d %H:%M}", b.totals.calls) for b in blocks]


def test_a_block_begins_on_the_hour_and_ends_after_five() -> None:
    rows = slots("2026-11-20 08:59", "2026-11-20 13:00", "2026-11-20 13:00:01", "2026-11-20 17:00")
    assert times(find_blocks(rows)) == [("block", "20 08:00", 1), ("block", "20 13:00", 3)]


def test_a_call_at_the_very_end_still_belongs_to_the_block() -> None:
    rows = slots("2026-11-20 08:00", "2026-11-20 13:00")
    assert times(find_blocks(rows)) == [("block", "20 08:00", 2)]


def test_a_pause_leaves_a_gap_and_a_block_may_begin_before_it_ends() -> None:
    rows = slots("2026-11-20 08:10", "2026-11-20 13:50", "2026-11-21 08:00")
    blocks = find_blocks(rows)
    assert times(blocks) == [
        ("block", "20 08:00", 1),
        ("block", "20 13:00", 1),
        ("gap", "20 13:10", 0),
        ("gap", "20 18:50", 0),
        ("block", "21 08:00", 1),
    ]
    assert [b.totals.cost_usd for b in blocks if b.is_gap] == [0, 0]


def test_blocks_of_another_length() -> None:
    rows = slots("2026-11-20 08:10", "2026-11-20 09:05", "2026-11-20 10:00")
    assert times(find_blocks(rows, 1)) == [("block", "20 08:00", 1), ("block", "20 09:00", 2)]


def test_calls_without_a_time_belong_to_no_block() -> None:
    assert find_blocks([row()]) == []


def test_models_stand_in_the_order_of_their_first_call() -> None:
    rows = slots("2026-11-20 08:20", model=SONNET) + slots("2026-11-20 08:10", model=OPUS)
    (block,) = find_blocks(rows)
    assert block.models == [OPUS, SONNET]


def test_a_block_is_active_until_its_end() -> None:
    (block,) = find_blocks(slots("2026-11-21 07:30", "2026-11-21 08:30"))
    assert block.is_active(at("2026-11-21 11:59"))
    assert not block.is_active(NOW)
    (gap,) = [b for b in find_blocks(slots("2026-11-20 01:00", "2026-11-21 11:00")) if b.is_gap]
    assert not gap.is_active(NOW)


def test_burn_rate_and_projection() -> None:
    rows = slots("2026-11-21 10:00", cost="0.10") + slots("2026-11-21 10:30", cost="0.20")
    (block,) = find_blocks(rows)
    burn = block.burn_rate()
    assert burn is not None
    assert burn.tokens_per_minute == pytest.approx(80 / 30)
    assert burn.uncached_tokens_per_minute == pytest.approx(40 / 30)
    assert burn.usd_per_hour == pytest.approx(0.6)
    projected = block.projection(burn, NOW)
    assert projected.remaining_minutes == 180
    assert projected.total_tokens == 80 + 480
    assert projected.cost_usd == pytest.approx(0.3 + 1.8)


def test_one_call_has_no_rate_and_an_unknown_cost_stays_unknown() -> None:
    (single,) = find_blocks(slots("2026-11-21 10:00"))
    assert single.burn_rate() is None
    (unpriced,) = find_blocks(slots("2026-11-21 10:00", "2026-11-21 10:30", cost=None))
    burn = unpriced.burn_rate()
    assert burn is not None and burn.usd_per_hour is None
    assert unpriced.projection(burn, NOW).cost_usd is None


def test_blocks_are_settled_by_a_long_pause_before_them() -> None:
    since, until = at("2026-11-14 00:00"), at("2026-11-21 00:00")
    assert is_settled([], since, until)
    assert is_settled(slots("2026-11-15 10:00"), since, until)
    begin = at("2026-11-14 01:00")
    restless = slots(*(begin + timedelta(hours=4 * n) for n in range(60)))
    assert not is_settled(restless, since, until)
    assert is_settled(restless[:20] + restless[30:], since, until)


@given(st.lists(st.integers(0, 5 * 86_400), min_size=1, max_size=60))
def test_quarter_hours_give_the_same_blocks_as_single_calls(offsets: list[int]) -> None:
    moments = sorted(at("2026-11-01 00:00") + timedelta(seconds=s) for s in offsets)
    blocks = [b for b in find_blocks(_summed(slots(*moments))) if not b.is_gap]
    assert [(b.start, b.totals.calls, b.totals.last_at) for b in blocks] == _by_single_calls(
        moments
    )


def _summed(rows: list[Row]) -> list[Row]:
    """Return one row for each quarter-hour, as the server sums them."""
    sums: dict[datetime | None, list[Row]] = {}
    for each in rows:
        sums.setdefault(each.slot, []).append(each)
    return [
        row(
            slot=slot,
            calls=len(group),
            first_at=group[0].first_at,
            last_at=group[-1].last_at,
            cost_usd=Decimal(len(group)) / 2,
        )
        for slot, group in sums.items()
    ]


def _by_single_calls(moments: list[datetime]) -> list[tuple[datetime, int, datetime]]:
    found: list[tuple[datetime, int, datetime]] = []
    for moment in moments:
        if found and moment - found[-1][0] <= HOURS and moment - found[-1][2] <= HOURS:
            found[-1] = (found[-1][0], found[-1][1] + 1, moment)
        else:
            found.append((moment.replace(minute=0, second=0), 1, moment))
    return found
