"""What the model used: one ModelCall for every growth of the thread's token counter.

Codex writes `token_count` events with the thread's total so far, often the same one several times;
from 0.153 on also a `token_usage_record` for every response, with its id. A fork copies the former,
never the latter. So a call is named by its turn and by the total behind it: the parent, each of its
copies, and the record of the response come to the same name, and the database counts it once, in
whatever order the files arrive. A record's response that the counter leaves out (compaction,
background work) gets a name of the same kind that no total will ever take.
"""

from __future__ import annotations

from claude_code_tracer.sources.codex.reading import Entry, Reading
from claude_code_tracer.sources.codex.state import Counter, Replay, State, Unnamed
from claude_code_tracer.sources.draft import Usage
from claude_code_tracer.sources.values import count, identifier, mapping, string

__all__ = [
    "add_settings",
    "add_token_count",
    "add_turn_context",
    "add_usage_record",
    "pass_token_count",
    "set_turn",
]

_OWN, _COPY = 0, 2
_UNIQUE_CHARS = 16
"""Shorter turn ids are numbers of a session; longer ones are the same nowhere else."""
_ZERO = Counter(0, 0, 0, 0, 0, 0)
_COUNTS = Counter.__struct_fields__


def set_turn(reading: Reading, entry: Entry) -> None:
    """Note which turn the next calls belong to."""
    reading.state.turn = identifier(entry.payload.get("turn_id")) or reading.state.turn


def add_turn_context(reading: Reading, entry: Entry) -> None:
    """Take the model and the folder of the calls that follow."""
    set_turn(reading, entry)
    set_model(reading, entry, entry.payload.get("model"))
    if reading.state.replay is not Replay.COPYING:
        reading.tell(entry.start, cwd=string(entry.payload.get("cwd")))


def add_settings(reading: Reading, entry: Entry) -> None:
    """Take the model and the service tier of the calls that follow."""
    settings = mapping(entry.payload.get("thread_settings"))
    thread = entry.payload.get("thread_id")
    is_copied = reading.state.replay is Replay.COPYING
    if type(thread) is str and thread != reading.session and not is_copied:
        return
    if "service_tier" in settings:
        tier = identifier(settings["service_tier"])
        reading.state.tier = "standard" if tier == "default" else tier
    set_model(reading, entry, settings.get("model"))
    if not is_copied:
        reading.tell(entry.start, cwd=string(settings.get("cwd")))


def set_model(reading: Reading, entry: Entry, model: object) -> None:
    """Take a model's name, also for the calls that came before any was named."""
    state = reading.state
    name = identifier(model)
    if name is None:
        return
    state.model = name
    for call in state.unnamed:
        _tell(reading, entry, call)
    state.unnamed = []


def add_token_count(reading: Reading, entry: Entry) -> None:
    """Add the call that made the thread's counter grow, if it did."""
    state = reading.state
    info = mapping(entry.payload.get("info"))
    total = _counter(info.get("total_token_usage"))
    last = _counter(info.get("last_token_usage")) or _counter(entry.payload)
    if total is None and last is None:
        return
    now = total or _plus(state.total or _ZERO, last or _ZERO)
    grown = _growth(state, now, last) if total else last or _ZERO
    records, state.records = state.records, []
    state.total = now
    if not _is_some(grown):
        return
    state.is_inherited = False
    extra = _beyond(grown, records)
    state.growth = grown if not records else None
    if _is_some(extra):
        model = identifier(info.get("model")) or identifier(entry.payload.get("model"))
        _add(reading, entry, extra, now, model, None)
    reading.close_answer()


def pass_token_count(reading: Reading, entry: Entry) -> None:
    """Note where the counter stands behind calls that are not Codex's own."""
    total = _counter(mapping(entry.payload.get("info")).get("total_token_usage"))
    if total is not None:
        reading.state.total = total
        reading.state.is_inherited = True


def _growth(state: State, now: Counter, last: Counter | None) -> Counter:
    """Return by how much the counter grew.

    A copy or a continuation of another file may begin with a total that holds calls which are not
    in this file, and a child's counter may begin anew behind what it copied: then the event's last
    response tells. Elsewhere it does not count, because it is also written for estimates.
    """
    before = state.total
    if before is None:
        return last if state.is_inherited and last else now
    if now == before:
        return _ZERO
    has_fallen = _sum(now) < _sum(before)
    is_new = last is not None and _same(now, last)
    if has_fallen or (is_new and (state.is_inherited or _falls(before, now))):
        state.epoch += 1
        return last if last is not None and _sum(last) <= _sum(now) else now
    return _minus(now, before)


