"""One line for Claude Code's status line, from what it says and what is collected.

Claude Code sends a JSON object whose members may all be missing: `model.display_name`,
`cost.total_cost_usd`, `context_window.used_percentage` (or `current_usage` and
`context_window_size`), and for subscribers, after the first answer, `rate_limits.five_hour` and
`.seven_day` with `used_percentage` and `resets_at` (seconds since 1970). What is not said is left
out; nothing here ever raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from claude_code_tracer.reports.blocks import BLOCK_HOURS, find_blocks
from claude_code_tracer.reports.rows import Row, total
from claude_code_tracer.reports.words import duration, usd

__all__ = ["STATUS_DAYS", "statusline"]

STATUS_DAYS = 2
"""How many days back the rows must reach, so that the block under way is found."""

_SOURCE = "claude_code"
_MODEL_CHARS = 40
_CONTEXT_TOKENS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_BLOCK = timedelta(hours=BLOCK_HOURS)
_HIGHEST_S = 32503680000.0
"""The year 3000: what is later is no time in seconds."""
_HIGHEST_USD = 1e9
_NOTHING = "claude-tracer: nothing known yet"


def statusline(said: object, rows: Sequence[Row] | None, now: datetime, zone: tzinfo) -> str:
    """Return the line. `rows` have the dimensions slot and source; None: nobody could be asked."""
    five_hours = _member(said, "rate_limits", "five_hour")
    resets_at = _time(_member(five_hours, "resets_at"))
    if resets_at is not None and not now < resets_at <= now + _BLOCK:
        resets_at = None
    parts = [_model(said), _session(said)]
    parts += [_today(rows, now, zone), _block(rows, resets_at, now)] if rows is not None else []
    parts += [_context(said), _limit("5h", five_hours)]
    if rows is None and resets_at is not None:
        parts.append(f"{duration(resets_at - now)} left")
    parts.append(_limit("7d", _member(said, "rate_limits", "seven_day")))
    return " | ".join(part for part in parts if part) or _NOTHING


def _model(said: object) -> str | None:
    for name in ("display_name", "id"):
        text = _member(said, "model", name)
        if isinstance(text, str) and text.strip():
            printable = "".join(c if c.isprintable() else " " for c in text[: 4 * _MODEL_CHARS])
            return " ".join(printable.split())[:_MODEL_CHARS] or None
    return None


def _session(said: object) -> str | None:
    cost = _number(_member(said, "cost", "total_cost_usd"))
    return f"{usd(cost)} session" if cost is not None and 0 <= cost < _HIGHEST_USD else None


def _today(rows: Sequence[Row], now: datetime, zone: tzinfo) -> str:
    day = now.astimezone(zone).date()
    return _cost([r for r in rows if r.slot and r.slot.astimezone(zone).date() == day], "today")


def _block(rows: Sequence[Row], resets_at: datetime | None, now: datetime) -> str | None:
    """Return cost and time left of the five hours under way; Claude Code knows when they end."""
    own = [row for row in rows if row.source == _SOURCE]
    if resets_at is not None:
        begin = resets_at - _BLOCK
        members = [row for row in own if row.last_at is not None and row.last_at > begin]
        return f"{_cost(members, 'block')}, {duration(resets_at - now)} left"
    active = next((b for b in reversed(find_blocks(own)) if b.is_active(now)), None)
    if active is None:
        return None
    return f"{_cost(active.rows, 'block')}, {duration(active.end - now)} left"


def _cost(rows: Sequence[Row], name: str) -> str:
    totals = total(rows)
    return f"{usd(totals.cost_usd, totals.unpriced_calls)} {name}"


def _context(said: object) -> str | None:
    window = _member(said, "context_window")
    percent = _number(_member(window, "used_percentage"))
    if percent is None:
        size = _number(_member(window, "context_window_size"))
        usage = _member(window, "current_usage")
        counts = [_number(_member(usage, name)) for name in _CONTEXT_TOKENS]
        if not size or size < 0 or counts[0] is None:
            return None
        percent = 100 * sum(count or 0 for count in counts) / size
    return f"ctx {_percent(percent)}"


def _limit(name: str, limit: object) -> str | None:
    percent = _number(_member(limit, "used_percentage"))
    return None if percent is None else f"{name} {_percent(percent)}"


def _percent(value: float) -> str:
    return f"{min(max(value, 0), 999):.0f}%"


def _member(value: object, *names: str) -> object:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _number(value: object) -> float | None:
    """Return a finite number as a float; JSON's true is none, and an endless integer neither."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _time(value: object) -> datetime | None:
    """Return the time of seconds since 1970, or of an ISO 8601 text."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return None
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    seconds = _number(value)
    if seconds is None or not 0 <= seconds <= _HIGHEST_S:
        return None
    return datetime.fromtimestamp(seconds, UTC)
