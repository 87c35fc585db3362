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

from msgspec.structs import replace

from claude_code_tracer.ids import SEPARATOR, ids_of, record_id
from claude_code_tracer.model import ModelCall
from claude_code_tracer.sources.claude_code.layout import NAME
from claude_code_tracer.sources.claude_code.reading import Entry, HeldLine, Reading
from claude_code_tracer.sources.claude_code.state import SeenCall, State
from claude_code_tracer.sources.claude_code.tokens import MAX_SEARCHES, read_usage
from claude_code_tracer.sources.values import count, identifier, mapping, usd, when

__all__ = ["SYNTHETIC", "add_model_call", "add_searches", "searching_model", "settle_model_call"]

SYNTHETIC = "<synthetic>"
"""The model of messages that Claude Code wrote itself; nobody billed them."""

_model_call_id = ids_of("model_call")
_OWN, _REPLAY, _COPY = 0, 1, 2
_GROWING = ("output_tokens", "output_tokens_details", "iterations")
_MODEL_NAME = re.compile(r"[A-Za-z0-9_:./@\[\]-]{1,100}")


def add_model_call(
    reading: Reading,
    entry: Entry,
    value: dict[str, Any],
    message: dict[str, Any],
    call_id: str | None,
    message_id: str | None,
) -> None:
    """Add the API response that `message` of `value` (a line, or one nested in it) is part of.

    `message_id` is None for a line that repeats a message of another session. The line is held
    until it is clear that the next one does not say more: most lines repeat the last one's usage.
    """
    usage = message.get("usage")
    model = message.get("model")
    if type(usage) is not dict or not usage or not call_id or model == SYNTHETIC:
        return
    line = HeldLine(
        entry.start,
        message_id,
        _attribution(reading, entry.value, message_id is None),
        call_id,
        model,
        usage,
        message.get("stop_reason"),
        value.get("costUSD"),
        entry.at if value is entry.value else when(value.get("timestamp")),
    )
    held = reading.held
    if held is not None and held.call_id == call_id:
        try:
            if held.stop_reason == line.stop_reason and held.usage == usage:
                return
            if _is_grown(line, held):
                line.began = held.began
                reading.held = None
        except RecursionError:  # F20: hostile depth
            pass
    settle_model_call(reading)
    reading.held = line
    if "iterations" in usage:
        _add_advisors(reading, line)


def _is_grown(line: HeldLine, held: HeldLine) -> bool:
    """Tell whether `line` says what `held` says of the same call, but for more output."""
    new, old = line.usage, held.usage
    if (
        line.message_id != held.message_id
        or line.model != held.model
        or line.attribution != held.attribution
        or (line.stop_reason is None and held.stop_reason is not None)
    ):
        return False
    as_before = {**new, **{name: old[name] for name in _GROWING if name in old}}
    if len(new) != len(old) or as_before != old:
        return False
    return (count(new.get("output_tokens")) or 0) > (count(old.get("output_tokens")) or 0)


def settle_model_call(reading: Reading) -> None:
    """Add the call whose line is held."""
    held, reading.held = reading.held, None
    if held is None:
        return
    usage = read_usage(held.usage)
    fresh, output, read = usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens
    write_5m, write_1h = usage.cache_writes()
    written = (write_5m or 0) + (write_1h or 0)
    id = _model_call_id(
        f"{held.call_id}{SEPARATOR}{fresh or 0}{SEPARATOR}{read or 0}{SEPARATOR}{written}"
    )
    seen = _see(reading.state, id, held, output or 0)
    if seen is None:
        return
    call = ModelCall(
        source=NAME,
        session=reading.session,
        revision=held.start,
        id=id,
        native_id=held.call_id,
        message=held.message_id,
        attribution=held.attribution,
        model=identifier(held.model),
        at=seen.at,
        input_tokens=fresh,
        output_tokens=None if output is None else seen.output_tokens,
        cache_read_tokens=read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        usage_quality="exact" if seen.is_exact else "lower_bound",
    )
    # In two steps because Python passes more than 15 arguments with names in a dict, which takes
    # longer than both.
    details, server_tools = usage.output_tokens_details, usage.server_tool_use
    call = replace(
        call,
        reasoning_tokens=details.thinking_tokens if details else None,
        web_searches=server_tools.web_search_requests if server_tools else None,
        service_tier=usage.service_tier,
        speed=usage.speed,
        inference_geo=usage.place(),
        reported_cost_usd=usd(held.cost),
    )
    reading.entities.append(call)


def _see(state: State, id: str, held: HeldLine, output: int) -> SeenCall | None:
    """Return what is known of the call, or None when this line adds nothing to it.

    Versions 2.1.0-2.1.58 wrote a placeholder as output; only a line with a stop reason is final.
    """
    is_exact = held.stop_reason is not None
    seen = state.calls.get(id)
    if seen is None:
        seen = SeenCall(output, is_exact, held.began)
        state.see_call(id, seen)
        return seen
    if output <= seen.output_tokens and (seen.is_exact or not is_exact):
        return None
    seen.output_tokens = max(seen.output_tokens, output)
    seen.is_exact = seen.is_exact or is_exact
    return seen


def _attribution(reading: Reading, value: dict[str, Any], is_nested: bool) -> int:
    if value.get("forkedFrom") is not None:
        return _COPY
    if is_nested or reading.is_replay:
        return _REPLAY
    return _REPLAY if value.get("isSidechain") is True and not reading.is_agent else _OWN


def _add_advisors(reading: Reading, held: HeldLine) -> None:
    """Add what an advisor's answers used: they are in `iterations` and in no total."""
    steps = held.usage["iterations"]
    if type(steps) is not list:
        return
    steps = [step for step in steps if type(step) is dict]
    asked = [step for step in steps if step.get("type") == "advisor_message"]
    for index, step in enumerate(asked):
        usage = read_usage(step)
        write_5m, write_1h = usage.cache_writes()
        reading.entities.append(
            ModelCall(
                source=NAME,
                session=reading.session,
                revision=held.start,
                id=record_id("model_call", held.call_id, "advisor", index),
                native_id=held.call_id,
                attribution=held.attribution,
                model=identifier(step.get("model")),
                at=held.began,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cache_read_input_tokens,
                cache_write_5m_tokens=write_5m,
                cache_write_1h_tokens=write_1h,
                inference_geo=usage.place(),
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
    searches = count(outcome.get("searchCount"), MAX_SEARCHES)
    if searches == 0:
        return
    reading.entities.append(
        ModelCall(
            source=NAME,
            session=reading.session,
            revision=entry.start,
            id=record_id("model_call", call, "web_search"),
            native_id=call,
            attribution=_attribution(reading, entry.value, is_nested=False),
            model=model or None,
            at=entry.at,
            web_searches=searches or 1,
        )
    )
