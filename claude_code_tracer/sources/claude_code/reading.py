"""One file being read: the entities it gives so far, filled by the handlers of the record types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import (
    TITLE_RANKS,
    Block,
    Entity,
    Message,
    MessageKind,
    Role,
    Session,
)
from claude_code_tracer.sources.claude_code.layout import NAME, agent_session
from claude_code_tracer.sources.claude_code.state import SeenMessage, State
from claude_code_tracer.sources.draft import BLOCKS_PER_BYTE, Part, path_text
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.source import BadSpan, Transcript
from claude_code_tracer.sources.values import clip, identifier, one_line, string, when

__all__ = ["Reading", "line_id_of", "message_id_of"]

_FACT_CHARS = 1000
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Reading:
    """What one call of `parse` is making of its lines."""

    def __init__(self, file: Transcript, state: bytes | None) -> None:
        self.entities: list[Entity] = []
        self.bad: list[BadSpan] = []
        self._file = file
        self.state = State.load(state)
        self._facts_told: tuple[object, ...] = ()
        agent_id = file.session.rpartition("/")[2]
        self._is_beside = file.parent is None and agent_id.startswith("agent-")
        self.is_agent = file.parent is not None or self._is_beside
        self._agent_id = agent_id.removeprefix("agent-") if self.is_agent else None
        self.is_replay = (self._agent_id or "").startswith("acompact-")
        """A compaction's own file repeats messages of the session that it compacts."""
        self._name()

    def save(self) -> bytes:
        """Return the state for the next call."""
        return self.state.save()

    def _name(self) -> None:
        """Settle which session this is: an old agent's file names its parent only inside."""
        self.parent = self._file.parent or self.state.parent
        if self.parent and self._agent_id:
            self.session = agent_session(self.parent, self._agent_id)
        else:
            self.session = self._file.session
        self.root_session = self.parent or self.session

    # Session facts -----------------------------------------------------------------------------

    def chain(self, record: Record) -> None:
        """Note what a record of the conversation says about its session."""
        value = record.value
        if self._is_beside and self.parent is None:
            self._adopt(value)
        if uuid := string(value.get("uuid")):
            self.state.see_uuid(uuid)
        told = (
            value.get("cwd"),
            value.get("gitBranch"),
            value.get("version"),
            value.get("entrypoint"),
        )
        if told == self._facts_told and self.state.is_opened:
            return
        self._facts_told = told
        names = ("cwd", "branch", "tool_version", "entrypoint")
        new = {
            name: text[:_FACT_CHARS]
            for name, fact in zip(names, told, strict=True)
            if (text := string(fact)) and self.state.see_fact(name, text)
        }
        if "cwd" in new and not self.state.has_root:
            self.state.has_root = True
            new["project_root"] = new["cwd"]
        if new or not self.state.is_opened:
            self.session_fact(record.start, **new)

    def _adopt(self, value: dict[str, Any]) -> None:
        parent = string(value.get("sessionId"))
        if parent and _PLAIN_ID.fullmatch(parent):
            self.state.parent = parent
            self._name()

    def session_fact(self, revision: int, **facts: Any) -> None:
        """Add facts about this session, the first time with what its file says about it."""
        if not self.state.is_opened:
            self.state.is_opened = True
            facts["path"] = path_text(self._file.path)
            if self.is_agent:
                facts |= {"relation": "subagent", "agent_id": self._agent_id}
                facts["parent"] = self.parent
        self.entities.append(Session(source=NAME, session=self.session, revision=revision, **facts))

    def title(self, revision: int, text: object, kind: str) -> None:
        """Add a title of a known kind, unless it was the last one of that kind."""
        line = one_line(text) if type(text) is str else ""
        if line and self.state.see_fact(f"title_{kind}", line):
            self.session_fact(revision, title=line, title_rank=TITLE_RANKS[kind])

    def first_prompt(self, revision: int, text: str) -> None:
        """Take the first prompt as the title while there is no better one."""
        if not self.state.has_first_prompt and one_line(text):
            self.state.has_first_prompt = True
            self.title(revision, text, "first_prompt")

    def has_seen_uuid(self, uuid: object) -> bool:
        """Tell whether a record with this uuid was among the last ones of this file."""
        return type(uuid) is str and self.state.has_seen_uuid(uuid)

    # Messages ----------------------------------------------------------------------------------

    def message(
        self,
        record: Record,
        role: Role,
        kind: MessageKind,
        parts: Iterable[Part],
        *,
        id: str | None = None,
        native_id: str | None = None,
        model: str | None = None,
        flags: Iterable[str] = (),
    ) -> None:
        """Add a message, or one more line of it, with its blocks."""
        value = record.value
        line_id = line_id_of(record)
        id = id or message_id_of(record)
        at = when(value.get("timestamp"))
        odd = {*record.flags, *flags}
        if at is None:
            odd.add("no_timestamp")
        blocks = [self._block(record, line_id, id, i, part, odd) for i, part in enumerate(parts)]
        if not self.state.is_opened:
            self.session_fact(record.start)
        seen = self._see(id, record.start, at, odd)
        if seen:
            is_aside = value.get("isSidechain") is True and not self.is_agent
            self.entities.append(
                Message(
                    source=NAME,
                    session=self.session,
                    revision=record.start,
                    id=id,
                    native_id=native_id or uuid_of(record),
                    position=seen.position,
                    role=role,
                    kind=kind,
                    at=seen.at,
                    model=model,
                    is_sidechain=True if is_aside else None,
                    flags=seen.flags or None,
                )
            )
        self.entities.extend(blocks)

    def _see(
        self, id: str, position: int, at: datetime | None, odd: set[str]
    ) -> SeenMessage | None:
        """Return what is known of a message, or None when this line adds nothing to it."""
        seen = self.state.messages.get(id)
        if seen is None:
            seen = SeenMessage(position, at, sorted(odd))
            self.state.see_message(id, seen)
        elif odd <= set(seen.flags) and (at is None or seen.at is not None):
            return None
        else:
            seen.flags = sorted({*seen.flags, *odd})
            seen.at = seen.at or at
        return seen

    def _block(
        self, record: Record, line_id: str, message: str, index: int, part: Part, odd: set[str]
    ) -> Block:
        text = part.text
        if text is not None:
            text = clip(text)
            if text is not part.text:
                odd.add("truncated")
        return Block(
            source=NAME,
            session=self.session,
            revision=record.start,
            id=record_id("block", line_id, index),
            message=message,
            position=record.start * BLOCKS_PER_BYTE + index,
            kind=part.kind,
            text=text,
            tool_call=part.tool_call,
            data=part.data,
        )


def message_id_of(record: Record, native_id: str | None = None) -> str:
    """Return the id of the message that a record is, or is one line of."""
    return record_id("message", native_id or line_id_of(record))


def line_id_of(record: Record) -> str:
    """Return what identifies a record within its session: its uuid, else where it stands."""
    return uuid_of(record) or f"@{record.start}"


def uuid_of(record: Record) -> str | None:
    """Return the id that Claude Code gave to a record."""
    return identifier(record.value.get("uuid"))
