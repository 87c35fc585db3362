"""Rows as the lines of reports."""

from __future__ import annotations

from decimal import Decimal

from claude_code_tracer.reports.entries import (
    by_name,
    by_period,
    by_session,
    by_source,
    unpriced_models,
)
from tests.unit.reports.making import OPUS, SONNET, at, row


def test_days_become_weeks_and_months() -> None:
    rows = [row("2026-11-01"), row("2026-11-02"), row("2026-10-31"), row("2026-11-01", SONNET)]
    days = by_period(rows, "daily")
    assert [(d.key, d.totals.calls) for d in days] == [
        ("2026-10-31", 1),
        ("2026-11-01", 2),
        ("2026-11-02", 1),
    ]
    assert [d.key for d in by_period(rows, "daily", descending=True)] == [
        "2026-11-02",
        "2026-11-01",
        "2026-10-31",
    ]
    assert [w.key for w in by_period(rows, "weekly")] == ["2026-10-26", "2026-11-02"]
    assert [w.key for w in by_period(rows, "weekly", first_weekday="sunday")] == [
        "2026-10-25",
        "2026-11-01",
    ]
    assert [m.key for m in by_period(rows, "monthly")] == ["2026-10", "2026-11"]


def test_calls_without_a_time_come_last_in_any_order() -> None:
    rows = [row(None), row("2026-11-01")]
    for descending in (False, True):
        days = by_period(rows, "daily", descending=descending)
        assert [d.key for d in days] == ["2026-11-01", "unknown"]


def test_the_dearest_comes_first_and_an_unknown_cost_last() -> None:
    rows = [row(model="b", cost="1"), row(model="a", cost="1"), row(model="c", cost="2")]
    rows += [row(model="d", cost=None), row(model=None, cost="3")]
    assert [m.key for m in by_name(rows, "model")] == ["unknown", "c", "a", "b", "d"]
    dearest_last = by_name(rows, "model", descending=False)
    assert [m.key for m in dearest_last] == ["d", "b", "a", "c", "unknown"]
    assert unpriced_models(rows) == {"d": 1}


def test_subagents_belong_to_the_session_a_person_began() -> None:
    rows = [
        row(session="main", title="A title", path="/h/slug/main.jsonl", project="garden"),
        row(session="agent", parent="main", model=SONNET, first_at=at("2026-11-21 10:00")),
        row(session="agent-of-agent", parent="agent", cost="7", first_at=at("2026-11-21 09:00")),
        row(session="orphan", parent="not-here", cost="0.1", project="shed"),
        row(session="main", source="codex", cost="9"),
    ]
    other, main, orphan = by_session(rows)
    assert (other.key, other.source, other.totals.calls) == ("main", "codex", 1)
    assert (main.key, main.title, main.project, main.subagents) == ("main", "A title", "garden", 2)
    assert main.totals.cost_usd == Decimal("8.0")
    assert main.models[-2:] == [OPUS, SONNET]
    assert (orphan.key, orphan.title, orphan.project) == ("not-here", None, "shed")


def test_sessions_that_call_each_other_their_parent_are_listed() -> None:
    rows = [row(session="a", parent="b"), row(session="b", parent="a")]
    assert sum(entry.totals.calls for entry in by_session(rows)) == 2


def test_sources_stand_apart_by_name() -> None:
    rows = [row(source="codex"), row(source="claude_code"), row(source=None)]
    assert [e.key for e in by_source(rows)] == ["claude_code", "codex", "unknown"]
    assert by_period(rows, "daily")[0].sources == ["claude_code", "codex"]
