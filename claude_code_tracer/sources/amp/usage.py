"""What Amp says its requests used: in a ledger of the thread, else beside every answer.

A ledger's event tells input and output; the tokens from and to the cache stand beside the answer
that it was for (`toMessageId`). An answer is one call, whichever of the two tells of it, so that a
thread which gets a ledger later counts nothing twice. Amp bills in credits, which are no money.
"""

from __future__ import annotations

from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.amp.thread import Thread
from claude_code_tracer.sources.draft import Usage
from claude_code_tracer.sources.values import count, identifier, mapping, when

__all__ = ["add_usage"]


def add_usage(thread: Thread) -> None:
    """Add every request of a thread once."""
    answers: dict[str, dict[str, Any]] = {}
    for index, message in enumerate(thread.messages):
        if message.get("role") == "assistant":
            facts = {name: message.get(name) for name in ("model", "timestamp")}
            answers[thread.keys[index]] = facts | mapping(message.get("usage"))
    events = mapping(thread.value.get("usageLedger")).get("events")
    told = [mapping(event) for event in events] if type(events) is list else []
    if told:
        _add_events(thread, told, answers)
        return
    for key, usage in answers.items():
        _add(thread, ("message", key), key, usage, usage)


def _add_events(
    thread: Thread, events: list[dict[str, Any]], answers: dict[str, dict[str, Any]]
) -> None:
    """Add the events of a ledger; the first one for an answer is that answer's call."""
    seen: set[str] = set()
    for index, event in enumerate(events):
        number = count(event.get("toMessageId"))
        key = None if number is None else str(number)
        tokens = mapping(event.get("tokens"))
        counts = {f"{name}Tokens": tokens.get(name) for name in ("input", "output")}
        id: tuple[str, ...] = ("event", identifier(event.get("id")) or f"@{index}")
        if key is not None and key not in seen:
            seen.add(key)
            id = ("message", key)
            cached = answers.get(key, {})
            names = ("cacheCreationInputTokens", "cacheReadInputTokens")
            counts |= {name: tokens.get(name, cached.get(name)) for name in names}
        _add(thread, id, key, counts, event)


def _add(
    thread: Thread,
    id: tuple[str, ...],
    message: str | None,
    counts: dict[str, Any],
    facts: dict[str, Any],
) -> None:
    model = identifier(facts.get("model"))
    fresh = count(counts.get("inputTokens"))
    write = count(counts.get("cacheCreationInputTokens"))
    if (model or "").startswith("gpt-") and not fresh and write:
        fresh, write = write, None  # what is not cached: that provider bills no writing
    usage = Usage(
        input_tokens=fresh,
        output_tokens=count(counts.get("outputTokens")),
        cache_read_tokens=count(counts.get("cacheReadInputTokens")),
        cache_write_5m_tokens=write,
    )
    if not any((fresh, usage.output_tokens, usage.cache_read_tokens, write)):
        return
    thread.draft.model_call(
        thread.session,
        thread.revision,
        (thread.session, *id),
        usage,
        message=None if message is None else record_id("message", message),
        native_id=id[-1],
        model=model,
        at=when(facts.get("timestamp")),
    )
