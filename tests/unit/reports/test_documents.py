"""JSON that scripts made for ccusage can read. Against ccusage itself: tests/e2e/test_usage.py."""

from __future__ import annotations

import json
from typing import Any

from claude_code_tracer.reports.blocks import find_blocks
from claude_code_tracer.reports.documents import (
    block_document,
    instance_document,
    name_document,
    period_document,
    session_document,
)
from claude_code_tracer.reports.entries import by_name, by_period, by_session
from tests.unit.reports.making import NOW, OPUS, SONNET, at, row, slots

OWN_AMOUNTS = {
    "calls": 2,
    "unpricedCalls": 1,
    "lowerBoundCalls": 0,
    "reportedCost": None,
    "cacheCreation5mTokens": 20,
    "cacheCreation1hTokens": None,
    "reasoningTokens": None,
    "webSearches": None,
}


def line(document: dict[str, Any], name: str) -> dict[str, Any]:
    (only,) = json.loads(json.dumps(document))[name]
    assert isinstance(only, dict)
    return only


def test_a_day_has_the_keys_of_ccusage_and_ours() -> None:
    days = by_period([row("2026-11-21"), row("2026-11-21", "glm-9", None)], "daily")
    document = period_document("daily", days)
    day = line(document, "daily")
    breakdowns = day.pop("modelBreakdowns")
    assert day == {
        "agent": "all",
        "period": "2026-11-21",
        "date": "2026-11-21",
        "metadata": {"agents": ["claude"]},
        "modelsUsed": [OPUS, "glm-9"],
        "inputTokens": 20,
        "outputTokens": 20,
        "cacheCreationTokens": 20,
        "cacheReadTokens": 20,
        "totalTokens": 80,
        "totalCost": 0.5,
        "sources": ["claude_code"],
        **OWN_AMOUNTS,
    }
    assert [b["modelName"] for b in breakdowns] == [OPUS, "glm-9"]
    assert [b["cost"] for b in breakdowns] == [0.5, None]
    assert "missingPricing" not in breakdowns[0]
    assert breakdowns[1]["missingPricing"] is True
    assert document["totals"]["unpricedModels"] == ["glm-9"]


def test_an_unknown_cost_is_null_and_that_of_no_calls_zero() -> None:
    unknown = period_document("daily", by_period([row("2026-11-21", cost=None)], "daily"))
    assert unknown["totals"]["totalCost"] is None
    nothing = period_document("daily", [])
    assert nothing["daily"] == []
    assert nothing["totals"]["totalCost"] == 0
    assert "unpricedModels" not in nothing["totals"]


def test_weeks_and_months_are_named_both_ways() -> None:
    rows = [row("2026-11-21")]
    week = line(period_document("weekly", by_period(rows, "weekly")), "weekly")
    assert week["week"] == week["period"] == "2026-11-16"
    month = line(period_document("monthly", by_period(rows, "monthly")), "monthly")
    assert month["month"] == month["period"] == "2026-11"


def test_agents_have_the_names_that_ccusage_gives_them() -> None:
    rows = [
        row("2026-11-21"),
        row("2026-11-21", source="gemini_cli"),
        row("2026-11-21", source="x"),
    ]
    day = line(period_document("daily", by_period(rows, "daily"), by_agent=True), "daily")
    assert day["metadata"]["agents"] == ["claude", "gemini", "x"]
    assert [part["agent"] for part in day["agents"]] == ["claude", "gemini", "x"]
    assert day["agents"][0]["totalCost"] == 0.5
    assert day["sources"] == ["claude_code", "gemini_cli", "x"]


def test_a_session_tells_who_and_when() -> None:
    rows = [
        row(session="s1", path="~/.claude/projects/-home-ada/s1.jsonl", project="ada",
            first_at=at("2026-11-21 10:00"), last_at=at("2026-11-21 10:01")),
        row(session="s2", parent="s1", model=SONNET,
            first_at=at("2026-11-21 09:00"), last_at=at("2026-11-21 11:00")),
    ]  # fmt: skip
    session = line(session_document(by_session(rows)), "session")
    assert session["period"] == session["sessionId"] == "s1"
    assert session["agent"] == "claude"
    assert session["metadata"] == {"lastActivity": "2026-11-21T11:00:00.000Z"}
    assert session["firstActivity"] == "2026-11-21T09:00:00.000Z"
    assert session["projectPath"] == "-home-ada"
    assert session["modelsUsed"] == [SONNET, OPUS]
    assert session["subagents"] == 1


def test_projects_and_models_have_a_name_of_their_own() -> None:
    rows = [row("2026-11-21", project="garden")]
    garden = name_document("projects", "project", by_name(rows, "project"))
    assert line(garden, "projects")["project"] == "garden"
    instances = instance_document([("garden", by_period(rows, "daily"))])
    assert instances["projects"]["garden"][0]["project"] == "garden"
    assert instances["totals"]["calls"] == 1


def test_a_block_that_is_under_way_tells_where_it_leads() -> None:
    blocks = find_blocks(slots("2026-11-20 10:00", "2026-11-21 10:00", "2026-11-21 10:30"))
    old, gap, active = block_document(blocks, NOW)["blocks"]
    assert (old["isActive"], old["burnRate"], old["projection"]) == (False, None, None)
    assert gap["id"] == "gap-" + gap["startTime"] == "gap-2026-11-20T15:00:00.000Z"
    assert (gap["isGap"], gap["entries"], gap["costUSD"], gap["models"]) == (True, 0, 0, [])
    assert gap["actualEndTime"] is None
    assert active["isActive"] is True
    assert active["entries"] == 2
    assert active["projection"]["remainingMinutes"] == 180
    assert set(active["burnRate"]) == {
        "tokensPerMinute",
        "tokensPerMinuteForIndicator",
        "costPerHour",
    }


def test_whole_numbers_are_written_whole() -> None:
    days = by_period([row("2026-11-21", cost="2.00")], "daily")
    assert json.dumps(period_document("daily", days)["totals"]["totalCost"]) == "2"