def _beyond(grown: Counter, records: list[Counter]) -> Counter:
    """Return what of a growth no record of a response has told already."""
    tail = _ZERO
    for used in reversed(records):
        tail = _plus(tail, used)
        if _same(used, grown) or _same(tail, grown):
            return _ZERO
    return _minus(grown, tail) if records else grown


def add_usage_record(reading: Reading, entry: Entry) -> None:
    """Add a response with its id, under the name that the counter will give to it."""
    state = reading.state
    used = _counter(entry.payload.get("usage"))
    response = identifier(entry.payload.get("response_id"))
    if used is None or not _is_some(used):
        return
    if response and not state.see_response(response):
        return
    if state.growth is not None and _same(state.growth, used):
        state.growth = None  # the counter told this response before its record did
        return
    if state.total is None and state.is_inherited:
        return  # the counter's next event says where it stands
    state.add_record(used)
    _add(reading, entry, used, _plus(state.total or _ZERO, used), None, response)


def _add(
    reading: Reading,
    entry: Entry,
    used: Counter,
    now: Counter,
    model: str | None,
    native_id: str | None,
) -> None:
    state = reading.state
    is_copy = state.replay is Replay.COPYING or (state.replay is Replay.MAYBE and state.is_fork)
    call = Unnamed(
        key=_name(state, reading.session, now),
        used=used,
        at=entry.at,
        message=None if state.replay is Replay.COPYING else reading.answer_id(),
        attribution=_COPY if is_copy else _OWN,
        native_id=native_id,
    )
    if model is None and state.model is None:
        state.add_unnamed(call)
    _tell(reading, entry, call, model)


def _name(state: State, session: str, now: Counter) -> list[str | int]:
    """Return what is the same for a call in every copy of it and for no other call."""
    counts = [now.input or 0, now.cached or 0, now.output or 0, _sum(now)]
    turn = state.turn or ""
    if len(turn) >= _UNIQUE_CHARS:
        return [turn, *counts]
    return [state.family or session, turn, state.epoch, *counts]


def _tell(reading: Reading, entry: Entry, call: Unnamed, model: str | None = None) -> None:
    used = call.used
    fresh = None
    if used.input is not None:
        fresh = max(0, used.input - (used.cached or 0) - (used.written or 0))
    reading.tell(entry.start)
    reading.draft.model_call(
        reading.session,
        entry.start,
        tuple(call.key),
        Usage(
            input_tokens=fresh,
            output_tokens=used.output,
            cache_read_tokens=used.cached,
            cache_write_5m_tokens=used.written,
            reasoning_tokens=used.reasoning,
        ),
        message=call.message,
        native_id=call.native_id,
        model=model or reading.state.model,
        at=call.at,
        attribution=call.attribution,
        service_tier=reading.state.tier,
    )


# Counters -----------------------------------------------------------------------------------------


def _counter(value: object) -> Counter | None:
    """Return the tokens that `value` counts; None when it counts neither input nor output."""
    usage = mapping(value)
    input, output = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if input is None and output is None:
        return None
    return Counter(
        input,
        count(usage.get("cached_input_tokens")),
        count(usage.get("cache_write_input_tokens")),
        output,
        count(usage.get("reasoning_output_tokens")),
        count(usage.get("total_tokens")),
    )


def _sum(used: Counter) -> int:
    return used.total or (used.input or 0) + (used.output or 0)


def _is_some(used: Counter) -> bool:
    return any((used.input, used.cached, used.written, used.output))


def _same(a: Counter, b: Counter) -> bool:
    """Compare what is told by every version: some leave fields out."""
    return (a.input or 0, a.cached or 0, a.output or 0) == (
        b.input or 0,
        b.cached or 0,
        b.output or 0,
    )


def _falls(before: Counter, now: Counter) -> bool:
    return any((getattr(now, name) or 0) < (getattr(before, name) or 0) for name in _COUNTS)


def _plus(a: Counter, b: Counter) -> Counter:
    return Counter(
        _add_known(a.input, b.input),
        _add_known(a.cached, b.cached),
        _add_known(a.written, b.written),
        _add_known(a.output, b.output),
        _add_known(a.reasoning, b.reasoning),
        _add_known(a.total, b.total),
    )


def _add_known(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)


def _minus(now: Counter, before: Counter) -> Counter:
    """Return how much more `now` is, at least nothing; unknown where it is not told."""
    return Counter(
        _more(now.input, before.input),
        _more(now.cached, before.cached),
        _more(now.written, before.written),
        _more(now.output, before.output),
        _more(now.reasoning, before.reasoning),
        _more(now.total, before.total),
    )


def _more(now: int | None, before: int | None) -> int | None:
    return None if now is None else max(0, now - (before or 0))
