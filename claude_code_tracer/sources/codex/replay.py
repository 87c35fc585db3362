"""Which lines of a fork's or a subagent's file are its own, and which it copied from its parent.

Such a file starts with its own `session_meta` and may go on with all or some of what its parent had
written: messages, tool calls and token counts, stamped with the time of the copy or with their
own. Nothing marks where the copy ends in older versions, so several things tell it, best first:

1. `subagent_history_start_ordinal`: lines with a lower `ordinal` are copied;
2. a turn that began when the session existed already is its own, one from before is copied: Codex
   says when a turn started, and its turn ids carry their time like its session ids do;
3. a line stamped before the session began is copied;
4. behind a parent's `session_meta` the copy was written in one go: a pause of a second ends it,
   and so does the session's own `session_meta` when it comes again.

A child that names a parent may as well start with nothing: then nothing of this ever shows. What
is decided here says whose the messages are. Token counts do not depend on it (see `usage`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from claude_code_tracer.sources.codex.layout import is_thread_id
from claude_code_tracer.sources.codex.reading import Entry, Reading
from claude_code_tracer.sources.codex.state import Replay, State
from claude_code_tracer.sources.values import count, identifier, mapping, string, when

__all__ = ["add_session_meta", "is_copied"]

_TURN_STARTS = ("task_started", "turn_started")
_PAUSE_S = 1.0
_LATEST_S = 10**11
"""Later seconds are milliseconds."""
_LATEST_MS = 10**14
_IMPORTED_TURN = "external-import-turn-"
"""Turns that Codex took over from another tool: their transcripts are that tool's."""


def add_session_meta(reading: Reading, entry: Entry) -> None:
    """Take the first one as this file's own; a later one is of a resume or of an ancestor."""
    state = reading.state
    id = identifier(entry.payload.get("id")) or identifier(entry.payload.get("session_id"))
    if state.session is None and _owns(reading, entry, id):
        _adopt(reading, entry, id or reading.file.session)
    elif id is not None and id == state.session:
        if state.replay is Replay.COPYING:
            _end(state)
        _tell_facts(reading, entry)
    elif not state.has_records or state.replay in (Replay.MAYBE, Replay.COPYING):
        _see_ancestor(state, id, entry.payload)


def _owns(reading: Reading, entry: Entry, id: str | None) -> bool:
    """Tell whether the file is about this session.

    When the first line is lost, the next `session_meta` may be an ancestor's: then the id in the
    file's name decides.
    """
    named = reading.file.session
    return entry.start == 0 or id == named or not is_thread_id(named)


def _adopt(reading: Reading, entry: Entry, id: str) -> None:
    state, meta = reading.state, entry.payload
    source = mapping(meta.get("source"))
    spawn = mapping(mapping(source.get("subagent")).get("thread_spawn"))
    origin, parent, spawner, root = (
        known if (known := identifier(told)) != id else None
        for told in (
            meta.get("forked_from_id"),
            meta.get("parent_thread_id"),
            spawn.get("parent_thread_id"),
            meta.get("session_id"),
        )
    )
    parent = parent or spawner
    base = mapping(meta.get("history_base"))
    state.session = id
    state.family = origin or id
    state.is_fork = origin is not None
    state.is_agent = "subagent" in source or "internal" in source or parent is not None
    if state.is_agent:
        parent = parent or origin or root
    started = when(meta.get("timestamp")) or entry.at
    state.started = started.timestamp() if started else None
    state.start_ordinal = count(meta.get("subagent_history_start_ordinal"))
    state.base = count(base.get("end_byte_offset")) or 0
    state.is_inherited = bool(base) or state.is_fork or parent is not None
    if state.is_inherited or state.start_ordinal is not None:
        state.replay = Replay.MAYBE
    relation = "subagent" if state.is_agent else "fork" if origin else None
    reading.tell(
        entry.start,
        parent=parent or origin,
        relation=relation,
        agent_id=id if state.is_agent else None,
        agent_type=_agent_type(meta, source, spawn) if state.is_agent else None,
    )
    _tell_facts(reading, entry)


