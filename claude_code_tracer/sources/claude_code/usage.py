"""What an answer's `usage` says was billed: one ModelCall, however many lines repeat it.

Two things are billed beside it. An advisor's answers stand in `iterations` and in no total. And a
search of the WebSearch tool is asked for by a request of the tool's own that is in no transcript:
its tokens are unknown, but its fee is not, so it becomes a ModelCall without tokens, which nobody
counts as a call; it goes under the model that wanted the search. What the message's own counter
holds is never counted again (trap 19).
"""

from __future__ import annotations

import re
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import ModelCall
from claude_code_tracer.sources.claude_code.layout import NAME
from claude_code_tracer.sources.claude_code.reading import Entry, HeldLine, Reading
from claude_code_tracer.sources.claude_code.state import SeenCall
from claude_code_tracer.sources.values import count, identifier, mapping, usd, when

__all__ = ["SYNTHETIC", "add_model_call", "add_searches", "searching_model", "settle_model_call"]

SYNTHETIC = "<synthetic>"
"""The model of messages that Claude Code wrote itself; nobody billed them."""

_MAX_SEARCHES = 2**31
_OWN, _REPLAY, _COPY = 0, 1, 2
_GROWING = ("output_tokens", "output_tokens_details", "iterations")
_USUAL_PLACES = (None, "", "global", "not_available")
_MODEL_NAME = re.compile(r"[A-Za-z0-9_:./@\[\]-]{1,100}")


def add_model_call(
    reading: Reading, entry: Entry, value: dict[str, Any], message_id: str | None
) -> None:
    """Add the API response that `value` (a line, or one nested in it) is part of.

    `message_id` is None for a line that repeats a message of another session. The line is held
    until it is clear that the next one does not say more: most lines repeat the last one's usage.
    """
    message = mapping(value.get("message"))
    usage = message.get("usage")
    call_id = identifier(message.get("id")) or identifier(value.get("uuid"))
    if type(usage) is not dict or not usage or not call_id or message.get("model") == SYNTHETIC:
        return
    line = HeldLine(
        entry,
        value,
        message_id,
        _attribution(reading, entry.value, is_nested=message_id is None),
        call_id,
        message.get("model"),
        usage,
        message.get("stop_reason"),
        value.get("timestamp"),
    )
    held = reading.held
    if held is not None:
        try:
            if _is_repeated(line, held):
                return
            if _is_grown(line, held):
                line.began = held.began
                held = None
        except RecursionError:  # F20: hostile depth
            pass
        if held is not None:
            settle_model_call(reading)
    reading.held = line
    if "iterations" in usage:
        _add_advisors(reading, line)


def _is_repeated(line: HeldLine, held: HeldLine) -> bool:
    return (
        line.call_id == held.call_id
        and line.stop_reason == held.stop_reason
        and line.usage == held.usage
    )


def _is_grown(line: HeldLine, held: HeldLine) -> bool:
    """Tell whether `line` says what `held` says, but for more output."""
    new, old = line.usage, held.usage
    if (
        line.call_id != held.call_id
        or line.message_id != held.message_id
        or line.model != held.model
        or line.attribution != held.attribution
        or (line.stop_reason is None and held.stop_reason is not None)
    ):
        return False
    for name, fact in old.items():
        if name not in new or (name not in _GROWING and new[name] != fact):
            return False
    return (count(new.get("output_tokens")) or 0) > (count(old.get("output_tokens")) or 0)


