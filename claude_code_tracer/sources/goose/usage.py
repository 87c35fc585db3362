"""What Goose says its sessions used: one row of a ledger for every request, or one sum of all.

Its input tokens hold those from and to the cache. A session that is older than the ledger begins
there with what it had used before (`carried_forward`): that is the sum that stood alone until then,
so both are one call.
"""

from __future__ import annotations

from typing import Any

from claude_code_tracer.sources.draft import Draft, Usage
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.source import Line
from claude_code_tracer.sources.times import from_epoch_ms, from_epoch_s, from_sqlite
from claude_code_tracer.sources.values import count, identifier, mapping, usd

__all__ = ["add_ledger_row", "add_total", "model_of", "object_in"]


def object_in(text: object) -> dict[str, Any]:
    """Return the object that a column holds as JSON; an empty one when there is none."""
    if type(text) is not str:
        return {}
    raw = text.encode("utf-8", "replace")
    found, _ = records(Line(0, len(raw), raw), lambda _: True)
    return found[0].value if found else {}


def model_of(row: dict[str, Any]) -> str | None:
    """Return the model that a session is set to."""
    config = object_in(row.get("model_config_json"))
    return identifier(config.get("model_name")) or identifier(config.get("model"))


def add_ledger_row(draft: Draft, session: str, row: Record) -> None:
    """Add one request, or what a session had used before the ledger began."""
    value = row.value
    usage = _usage(value, "")
    if usage is None and usd(value.get("cost")) is None:
        return
    is_sum = value.get("cost_source") == "carried_forward"
    is_total = is_sum and value.get("is_first") in (1, True)
    number = count(value.get("id"))
    created = value.get("created_timestamp")
    at = from_epoch_s(created) or from_epoch_ms(created)
    draft.model_call(
        session,
        row.start,
        (session, "total") if is_total else (session, "ledger", number or 0),
        usage or Usage(),
        native_id=None if is_total or number is None else str(number),
        model=identifier(value.get("model")) or model_of(value),
        at=from_sqlite(value.get("created_at")) if is_total else at,
        quality="session_total" if is_sum else "exact",
        reported_cost_usd=usd(value.get("cost")),
    )


def add_total(
    draft: Draft, session: str, revision: int, facts: dict[str, Any], created: object = None
) -> None:
    """Add what a session used in all, when nothing tells it request by request."""
    usage = _usage(facts, "accumulated_") or _usage(facts, "")
    if usage is None:
        return
    draft.model_call(
        session,
        revision,
        (session, "total"),
        usage,
        model=model_of(facts),
        at=from_sqlite(facts.get("created_at")) or from_epoch_s(created) or from_epoch_ms(created),
        quality="session_total",
        reported_cost_usd=usd(facts.get("accumulated_cost")),
    )


def _usage(row: dict[str, Any], prefix: str) -> Usage | None:
    """Return tokens with the cached ones taken out of the input; None when there are none."""
    whole = count(row.get(f"{prefix}input_tokens"))
    output = count(row.get(f"{prefix}output_tokens"))
    read = count(row.get(f"{prefix}cache_read_tokens"))
    write = count(row.get(f"{prefix}cache_write_tokens"))
    if not any((whole, output, read, write)):
        return None
    cached = (read or 0) + (write or 0)
    total = count(mapping(row).get(f"{prefix}total_tokens"))
    is_without = cached > (whole or 0) or total == (whole or 0) + (output or 0) + cached
    fresh = whole if whole is None or (is_without and cached) else whole - cached
    return Usage(
        input_tokens=fresh,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=write,
    )
