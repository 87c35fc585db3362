"""`session-store.db`: what every session used, and what sessions are about.

Its turns repeat the events in short, so they are not read.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from claude_code_tracer.sources.copilot.usage import add_model_total
from claude_code_tracer.sources.draft import Draft, Usage
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.source import Table
from claude_code_tracer.sources.times import from_sqlite
from claude_code_tracer.sources.values import count, identifier, string

__all__ = ["TABLES", "read_row"]

_NANO_CREDITS_PER_USD = 10**11
"""GitHub bills in credits of one cent; the store counts billionths of a credit."""

# Stores of before June 2026 have no `total_nano_aiu`: there the name is that of `missing`.
_USAGE = """
select session_id || ' ' || model as key, max(id) as mark, session_id, model,
  min(created_at) as created_at,
  sum(case when input_tokens is not null then max(input_tokens
    - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0), 0) end) as input,
  sum(output_tokens) as output, sum(cache_read_tokens) as cache_read,
  sum(cache_write_tokens) as cache_write, sum(reasoning_tokens) as reasoning,
  count(*) as requests, count(nano) as rated, sum(nano) as nano
from (
  select event.*, (
    select total_nano_aiu
    from (select * from assistant_usage_events other where other.id = event.id)
  ) as nano
  from assistant_usage_events event, (select null as total_nano_aiu) missing
)
group by session_id, model
"""

_SESSIONS = """
select id as key, coalesce(cast(strftime('%s', updated_at) as integer), 0) as mark,
  cwd, branch, summary
from sessions
"""

TABLES = (
    Table("usage", _USAGE),
    Table("sessions", _SESSIONS, overlap=2),
)


def read_row(draft: Draft, record: Record) -> None:
    """Add what one row says."""
    row = record.value
    if row.get("table") == "usage":
        _add_usage(draft, record.start, row)
    elif row.get("table") == "sessions":
        _add_facts(draft, row)


def _add_usage(draft: Draft, mark: int, row: dict[str, Any]) -> None:
    session = identifier(row.get("session_id"))
    output = count(row.get("output"))
    if session is None or output is None:
        return
    nano = count(row.get("nano"), 10**18)
    is_rated = nano is not None and nano > 0 and row.get("rated") == row.get("requests")
    add_model_total(
        draft,
        session,
        mark,
        identifier(row.get("model")) or "",
        Usage(
            input_tokens=count(row.get("input")),
            output_tokens=output,
            cache_read_tokens=count(row.get("cache_read")),
            cache_write_5m_tokens=count(row.get("cache_write")),
            reasoning_tokens=count(row.get("reasoning")),
        ),
        from_sqlite(row.get("created_at")),
        is_whole=True,
        cost=Decimal(nano or 0) / _NANO_CREDITS_PER_USD if is_rated else None,
    )


def _add_facts(draft: Draft, row: dict[str, Any]) -> None:
    """Add what the store says of a session: never newer than what its own events say."""
    if session := identifier(row.get("key")):
        cwd = string(row.get("cwd"))
        facts = {"cwd": cwd, "project_root": cwd, "branch": string(row.get("branch"))}
        if any(facts.values()):
            draft.session(session, 0, **facts)
        draft.title(session, 0, row.get("summary"), "summary")