def settle_model_call(reading: Reading) -> None:
    """Add the call whose line is held."""
    held, reading.held = reading.held, None
    if held is None:
        return
    usage = held.usage
    fresh = count(usage.get("input_tokens"))
    output = count(usage.get("output_tokens"))
    read = count(usage.get("cache_read_input_tokens"))
    write_5m, write_1h = _cache_writes(usage)
    written = (write_5m or 0) + (write_1h or 0)
    seen = _see(reading, f"{held.call_id} {fresh or 0} {read or 0} {written}", held, output or 0)
    if seen is None:
        return
    details, server_tools = usage.get("output_tokens_details"), usage.get("server_tool_use")
    reading.entities.append(
        ModelCall(
            source=NAME,
            session=reading.session,
            revision=held.entry.start,
            id=record_id("model_call", held.call_id, fresh or 0, read or 0, written),
            native_id=held.call_id,
            message=held.message_id,
            attribution=held.attribution,
            model=identifier(held.model),
            at=seen.at,
            input_tokens=fresh,
            output_tokens=None if output is None else max(output, seen.output_tokens),
            cache_read_tokens=read,
            cache_write_5m_tokens=write_5m,
            cache_write_1h_tokens=write_1h,
            reasoning_tokens=count(mapping(details).get("thinking_tokens")),
            web_searches=count(mapping(server_tools).get("web_search_requests"), _MAX_SEARCHES),
            service_tier=identifier(usage.get("service_tier")),
            speed=identifier(usage.get("speed")),
            inference_geo=_place(usage),
            usage_quality="exact" if seen.is_exact else "lower_bound",
            reported_cost_usd=usd(held.value.get("costUSD")),
        )
    )


def _see(reading: Reading, name: str, held: HeldLine, output: int) -> SeenCall | None:
    """Return what is known of the call, or None when this line adds nothing to it.

    Versions 2.1.0-2.1.58 wrote a placeholder as output; only a line with a stop reason is final.
    """
    is_exact = held.stop_reason is not None
    seen = reading.state.calls.get(name)
    if seen is None:
        seen = SeenCall(output, is_exact, when(held.began))
        reading.state.see_call(name, seen)
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


def _place(usage: dict[str, Any]) -> str | None:
    """Return where it was computed, when that is a place with a price of its own."""
    place = usage.get("inference_geo")
    return None if type(place) is not str or place in _USUAL_PLACES else identifier(place)


def _attribution(reading: Reading, value: dict[str, Any], *, is_nested: bool = False) -> int:
    if value.get("forkedFrom") is not None:
        return _COPY
    is_aside = value.get("isSidechain") is True and not reading.is_agent
    return _REPLAY if is_aside or is_nested or reading.is_replay else _OWN


def _add_advisors(reading: Reading, held: HeldLine) -> None:
    """Add what an advisor's answers used: they are in `iterations` and in no total."""
    steps = held.usage["iterations"]
    listed = map(mapping, steps) if type(steps) is list else ()
    asked = [step for step in listed if step.get("type") == "advisor_message"]
    for index, usage in enumerate(asked):
        write_5m, write_1h = _cache_writes(usage)
        reading.entities.append(
            ModelCall(
                source=NAME,
                session=reading.session,
                revision=held.entry.start,
                id=record_id("model_call", held.call_id, "advisor", index),
                native_id=held.call_id,
                attribution=held.attribution,
                model=identifier(usage.get("model")),
                at=when(held.began),
                input_tokens=count(usage.get("input_tokens")),
                output_tokens=count(usage.get("output_tokens")),
                cache_read_tokens=count(usage.get("cache_read_input_tokens")),
                cache_write_5m_tokens=write_5m,
                cache_write_1h_tokens=write_1h,
                inference_geo=_place(usage),
                usage_quality="exact",
            )
        )


def searching_model(message: object) -> str | None:
    """Return the model that asks for a search; None when its own message counts the search.

    It is an empty name when it is not known. Who answers the search is written nowhere.
    """
    fields = mapping(message)
    counted = mapping(mapping(fields.get("usage")).get("server_tool_use"))
    if count(counted.get("web_search_requests")):
        return None
    name = fields.get("model")
    return name if type(name) is str and _MODEL_NAME.fullmatch(name) else ""


def add_searches(
    reading: Reading, entry: Entry, call: str, model: str, outcome: dict[str, Any]
) -> None:
    """Add the fee of what the WebSearch call `call` searched for: without a count it was one."""
    searches = count(outcome.get("searchCount"), _MAX_SEARCHES)
    if searches == 0:
        return
    reading.entities.append(
        ModelCall(
            source=NAME,
            session=reading.session,
            revision=entry.start,
            id=record_id("model_call", call, "web_search"),
            native_id=call,
            attribution=_attribution(reading, entry.value),
            model=model or None,
            at=entry.at,
            web_searches=searches or 1,
        )
    )
