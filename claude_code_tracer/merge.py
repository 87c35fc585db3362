"""Make one row of several versions of the same thing, as `api.ingest` would one after the other.

The server wants every id once per batch (a second one is SQLSTATE 21000), and merging here saves
sending what is superseded already. `older` is the version that would have been sent first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall

__all__ = ["Merged", "merge", "merge_two", "without_repeats"]

_E = TypeVar("_E", bound=Entity)
_FIRST_KEPT = (
    "parent",
    "relation",
    "agent_id",
    "agent_type",
    "project_root",
    "entrypoint",
    "path",
)
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "web_searches",
)
_PRICED_BY = (
    "service_tier",
    "speed",
    "inference_geo",
    "cost_usd",
    "price_version",
    "reported_cost_usd",
)
_CLAIM = ("source", "session", "message", "attribution", "revision")
_FIRST_PROMPT = 1


@dataclass(frozen=True, slots=True)
class Merged:
    """One row to send and the outbox rows that it stands for."""

    entity: Entity
    seqs: tuple[int, ...]


def merge(rows: Iterable[tuple[int, Entity]]) -> list[Merged]:
    """Return `rows` (seq and entity, in order) with every key once, where it stood first."""
    return _merged(rows, _key)


def without_repeats(entities: Sequence[Entity]) -> list[Entity]:
    """Return what one file says with every key once; each session keeps its own copy of a call.

    Only who sees both copies knows that one session was forked from the other.
    """
    return [row.entity for row in _merged(enumerate(entities), _key_in_session)]


def merge_two(older: Entity, newer: Entity) -> Entity:
    """Return two versions of one thing as one."""
    match older, newer:
        case Session(), Session():
            return _sessions(older, newer)
        case Message(), Message():
            return _messages(older, newer)
        case Block(), Block():
            return newer if newer.revision >= older.revision else older
        case ToolCall(), ToolCall():
            return _filled(*_by_revision(older, newer))
        case ModelCall(), ModelCall():
            return _model_calls(older, newer)
    raise AssertionError("two versions of one key are of one kind")


def _merged(
    rows: Iterable[tuple[int, Entity]], key_of: Callable[[Entity], tuple[str, ...]]
) -> list[Merged]:
    merged: dict[tuple[str, ...], Merged] = {}
    for seq, entity in rows:
        key = key_of(entity)
        before = merged.get(key)
        if before is None:
            merged[key] = Merged(entity, (seq,))
        else:
            merged[key] = Merged(merge_two(before.entity, entity), (*before.seqs, seq))
    return list(merged.values())


def _key(entity: Entity) -> tuple[str, ...]:
    if isinstance(entity, Session):
        return ("session", entity.source, entity.session)
    if isinstance(entity, ModelCall):  # D7: counted once per owner, whichever session it is in
        return ("model_call", entity.id)
    return (type(entity).__name__, entity.source, entity.session, entity.id)


def _key_in_session(entity: Entity) -> tuple[str, ...]:
    if isinstance(entity, Session):
        return ("session", entity.source, entity.session)
    return (type(entity).__name__, entity.source, entity.session, entity.id)


def _by_revision(older: _E, newer: _E) -> tuple[_E, _E]:
    """Return (winner, loser)."""
    return (newer, older) if newer.revision >= older.revision else (older, newer)


def _filled(winner: _E, loser: _E) -> _E:
    """Return `winner` with what it does not know taken from `loser`."""
    missing = {
        name: value
        for name in winner.__struct_fields__
        if getattr(winner, name) is None and (value := getattr(loser, name)) is not None
    }
    return msgspec.structs.replace(winner, **missing) if missing else winner


def _sessions(older: Session, newer: Session) -> Session:
    row = _filled(*_by_revision(older, newer))
    kept = {name: getattr(older, name) or getattr(newer, name) for name in _FIRST_KEPT}
    title_of = newer if _is_better_title(older, newer) else older
    return msgspec.structs.replace(
        row,
        **kept,
        title=title_of.title,
        title_rank=title_of.title_rank,
        masked=newer.masked or older.masked,
    )


def _is_better_title(older: Session, newer: Session) -> bool:
    if newer.title is None or older.title is None:
        return older.title is None
    before, after = older.title_rank or 0, newer.title_rank or 0
    if before != after:
        return after > before
    is_newer = newer.revision >= older.revision
    return not is_newer if after == _FIRST_PROMPT else is_newer


def _messages(older: Message, newer: Message) -> Message:
    row = _filled(*_by_revision(older, newer))
    flags = sorted({*(older.flags or ()), *(newer.flags or ())})
    times = [at for at in (older.at, newer.at) if at is not None]
    return msgspec.structs.replace(
        row,
        position=min(older.position, newer.position),
        at=min(times, default=None),
        model=older.model or newer.model,
        flags=flags or None,
        masked=newer.masked or older.masked,
    )


def _model_calls(older: ModelCall, newer: ModelCall) -> ModelCall:
    """Take the counts from the heavier version, the place from the better claim, as the server."""
    more = _weight(newer) - _weight(older)
    winner, loser = (newer, older) if more > 0 else (older, newer)
    row = _filled(winner, loser)
    claim = _part(newer if _claim(newer) < _claim(older) else older, _CLAIM)
    if newer.session == older.session:
        claim["revision"] = max(older.revision, newer.revision)
        claim["message"] = claim["message"] or older.message or newer.message
    qualities = (older.usage_quality, newer.usage_quality)
    changed: dict[str, Any] = {**claim, "at": _at(older, newer)}
    if "exact" in qualities:
        changed["usage_quality"] = "exact"
    if more:  # the price of a lighter version is not this one's
        changed |= _part(winner, _PRICED_BY)
    elif winner.cost_usd is not None:
        changed["price_version"] = winner.price_version
    return msgspec.structs.replace(row, **changed)


def _at(older: ModelCall, newer: ModelCall) -> datetime | None:
    return min((at for at in (older.at, newer.at) if at is not None), default=None)


def _weight(call: ModelCall) -> int:
    """Return how much a version counts; of two the heavier has seen more of the call."""
    counts = (getattr(call, name) for name in _COUNTS)
    return sum(-1 if count is None else count for count in counts)


def _claim(call: ModelCall) -> tuple[int, str]:
    return call.attribution, call.session


def _part(call: ModelCall, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(call, name) for name in names}
