"""Codex CLI: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`, one file for each thread.

One line is one record: `{timestamp, type, payload}`. The conversation (`response_item`), what was
shown (`event_msg`) and the settings (`turn_context`) stand side by side and say many things twice;
a fork's file begins with a copy of its parent's. Files of August 2025 have bare items instead and
no token counts. What is not known is kept as a message of kind `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.codex.events import EVENT_TYPES, SKIPPED_EVENTS
from claude_code_tracer.sources.codex.items import ITEM_TYPES, add_item
from claude_code_tracer.sources.codex.layout import NAME, rollout_folders, transcript_at
from claude_code_tracer.sources.codex.outputs import joined
from claude_code_tracer.sources.codex.reading import Entry, Reading
from claude_code_tracer.sources.codex.replay import add_session_meta, is_copied
from claude_code_tracer.sources.codex.turn_items import add_turn_item
from claude_code_tracer.sources.codex.usage import (
    add_turn_context,
    add_usage_record,
    pass_token_count,
)
from claude_code_tracer.sources.draft import Part
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.source import Fact, Line, Parsed, Transcript
from claude_code_tracer.sources.values import bounded, count, string, when

__all__ = ["SKIPPED_TYPES", "Codex"]

SKIPPED_TYPES = frozenset(
    {
        "dynamic_tools_updated",
        "inter_agent_communication_metadata",
        "realtime_item",
        "retained_context",
        "security_risk_score",
        "world_state",
    }
)

_TOLD_IN_COPIES = ("token_count", "thread_settings_applied", "task_started", "turn_started")


class Codex:
    """The source `codex`."""

    name = NAME
    label = "Codex CLI"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the folders with rollouts, whether they exist or not."""
        return rollout_folders(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the folder `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a rollout into entities; see `Source.parse`."""
        reading = Reading(file, state)
        for line in lines:
            found, bad = records(line, _is_whole)
            reading.draft.bad += bad
            for record in found:
                _read(reading, record)
        return reading.draft.parsed(reading.state.save())


def _is_whole(value: dict[str, Any]) -> bool:
    """Tell a record from an object nested in one: those have no payload beside their type."""
    return type(value.get("type")) is str and type(value.get("payload")) is dict


def _read(reading: Reading, record: Record) -> None:
    value = record.value
    kind, payload = value.get("type"), value.get("payload")
    if type(payload) is not dict or type(kind) is not str:
        _read_bare(reading, record)
        return
    ordinal = count(value.get("ordinal"))
    entry = Entry(payload, record.start, when(value.get("timestamp")), record.flags, ordinal)
    if kind == "session_meta":
        add_session_meta(reading, entry)
        return
    told = payload.get("type")
    event = told if kind == "event_msg" and type(told) is str else None
    if is_copied(reading, entry, kind, event) and not _is_told_in_copies(reading, kind, event):
        if event == "token_count":
            pass_token_count(reading, entry)
        return
    if kind in SKIPPED_TYPES or (event is not None and event in SKIPPED_EVENTS):
        return
    if not _add(reading, entry, kind, event):
        _keep(reading, entry, value)


def _is_told_in_copies(reading: Reading, kind: str, event: str | None) -> bool:
    """Tell whether a copied record says what its token counts mean: nothing else of it counts."""
    if reading.state.is_foreign:
        return False
    return kind in ("turn_context", "token_usage_record") or event in _TOLD_IN_COPIES


def _add(reading: Reading, entry: Entry, kind: str, event: str | None) -> bool:
    """Add a record; False when it is of no known type."""
    if kind == "response_item":
        return add_item(reading, entry)
    if kind != "event_msg":
        handler = _HANDLERS.get(kind)
    elif event == "item_completed":
        return add_turn_item(reading, entry)
    else:
        handler = EVENT_TYPES.get(event or "")
    if handler is None:
        return False
    handler(reading, entry)
    return True


def _keep(reading: Reading, entry: Entry, value: dict[str, Any]) -> None:
    """Keep a record that this version does not know, as it was written."""
    reading.message(entry, "system", "unknown", [Part("unknown", data=bounded(value))])


def _read_bare(reading: Reading, record: Record) -> None:
    """Read a record without an envelope: until August 2025 an item of the conversation."""
    value = record.value
    entry = Entry(value, record.start, when(value.get("timestamp")), record.flags)
    kind = value.get("type")
    if "record_type" in value:
        return
    if kind is None and string(value.get("id")) and string(value.get("timestamp")):
        add_session_meta(reading, entry)
        return
    reading.state.has_records = True
    if type(kind) is not str or kind not in ITEM_TYPES or not add_item(reading, entry):
        _keep(reading, entry, value)


def _add_compaction(reading: Reading, entry: Entry) -> None:
    """Add the summary that replaced older context; an event tells that, too."""
    state = reading.state
    text = string(entry.payload.get("message"))
    if state.see_twin("item", "compaction", ""):
        if text and state.compaction is not None:
            reading.add_block(entry, state.compaction, Part("text", text))
        return
    reading.close_answer()
    reading.message(entry, "system", "compaction", [Part("text", text)] if text else [])


def _add_communication(reading: Reading, entry: Entry) -> None:
    """Add what one agent wrote to another."""
    payload = entry.payload
    reading.close_answer()
    data = {name: string(payload.get(name)) for name in ("author", "recipient")}
    parts = [Part("text", joined(payload.get("content")), data={"injected": "agent", **data})]
    reading.message(entry, "user", "injected", parts)


_HANDLERS: dict[str, Callable[[Reading, Entry], None]] = {
    "compacted": _add_compaction,
    "inter_agent_communication": _add_communication,
    "token_usage_record": add_usage_record,
    "turn_context": add_turn_context,
}
