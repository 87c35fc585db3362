"""What an answer's `usage` says was billed: one ModelCall, however many lines repeat it."""

from __future__ import annotations

from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import ModelCall
from claude_code_tracer.sources.claude_code.layout import NAME
from claude_code_tracer.sources.claude_code.reading import Reading
from claude_code_tracer.sources.claude_code.state import SeenCall
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.values import count, identifier, mapping, usd, when

__all__ = ["SYNTHETIC", "add_model_call"]

SYNTHETIC = "<synthetic>"
"""The model of messages that Claude Code wrote itself; nobody billed them."""

_MAX_SEARCHES = 2**31
_OWN, _REPLAY, _COPY = 0, 1, 2


def add_model_call(
    reading: Reading, record: Record, value: dict[str, Any], message_id: str | None
) -> None:
    """Add the API response that `value` (a line, or one nested in it) is part of.

    `message_id` is None for a line that repeats a message of another session.
    """
    message = mapping(value.get("message"))
    usage = mapping(message.get("usage"))
    call_id = identifier(message.get("id")) or identifier(value.get("uuid"))
    if not usage or not call_id or message.get("model") == SYNTHETIC:
        return
    write_5m, write_1h = _cache_writes(usage)
    read = count(usage.get("cache_read_input_tokens"))
    fresh = count(usage.get("input_tokens"))
    output = count(usage.get("output_tokens"))
    server_tools = mapping(usage.get("server_tool_use"))
    key = (call_id, fresh or 0, read or 0, (write_5m or 0) + (write_1h or 0))
    seen = _see(reading, " ".join(map(str, key)), value, usage)
    if seen is None:
        return
    reading.entities.append(
        ModelCall(
            source=NAME,
            session=reading.session,
            revision=record.start,
            id=record_id("model_call", *key),
            native_id=call_id,
            message=message_id,
            attribution=_attribution(reading, record.value, message_id),
            model=identifier(message.get("model")),
            at=seen.at,
            input_tokens=fresh,
            output_tokens=None if output is None else max(output, seen.output_tokens),
            cache_read_tokens=read,
            cache_write_5m_tokens=write_5m,
            cache_write_1h_tokens=write_1h,
            reasoning_tokens=count(
                mapping(usage.get("output_tokens_details")).get("thinking_tokens")
            ),
            web_searches=count(server_tools.get("web_search_requests"), _MAX_SEARCHES),
            service_tier=identifier(usage.get("service_tier")),
            speed=identifier(usage.get("speed")),
            usage_quality="exact" if seen.is_exact else "lower_bound",
            reported_cost_usd=usd(value.get("costUSD")),
        )
    )


def _see(
    reading: Reading, key: str, value: dict[str, Any], usage: dict[str, Any]
) -> SeenCall | None:
    """Return what is known of the call, or None when this line adds nothing to it.

    Versions 2.1.0-2.1.58 wrote a placeholder as output; only a line with a stop reason is final.
    """
    output = count(usage.get("output_tokens")) or 0
    is_exact = value["message"].get("stop_reason") is not None
    seen = reading.state.calls.get(key)
    if seen is None:
        seen = SeenCall(output, is_exact, when(value.get("timestamp")))
        reading.state.see_call(key, seen)
    elif output <= seen.output_tokens and (seen.is_exact or not is_exact):
        return None
    seen.output_tokens = max(seen.output_tokens, output)
    seen.is_exact = seen.is_exact or is_exact
    return seen


def _cache_writes(usage: dict[str, Any]) -> tuple[int | None, int | None]:
    """Return tokens written to the 5-minute and the 1-hour cache.

    Proxies give a total without the split and old versions a split without the total, so the
    greater of the two counts, and what the split does not explain is 5-minute.
    """
    total = count(usage.get("cache_creation_input_tokens"))
    split = mapping(usage.get("cache_creation"))
    for_5m = count(split.get("ephemeral_5m_input_tokens"))
    for_1h = count(split.get("ephemeral_1h_input_tokens"))
    if total is None and for_5m is None and for_1h is None:
        return None, None
    written = max(total or 0, (for_5m or 0) + (for_1h or 0))
    return written - (for_1h or 0), for_1h


def _attribution(reading: Reading, value: dict[str, Any], message_id: str | None) -> int:
    if value.get("forkedFrom") is not None:
        return _COPY
    is_aside = value.get("isSidechain") is True and not reading.is_agent
    return _REPLAY if is_aside or message_id is None or reading.is_replay else _OWN
