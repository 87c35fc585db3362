"""What OpenCode says a request used: `tokens {input, output, reasoning, cache {read, write}}`.

Every request ends with a `step-finish` part. Its message repeats the tokens of its last step and
sums up the cost of all of them, so a message counts only where its parts are not at hand. Input is
without the cached tokens; whether output holds the reasoning depends on the version.
"""

from __future__ import annotations

from typing import Any

from claude_code_tracer.sources.draft import Draft, Usage
from claude_code_tracer.sources.opencode.ids import is_copy
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import count, identifier, mapping, string, usd

__all__ = ["add_call"]

_COPY = 2
_REASONING_INSIDE = ("openai", "azure")
"""Whose output held the reasoning as long as OpenCode wrote no `total` beside it."""


def add_call(
    draft: Draft,
    session: str,
    revision: int,
    message: str,
    message_id: str,
    created_ms: int | None,
    fields: dict[str, Any],
    *,
    model: object,
    provider: object,
    repeats: int = 0,
    is_last_of_several: bool = False,
) -> None:
    """Add the request that `fields` (a message or a `step-finish` part) tell of, if any.

    A fork copies messages under new ids but with their times, so a call is known by when its
    message was made and what it used. `repeats`: how many steps of it before used just as much.
    `is_last_of_several`: the message may have had steps whose tokens it does not tell.
    """
    tokens = mapping(fields.get("tokens"))
    usage = _usage(tokens, string(provider))
    if usage is None:
        return
    numbers = [_number(tokens.get(name)) for name in ("input", "output", "reasoning")]
    cache = mapping(tokens.get("cache"))
    numbers += [_number(cache.get("read")), _number(cache.get("write"))]
    origin: tuple[str | int, ...] = (created_ms,) if created_ms else (session, message)
    draft.model_call(
        session,
        revision,
        (*origin, *numbers, *((f"#{repeats}",) if repeats else ())),
        usage,
        message=message_id,
        native_id=message,
        model=identifier(model),
        at=from_epoch_ms(created_ms),
        attribution=_COPY if is_copy(message, created_ms) else 0,
        quality="lower_bound" if is_last_of_several else "exact",
        reported_cost_usd=None if is_last_of_several else usd(fields.get("cost")),
    )


def _number(value: object) -> int:
    return count(value) or 0


def _usage(tokens: dict[str, Any], provider: str | None) -> Usage | None:
    """Return the tokens of a request; None when it used none, as before its end."""
    cache = mapping(tokens.get("cache"))
    fresh, read, write = (
        count(tokens.get("input")),
        count(cache.get("read")),
        count(cache.get("write")),
    )
    output, reasoning = count(tokens.get("output")), count(tokens.get("reasoning"))
    if not any((fresh, read, write, output, reasoning)):
        return None
    if reasoning and not _holds_reasoning(tokens, provider):
        output = (output or 0) + reasoning
    return Usage(
        input_tokens=fresh,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=write,
        reasoning_tokens=reasoning,
    )


def _holds_reasoning(tokens: dict[str, Any], provider: str | None) -> bool:
    """Tell whether `output` already holds the reasoning: the total says so, where there is one."""
    total = count(tokens.get("total"))
    if total is None:
        return provider in _REASONING_INSIDE
    cache = mapping(tokens.get("cache"))
    rest = [tokens.get("input"), tokens.get("output"), cache.get("read"), cache.get("write")]
    return total < sum(map(_number, rest)) + _number(tokens.get("reasoning"))
