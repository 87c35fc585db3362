"""Which responses were billed: what answers say, and what only telemetry says.

Every response of the API is reported by a telemetry record, and then once more by the answer made
of it, with the same counts. Retries that gave nothing, compressions and the calls of subagents have
the first only; a subagent's own file repeats some of them. So telemetry waits for its answer, and
what gets none is a call of its own. Calls of subagents are known by their counts, which is all that
both files say of them.
"""

from __future__ import annotations

from typing import Any

from claude_code_tracer.sources.genai import Counts, counts_of, usage_of
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.qwen.reading import Reading, time_of, uuid_of
from claude_code_tracer.sources.qwen.state import PendingCall
from claude_code_tracer.sources.saved import digest
from claude_code_tracer.sources.values import identifier, mapping, string, when

__all__ = ["add_answer_usage", "add_telemetry_usage", "flush_calls"]

_OWN, _RETOLD, _COPY = 0, 1, 2


def add_telemetry_usage(reading: Reading, record: Record, event: dict[str, Any]) -> None:
    """Take a response that telemetry reports."""
    counts = counts_of(event)
    uuid = uuid_of(record)
    if counts is None or not any(counts) or uuid is None or reading.is_repeat:
        return
    model = identifier(event.get("model"))
    if _is_agents(event):
        _add_agent_call(reading, record, counts, model, None)
        return
    if reading.state.last_counts is not None:
        is_retold = reading.state.last_counts[:4] == counts[:4]
        reading.state.last_counts = None
        if is_retold:
            return
    at = when(event.get("event.timestamp")) or time_of(record)
    oldest = reading.state.await_answer(
        PendingCall(uuid, counts, model, at, reading.is_copy(record))
    )
    if oldest:
        _add_pending(reading, record, oldest)


def add_answer_usage(reading: Reading, record: Record, message: str, model: str | None) -> None:
    """Take what an answer says was billed for it."""
    counts = counts_of(mapping(record.value.get("usageMetadata")))
    if reading.is_agent:
        if counts and not reading.is_repeat:
            _add_agent_call(reading, record, counts, model, message)
        return
    told = _take_pending(reading, counts)
    flush_calls(reading, record)
    reading.state.last_counts = counts if counts and told is None else None
    counts = counts or (told.counts if told else None)
    key = uuid_of(record) or f"@{record.start}"
    if counts is None:
        return
    reading.draft.model_call(
        reading.session,
        record.start,
        reading.call_key(key),
        usage_of(counts, is_additive=False),
        message=message,
        native_id=key,
        model=model or (told.model if told else None),
        at=time_of(record),
        attribution=_COPY if reading.is_copy(record) else _OWN,
    )


def flush_calls(reading: Reading, record: Record) -> None:
    """Add the calls that have no answer: what came instead says so."""
    for call in reading.state.pending:
        _add_pending(reading, record, call)
    reading.state.pending = []


def _take_pending(reading: Reading, counts: Counts | None) -> PendingCall | None:
    """Return the report of the response that an answer is made of: the last, if none is equal."""
    pending = reading.state.pending
    if not pending:
        return None
    equal = [i for i, call in enumerate(pending) if counts and call.counts[:3] == counts[:3]]
    return pending.pop(equal[0] if equal else -1)


def _add_pending(reading: Reading, record: Record, call: PendingCall) -> None:
    reading.draft.model_call(
        reading.session,
        record.start,
        reading.call_key(call.uuid),
        usage_of(call.counts, is_additive=False),
        native_id=call.uuid,
        model=call.model,
        at=call.at,
        attribution=_COPY if call.is_copy else _OWN,
    )


def _is_agents(event: dict[str, Any]) -> bool:
    """Tell whether a subagent asked: its prompts are `<session>#<agent>#<round>`."""
    if string(event.get("subagent_name")) or string(event.get("subagent_id")):
        return True
    prompt = (string(event.get("prompt_id")) or "").split("#")
    return len(prompt) == 3 and bool(prompt[1])


def _add_agent_call(
    reading: Reading, record: Record, counts: Counts, model: str | None, message: str | None
) -> None:
    origin = identifier(mapping(record.value.get("forkedFrom")).get("sessionId"))
    origin = origin or reading.root_session
    number = reading.state.count_agent_call(digest(f"{origin} {counts[:3]}"))
    reading.draft.model_call(
        reading.session,
        record.start,
        ("agent", origin, *(str(n) for n in counts[:3]), number),
        usage_of(counts, is_additive=False),
        message=message,
        native_id=uuid_of(record),
        model=model,
        at=time_of(record),
        attribution=_COPY if reading.is_copy(record) else _OWN if message else _RETOLD,
    )
