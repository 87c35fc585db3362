"""Reports as JSON that scripts made for `ccusage <report> --json` can read.

Keys, nesting and types are those of ccusage 20; our own keys stand beside them (docs/usage.md).
The one difference in values: what is not known is null, where ccusage says 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from claude_code_tracer.reports.blocks import Block, BurnRate
from claude_code_tracer.reports.entries import (
    Entry,
    Period,
    SessionEntry,
    by_name,
    by_source,
    unpriced_models,
)
from claude_code_tracer.reports.rows import Row, Totals, total

__all__ = [
    "block_document",
    "instance_document",
    "name_document",
    "period_document",
    "session_document",
]

Json = dict[str, Any]

_PERIOD_KEYS: dict[Period, str] = {"daily": "date", "weekly": "week", "monthly": "month"}
"""The member that carried the period before ccusage 20, and still does in `ccusage claude`."""


def period_document(period: Period, entries: Sequence[Entry], *, by_agent: bool = False) -> Json:
    """Return the report of `daily`, `weekly` or `monthly`."""
    lines = [_period_line(period, entry, by_agent=by_agent) for entry in entries]
    return {period: lines, "totals": _totals(_rows(entries))}


def instance_document(projects: Sequence[tuple[str, Sequence[Entry]]]) -> Json:
    """Return the report of `daily --instances`: the days of each project."""
    lines = {
        project: [_period_line("daily", entry) | {"project": project} for entry in entries]
        for project, entries in projects
    }
    rows = [row for _, entries in projects for row in _rows(entries)]
    return {"projects": lines, "totals": _totals(rows)}


def session_document(entries: Sequence[SessionEntry]) -> Json:
    """Return the report of `session`."""
    return {"session": [_session_line(e) for e in entries], "totals": _totals(_rows(entries))}


def name_document(what: str, member: str, entries: Sequence[Entry]) -> Json:
    """Return the report of `models` or `projects`, each line named by `member`."""
    lines = [_line(entry) | {member: entry.key} for entry in entries]
    return {what: lines, "totals": _totals(_rows(entries))}


def block_document(blocks: Sequence[Block], now: datetime) -> Json:
    """Return the report of `blocks`."""
    return {"blocks": [_block(block, now) for block in blocks]}


def _period_line(period: Period, entry: Entry, *, by_agent: bool = False) -> Json:
    agents = [_agent(source) for source in entry.sources]
    line = _line(entry) | {
        "agent": "all",
        "period": entry.key,
        _PERIOD_KEYS[period]: entry.key,
        "metadata": {"agents": sorted(set(agents))},
    }
    if by_agent:
        line["agents"] = [
            _line(part) | {"agent": _agent(part.key), "modelsUsed": part.models}
            for part in by_source(entry.rows)
        ]
    return line


def _session_line(entry: SessionEntry) -> Json:
    path = (entry.path or "").replace("\\", "/").split("/")
    last = _timestamp(entry.totals.last_at)
    return _line(entry) | {
        "agent": _agent(entry.source or ""),
        "period": entry.key,
        "sessionId": entry.key,
        "id": entry.session_id,
        "metadata": {"lastActivity": last},
        "firstActivity": _timestamp(entry.totals.first_at),
        "lastActivity": last,
        "modelsUsed": entry.models,
        "project": entry.project,
        "projectPath": path[-2] if len(path) > 1 else None,
        "title": entry.title,
        "path": entry.path,
        "subagents": entry.subagents,
    }


def _line(entry: Entry) -> Json:
    return _amounts(entry.totals) | {
        "modelsUsed": sorted(entry.models),
        "modelBreakdowns": [_breakdown(part) for part in by_name(entry.rows, "model")],
        "sources": entry.sources,
    }


def _breakdown(model: Entry) -> Json:
    amounts = _amounts(model.totals)
    amounts["cost"] = amounts.pop("totalCost")
    del amounts["totalTokens"]
    if model.totals.unpriced_calls:
        amounts["missingPricing"] = True
    return amounts | {"modelName": model.key}


def _totals(rows: Sequence[Row]) -> Json:
    unpriced = list(unpriced_models(rows))
    return _amounts(total(rows)) | ({"unpricedModels": unpriced} if unpriced else {})


def _amounts(totals: Totals) -> Json:
    return {
        "inputTokens": totals.input_tokens,
        "outputTokens": totals.output_tokens,
        "cacheCreationTokens": totals.cache_write_tokens,
        "cacheReadTokens": totals.cache_read_tokens,
        "totalTokens": totals.total_tokens,
        "totalCost": _number(totals.cost_usd),
        "calls": totals.calls,
        "unpricedCalls": totals.unpriced_calls,
        "lowerBoundCalls": totals.lower_bound_calls,
        "reportedCost": _number(totals.reported_cost_usd),
        "cacheCreation5mTokens": totals.cache_write_5m_tokens,
        "cacheCreation1hTokens": totals.cache_write_1h_tokens,
        "reasoningTokens": totals.reasoning_tokens,
        "webSearches": totals.web_searches,
    }


def _block(block: Block, now: datetime) -> Json:
    totals = block.totals
    start = _timestamp(block.start)
    burn = block.burn_rate() if block.is_active(now) else None
    return {
        "id": f"gap-{start}" if block.is_gap else start,
        "startTime": start,
        "endTime": _timestamp(block.end),
        "actualEndTime": _timestamp(totals.last_at),
        "isActive": block.is_active(now),
        "isGap": block.is_gap,
        "entries": totals.calls,
        "tokenCounts": {
            "inputTokens": totals.input_tokens,
            "outputTokens": totals.output_tokens,
            "cacheCreationInputTokens": totals.cache_write_tokens,
            "cacheReadInputTokens": totals.cache_read_tokens,
        },
        "totalTokens": totals.total_tokens,
        "costUSD": _number(totals.cost_usd),
        "models": block.models,
        "burnRate": _burn_rate(burn),
        "projection": _projection(block, burn, now),
        "sources": sorted({row.source for row in block.rows if row.source}),
        "unpricedCalls": totals.unpriced_calls,
        "lowerBoundCalls": totals.lower_bound_calls,
        "reportedCost": _number(totals.reported_cost_usd),
    }


def _burn_rate(burn: BurnRate | None) -> Json | None:
    if burn is None:
        return None
    return {
        "tokensPerMinute": _number(burn.tokens_per_minute),
        "tokensPerMinuteForIndicator": _number(burn.uncached_tokens_per_minute),
        "costPerHour": _number(burn.usd_per_hour),
    }


def _projection(block: Block, burn: BurnRate | None, now: datetime) -> Json | None:
    if burn is None:
        return None
    projected = block.projection(burn, now)
    return {
        "totalTokens": projected.total_tokens,
        "totalCost": _number(projected.cost_usd),
        "remainingMinutes": projected.remaining_minutes,
    }


def _rows(entries: Sequence[Entry]) -> list[Row]:
    return [row for entry in entries for row in entry.rows]


def _agent(source: str) -> str:
    """Return what ccusage calls a tool: `claude` for `claude_code`, `gemini` for `gemini_cli`."""
    return source.removesuffix("_code").removesuffix("_cli")


def _number(value: Decimal | float | None) -> float | int | None:
    """Return a JSON number, whole when it is whole, as ccusage writes them."""
    if value is None:
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def _timestamp(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
