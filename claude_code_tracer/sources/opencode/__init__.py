"""OpenCode: `~/.local/share/opencode/opencode.db`, and the JSON files it used before.

A session, its messages and their pieces are rows (or files) of their own that are rewritten while
the model works, so every entity is made from one row alone, with what it needs of others joined in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.opencode.ids import milliseconds
from claude_code_tracer.sources.opencode.layout import (
    NAME,
    Place,
    data_folders,
    place_of,
    transcript_at,
)
from claude_code_tracer.sources.opencode.messages import (
    MessageRecord,
    add_message,
    add_session,
    has_own_title,
)
from claude_code_tracer.sources.opencode.oldest import is_oldest, message_of, parts_of
from claude_code_tracer.sources.opencode.parts import PartRecord, add_part, time_of
from claude_code_tracer.sources.opencode.projected import ProjectedRecord, add_projected
from claude_code_tracer.sources.opencode.store import Store
from claude_code_tracer.sources.source import BadSpan, Fact, Line, Parsed, Shape, Transcript
from claude_code_tracer.sources.values import count, identifier, mapping

__all__ = ["OpenCode"]


class OpenCode:
    """The source `opencode`."""

    name = NAME
    label = "OpenCode"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "cost", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the data folders, whether they exist or not."""
        return data_folders(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the data folder `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn rows or documents into entities; see `Source.parse`. No state is needed."""
        draft = Store(NAME)
        read = _read_row if file.shape is Shape.ROWS else _read_document
        for line in lines:
            found, bad = records(line, lambda _: True)
            draft.bad += bad
            for record in found:
                read(draft, file, record)
        return draft.parsed()


def _read_row(draft: Store, file: Transcript, row: Record) -> None:
    value = row.value
    table, id = value.get("table"), identifier(value.get("id"))
    if id is None:
        draft.bad.append(BadSpan(row.start, row.end, "row without id"))
    elif table == "session":
        names = {"parentID": "parent_id"}
        fields = ("parentID", "directory", "title", "version")
        add_session(draft, file, id, row.start, {n: value.get(names.get(n, n)) for n in fields})
    elif table == "fork":
        _add_fork(draft, id, row)
    else:
        _read_content(draft, row, id, table)


def _add_fork(draft: Draft, id: str, row: Record) -> None:
    if origin := identifier(row.value.get("fork_session_id")):
        draft.session(id, row.start, parent=origin, relation="fork")


def _read_content(draft: Store, row: Record, id: str, table: object) -> None:
    """Read a row of a table that keeps its facts as JSON in the column `data`."""
    value = row.value
    session = identifier(value.get("session_id"))
    inner = _data_of(draft, row)
    if inner is None or session is None:
        return
    if table == "message":
        add_message(draft, _message_of_row(row, session, id, inner))
    elif table == "part":
        add_part(draft, _part_of_row(row, session, id, inner.value))
    elif table == "session_message":
        add_projected(
            draft,
            ProjectedRecord(
                session,
                id,
                value.get("type"),
                inner.value,
                row.start,
                milliseconds(value.get("time_created")),
                is_in_agent=bool(value.get("parent_id")),
                flags=inner.flags,
            ),
        )


def _data_of(draft: Store, row: Record) -> Record | None:
    """Return the object in the column `data`; None when there is none."""
    text = row.value.get("data")
    if type(text) is not str:
        draft.bad.append(BadSpan(row.start, row.end, "row without data"))
        return None
    raw = text.encode("utf-8", "replace")
    found, bad = records(Line(0, len(raw), raw), lambda _: True)
    if bad:
        draft.bad.append(BadSpan(row.start, row.end, bad[0].reason))
    return found[0] if found else None


def _message_of_row(row: Record, session: str, id: str, inner: Record) -> MessageRecord:
    value = row.value
    kinds = value.get("kinds")
    return MessageRecord(
        session,
        id,
        inner.value,
        row.start,
        milliseconds(value.get("time_created")),
        kinds=frozenset(kinds.split(",")) if type(kinds) is str else frozenset(),
        is_in_agent=bool(value.get("parent_id")),
        flags=inner.flags,
    )


def _part_of_row(row: Record, session: str, id: str, data: dict[str, Any]) -> PartRecord:
    value = row.value
    is_prompt = value.get("role") == "user" and not value.get("parent_id")
    return PartRecord(
        session,
        identifier(value.get("message_id")) or id,
        id,
        data,
        row.start,
        is_row=True,
        created_ms=milliseconds(value.get("message_created")),
        model=value.get("model"),
        provider=value.get("provider"),
        repeats=count(value.get("repeats")) or 0,
        is_first_prompt=is_prompt and not has_own_title(value.get("title")),
    )


def _read_document(draft: Store, file: Transcript, record: Record) -> None:
    place = place_of(file.path)
    data = record.value
    if place is None:
        draft.bad.append(BadSpan(record.start, record.end, "not below storage"))
        return
    id = identifier(data.get("id")) or place.names[-1]
    if place.kind == "session":
        revision = milliseconds(mapping(data.get("time")).get("updated")) or record.end
        add_session(draft, file, id, revision, data)
    elif place.kind == "message":
        _read_message_file(draft, record, place, id)
    else:
        _read_part_file(draft, record, place, id)


def _read_message_file(draft: Store, record: Record, place: Place, id: str) -> None:
    data = message_of(record.value) if is_oldest(record.value) else record.value
    session = identifier(data.get("sessionID")) or (place.names[-2:-1] or (None,))[0]
    if session is None:
        draft.bad.append(BadSpan(record.start, record.end, "names no session"))
        return
    revision = time_of(data) or record.end
    created = milliseconds(mapping(data.get("time")).get("created"))
    add_message(draft, MessageRecord(session, id, data, revision, created, flags=record.flags))
    for part in parts_of(record.value) if data is not record.value else []:
        add_part(draft, PartRecord(session, id, part["id"], part, revision))


def _read_part_file(draft: Store, record: Record, place: Place, id: str) -> None:
    data = record.value
    names = place.names
    session = identifier(data.get("sessionID")) or (names[0] if len(names) > 2 else None)
    message = identifier(data.get("messageID")) or (names[-2] if len(names) > 1 else None)
    if session is None or message is None:
        draft.bad.append(BadSpan(record.start, record.end, "names no session"))
        return
    add_part(draft, PartRecord(session, message, id, data, time_of(data) or record.end))
