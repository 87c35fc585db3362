"""Goose: `~/.local/share/goose/sessions/sessions.db`, and the JSONL files it used before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.draft import path_text
from claude_code_tracer.sources.goose.content import MessageRecord, add_message, plain_word
from claude_code_tracer.sources.goose.layout import NAME, session_folders, transcript_at
from claude_code_tracer.sources.goose.usage import (
    add_ledger_row,
    add_total,
    model_of,
    object_in,
)
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.reading import Memory, Reading
from claude_code_tracer.sources.source import BadSpan, Fact, Line, Parsed, Shape, Transcript
from claude_code_tracer.sources.values import count, identifier, string

__all__ = ["Goose"]

_EMPTY_TITLES = {"ACP Session", "CLI Session", "New Chat", "New session"}


class Goose:
    """The source `goose`."""

    name = NAME
    label = "Goose"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "cost", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the folders of sessions, whether they exist or not."""
        return session_folders(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the sessions folder `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn rows, or a whole file of lines, into entities; see `Source.parse`."""
        if file.shape is Shape.ROWS:
            draft = Reading(file, Memory.load(state))
            for line in lines:
                _read_row(draft, line)
            return draft.done()
        draft = Reading(file, Memory())
        for document in lines:
            _read_file(draft, document)
        return draft.parsed()


def _read_row(draft: Reading[Memory], line: Line) -> None:
    found, bad = records(line, lambda _: True)
    draft.bad += bad
    for row in found:
        value = row.value
        table = string(value.get("table")) or ""
        is_session = table in ("sessions", "totals", "old_totals")
        session = identifier(value.get("id" if is_session else "session_id"))
        if session is None:
            draft.bad.append(BadSpan(row.start, row.end, "row without session"))
        elif table == "sessions":
            _add_session(draft, session, row.start, value)
        elif table in ("totals", "old_totals"):
            add_total(draft, session, row.start, value)
        elif table == "usage_ledger":
            add_ledger_row(draft, session, row)
        elif table in ("messages", "old_messages"):
            _add_message_row(draft, session, row)


def _add_session(
    draft: Reading[Memory], session: str, revision: int, value: dict[str, Any]
) -> None:
    parent = identifier(value.get("parent_session_id"))
    folder = string(value.get("working_dir"))
    draft.session(
        session,
        revision,
        path=path_text(draft.file.path),
        project_root=folder,
        cwd=folder,
        parent=parent,
        relation="subagent" if parent else None,
        agent_type=string(value.get("agent_type")),
    )
    title = string(value.get("name")) or string(value.get("description"))
    if title and title not in _EMPTY_TITLES:
        is_own = value.get("user_set_name") in (1, True)
        draft.title(session, revision, title, "custom" if is_own else "generated")


def _add_message_row(draft: Reading[Memory], session: str, row: Record) -> None:
    value = row.value
    content = _list_in(draft, row)
    if content is None:
        return
    number = count(value.get("id")) or 0
    add_message(
        draft,
        MessageRecord(
            session,
            value.get("role"),
            value.get("created_timestamp"),
            content,
            nth=count(value.get("nth")) or 0,
            order=number,
            revision=row.start,
            metadata=object_in(value.get("metadata_json")),
            native_id=identifier(value.get("message_id")),
            session_type=string(value.get("session_type")) or "user",
            model=model_of(value),
            flags=row.flags,
        ),
    )


def _list_in(draft: Reading[Memory], row: Record) -> list[Any] | None:
    """Return the list in the column `content_json`; None when there is none."""
    text = row.value.get("content_json")
    if type(text) is str:
        raw = b'{"content":' + text.encode("utf-8", "replace") + b"}"
        found, bad = records(Line(0, len(raw), raw), lambda _: True)
        if not bad and len(found) == 1 and type(found[0].value.get("content")) is list:
            content: list[Any] = found[0].value["content"]
            return content
    draft.bad.append(BadSpan(row.start, row.end, "no list of content"))
    return None


def _read_file(draft: Reading[Memory], document: Line) -> None:
    """Read a whole JSONL file: what the session is, then its messages.

    Its first line grows with the session, so no offset in it stays what it was.
    """
    session = draft.file.session
    seen: Counter[tuple[str, str]] = Counter()
    facts: dict[str, Any] = {}
    order, first_at, at = 0, None, document.start
    for raw in document.raw.split(b"\n"):
        line = Line(at, at + len(raw), raw)
        at = line.end + 1
        found, bad = records(line, _is_message) if raw.strip() else ([], [])
        draft.bad += bad
        for record in found:
            value = record.value
            if "role" not in value and "content" not in value:
                facts |= value
                continue
            key = (plain_word(value.get("created")), plain_word(value.get("role")))
            first_at = first_at or value.get("created")
            add_message(draft, _message_of(session, record, seen[key], order))
            seen[key] += 1
            order += 1
    _add_session(draft, session, 0, facts)
    add_total(draft, session, 0, facts, first_at)


def _message_of(session: str, record: Record, nth: int, order: int) -> MessageRecord:
    value = record.value
    metadata = value.get("metadata")
    return MessageRecord(
        session,
        value.get("role"),
        value.get("created"),
        value.get("content"),
        nth=nth,
        order=order,
        revision=order,
        metadata=metadata if type(metadata) is dict else {},
        native_id=identifier(value.get("id")),
        flags=record.flags,
    )


def _is_message(value: dict[str, Any]) -> bool:
    """Tell a message behind damage from an object nested in one."""
    return "role" in value and "content" in value
