"""Reports as text, in which nothing unknown looks like 0."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal

import pytest

from claude_code_tracer.reports.blocks import find_blocks
from claude_code_tracer.reports.entries import by_name, by_period, by_session
from claude_code_tracer.reports.sheets import (
    Sheet,
    block_sheet,
    instance_sheet,
    name_sheet,
    session_sheet,
    short_model,
)
from claude_code_tracer.reports.words import duration, usd
from tests.unit.reports.making import NOW, OPUS, SONNET, at, row, slots


def cells(sheet: Sheet, line: int, *names: str) -> list[str]:
    columns = [column.name for column in sheet.columns]
    return [sheet.lines[line].cells[columns.index(name)] for name in names]


def test_a_day_and_its_total() -> None:
    rows = [row("2026-11-20", input_tokens=1_234_567), row("2026-11-21", SONNET, "0.255")]
    sheet = name_sheet("Date", by_period(rows, "daily"))
    assert cells(sheet, 0, "Date", "Models", "Input") == ["2026-11-20", "opus-4-5", "1,234,567"]
    assert cells(sheet, -1, "Date", "Calls", "Cost (USD)") == ["Total", "2", "$0.76"]
    assert sheet.lines[-1].is_total
    assert sheet.notes == []
    assert "Tools" not in [column.name for column in sheet.columns]


def test_unknown_is_said_and_never_zero() -> None:
    rows = [row("2026-11-21", "glm-9", None, calls=3, unpriced_calls=3, output_tokens=None)]
    sheet = name_sheet("Date", by_period(rows, "daily"))
    assert cells(sheet, 0, "Output", "Cost (USD)") == ["-", "unknown"]
    assert sheet.notes == ["3 calls have no known price: glm-9 (3)"]
    both = name_sheet("Date", by_period([*rows, row("2026-11-21")], "daily"))
    assert cells(both, 0, "Cost (USD)") == ["$0.50+"]


def test_notes_tell_lower_bounds_and_what_the_tools_said() -> None:
    rows = [row("2026-11-21", lower_bound_calls=1, reported_cost_usd=Decimal("12.345"))]
    assert name_sheet("Date", by_period(rows, "daily")).notes == [
        "1 call has used at least what is counted here",
        "The tools themselves reported $12.34",
    ]


def test_several_tools_get_a_column_and_models_a_line_each() -> None:
    rows = [row("2026-11-21"), row("2026-11-21", SONNET, source="codex")]
    sheet = name_sheet("Date", by_period(rows, "daily"), breakdown=True)
    assert cells(sheet, 0, "Tools") == ["claude_code, codex"]
    assert [cells(sheet, n, "Models")[0] for n in (1, 2)] == ["- opus-4-5", "- sonnet-4-5"]
    assert sheet.lines[1].is_dim
    models = name_sheet("Model", by_name(rows, "model"))
    assert cells(models, 0, "Model") == [OPUS]


def test_many_models_are_counted() -> None:
    rows = [row("2026-11-21", f"m{n}") for n in range(5)]
    assert cells(name_sheet("Date", by_period(rows, "daily")), 0, "Models") == ["m0, m1, m2 +2"]


def test_sessions_and_instances() -> None:
    last = at("2026-11-21 10:01")
    rows = [row(session="0123456789", title="Two\n lines", project="garden", last_at=last)]
    sheet = session_sheet(by_session(rows), UTC)
    assert cells(sheet, 0, "Session", "Project", "Title", "Last activity") == [
        "01234567",
        "garden",
        "Two lines",
        "2026-11-21 10:01",
    ]
    unknown = session_sheet(by_session([row(session="s")]), UTC)
    assert cells(unknown, 0, "Project", "Title", "Last activity") == ["-", "-", "-"]
    days = [("garden", by_period([row("2026-11-21")], "daily"))]
    assert cells(instance_sheet(days), 0, "Project", "Date") == ["garden", "2026-11-21"]


def test_blocks_and_where_the_active_one_leads() -> None:
    blocks = find_blocks(slots("2026-11-20 10:00", "2026-11-21 10:00", "2026-11-21 10:30"))
    sheet = block_sheet(blocks, NOW, UTC, breakdown=True)
    assert cells(sheet, 0, "Block start", "Time") == ["2026-11-20 10:00", "0m"]
    assert cells(sheet, 2, "Time", "Cost (USD)") == ["19h 0m gap", "-"]
    assert cells(sheet, 3, "Time") == ["active, 3h 0m left"]
    assert sheet.notes == [
        "The active block ends in 3h 0m",
        "Burn rate: 3 tokens a minute, $2.00 an hour; at this rate the block ends with "
        "560 tokens and $7.00",
    ]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (OPUS, "opus-4-5"),
        ("anthropic/claude-opus-4-6", "opus-4-6"),
        ("gpt-5.2-codex", "gpt-5.2-codex"),
        ("claude-", "claude-"),
        ("unknown", "unknown"),
    ],
)
def test_models_are_named_without_what_all_share(name: str, short: str) -> None:
    assert short_model(name) == short


def test_words() -> None:
    assert (usd(None), usd(0), usd(Decimal("1234.5"), 1)) == ("unknown", "$0.00", "$1,234.50+")
    spans = (timedelta(minutes=7), timedelta(hours=30), timedelta(seconds=-5))
    assert [duration(span) for span in spans] == ["7m", "30h 0m", "0m"]