def _agent_type(meta: dict[str, Any], *sources: dict[str, Any]) -> str | None:
    source, spawn = sources
    kind = source.get("subagent", source.get("internal"))
    named = (
        meta.get("agent_role"),
        spawn.get("agent_role"),
        kind if type(kind) is str else mapping(kind).get("other"),
        meta.get("agent_nickname"),
        spawn.get("agent_nickname"),
    )
    return next(filter(None, map(string, named)), None)


def _tell_facts(reading: Reading, entry: Entry) -> None:
    meta = entry.payload
    source = meta.get("source")
    reading.tell(
        entry.start,
        cwd=string(meta.get("cwd")),
        branch=string(mapping(meta.get("git")).get("branch")),
        tool_version=string(meta.get("cli_version")),
        entrypoint=string(meta.get("originator")) or string(source),
    )


def _see_ancestor(state: State, id: str | None, meta: dict[str, Any]) -> None:
    """Note that a copy has begun; the last ancestor named before any tokens is the outermost."""
    state.replay = Replay.COPYING
    state.is_inherited = True
    if state.total is None:
        state.family = identifier(meta.get("forked_from_id")) or id or state.family


def is_copied(reading: Reading, entry: Entry, kind: str, event: str | None) -> bool:
    """Tell whether a record is a copy of what another session wrote."""
    state = reading.state
    state.has_records = True
    turn = _turn_of(entry, kind, event)
    if turn is not None:
        state.is_foreign = turn.startswith(_IMPORTED_TURN)
    if state.replay is Replay.MAYBE or state.replay is Replay.COPYING:
        _watch(state, entry, turn, event)
    return state.replay is Replay.COPYING or state.is_foreign


def _turn_of(entry: Entry, kind: str, event: str | None) -> str | None:
    starts_turn = kind == "turn_context" or (kind == "event_msg" and event in _TURN_STARTS)
    return string(entry.payload.get("turn_id")) if starts_turn else None


def _watch(state: State, entry: Entry, turn: str | None, event: str | None) -> None:
    """Note what a record says about where the copy begins or ends."""
    at = entry.at.timestamp() if entry.at else None
    is_own = _is_own(state, entry, at, _began(entry, turn, event))
    if is_own:
        _end(state)
    elif is_own is False:
        state.replay = Replay.COPYING
        state.copied_at = at


def _is_own(state: State, entry: Entry, at: float | None, began: float | None) -> bool | None:
    """Tell what a record proves; None when it proves nothing."""
    started, is_copying = state.started, state.replay is Replay.COPYING
    if state.start_ordinal is not None and entry.ordinal is not None:
        return entry.ordinal >= state.start_ordinal
    if began is not None and started is not None:
        is_own = began >= int(started)
        if not is_own and not is_copying and not state.is_fork:
            return None  # a wrong clock is likelier than a copy without anything else of one
        state.has_markers = state.has_markers or not is_own
        return is_own
    if at is None:
        return None
    if started is not None and at < started - _PAUSE_S:
        return False
    if not is_copying or state.has_markers:
        return None
    return state.copied_at is not None and at - state.copied_at > _PAUSE_S


def _began(entry: Entry, turn: str | None, event: str | None) -> float | None:
    """Return when the turn that this record begins was started, if that can be known."""
    if turn is None and event not in _TURN_STARTS:
        return None
    told = entry.payload.get("started_at")
    if (type(told) is int or type(told) is float) and 0 < told < _LATEST_MS:
        return told / 1000 if told > _LATEST_S else float(told)
    at: datetime | None = when(told)
    return at.timestamp() if at else _time_of_id(turn)


def _time_of_id(id: str | None) -> float | None:
    """Return when a UUID of version 7 was made."""
    if id is None or not is_thread_id(id) or id[14] != "7":
        return None
    return int(id[:8] + id[9:13], 16) / 1000


def _end(state: State) -> None:
    """Leave the copy behind: from here on everything is the session's own."""
    if state.replay is Replay.COPYING:
        state.is_inherited = True
    state.replay = Replay.OVER
    state.unnamed = []
    state.turn = None
