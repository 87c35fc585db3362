"""One file being read: the entities it gives so far, filled by the handlers of the record types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import Block, Message, MessageKind, Role
from claude_code_tracer.sources.draft import BLOCKS_PER_BYTE, Draft, Part, path_text
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.qwen.layout import NAME, agent_session
from claude_code_tracer.sources.qwen.state import SeenMessage, State
from claude_code_tracer.sources.saved import digest
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.values import (
    bounded,
    clip,
    identifier,
    mapping,
    one_line,
    string,
    when,
)

__all__ = ["Reading", "time_of", "uuid_of"]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Reading:
    """What one call of `parse` is making of its lines."""

    def __init__(self, file: Transcript, state: State) -> None:
        self.draft = Draft(NAME)
        self.state = state
        self._file = file
        self.is_agent = file.parent is not None
        self.is_repeat = False
        """The record has the uuid of an earlier one: a further piece of it, or a copy."""
        self._told: tuple[object, ...] = ()
        self._name()

    def _name(self) -> None:
        """Settle which session this is: the records say it, of a subagent only its parent's."""
        agent_id = self._file.session.rpartition("/")[2]
        self.root_session = self.state.session or self._file.parent or self._file.session
        if self.is_agent:
            self.root_session = self._file.parent or self.root_session
            self.session = agent_session(self.root_session, agent_id)
        else:
            self.session = self.root_session

    # Session facts -----------------------------------------------------------------------------

    def chain(self, record: Record) -> None:
        """Note what every record says about its session."""
        value = record.value
        if self.state.session is None and (session := identifier(value.get("sessionId"))):
            self.state.session = session
            self._name()
        uuid = uuid_of(record)
        self.is_repeat = bool(uuid and self.state.see_record(uuid, record.start))
        told = (value.get("cwd"), value.get("gitBranch"), value.get("version"))
        forked = mapping(value.get("forkedFrom")).get("sessionId")
        if (*told, forked) == self._told and self.state.is_opened:
            return
        self._told = (*told, forked)
        names = ("cwd", "branch", "tool_version")
        facts = {
            name: text
            for name, fact in zip(names, told, strict=True)
            if (text := string(fact)) and text != "unknown" and self.state.see_fact(name, text)
        }
        if "cwd" in facts and not self.state.has_root:
            self.state.has_root = True
            facts["project_root"] = facts["cwd"]
        parent = identifier(forked)
        if parent and parent != self.session and self.state.see_fact("forked", parent):
            facts |= {"parent": parent, "relation": "fork"}
        if facts or not self.state.is_opened:
            self.fact(record, **facts)

    def fact(self, record: Record, **facts: Any) -> None:
        """Add facts about this session, the first time with what its file says about it."""
        if not self.state.is_opened:
            self.state.is_opened = True
            facts["path"] = path_text(self._file.path)
            if self.is_agent:
                facts |= {"relation": "subagent", "parent": self._file.parent}
                facts["agent_id"] = self._file.session.rpartition("/")[2]
                facts["agent_type"] = string(record.value.get("agentName"))
        self.draft.session(self.session, record.start, **facts)

    def title(self, record: Record, text: object, kind: str) -> None:
        """Add a title, unless it was the last one of its kind: the tool repeats them."""
        line = one_line(text) if type(text) is str else ""
        if line and self.state.see_fact(f"title_{kind}", line):
            self.draft.title(self.session, record.start, line, kind)

    def first_prompt(self, record: Record, text: str) -> None:
        """Take the first prompt as the title while there is no better one."""
        if not self.state.has_first_prompt and one_line(text):
            self.state.has_first_prompt = True
            self.title(record, text, "first_prompt")

    # Messages ----------------------------------------------------------------------------------

    def message(
        self,
        record: Record,
        role: Role,
        kind: MessageKind,
        parts: list[Part],
        *,
        model: str | None = None,
        flags: Iterable[str] = (),
    ) -> str:
        """Add a message, or what a further line with its uuid adds to it, and return its id."""
        key = uuid_of(record) or f"@{record.start}"
        id = self.message_id(record)
        at = time_of(record)
        said = digest(f"{kind} {[(part.kind, part.text, part.tool_call) for part in parts]}")
        seen = self.state.messages.get(id)
        if seen is None:
            seen = SeenMessage(record.start, role, kind)
            self.state.see_message(id, seen)
        elif seen.digest == said:
            parts = []
        odd = {*record.flags, *flags, *(() if at else ("no_timestamp",))}
        blocks = [self._block(record, key, id, seen, part, odd) for part in parts]
        if parts:
            seen.digest = said
        self.draft.entities.append(
            Message(
                source=NAME,
                session=self.session,
                revision=record.start,
                id=id,
                native_id=uuid_of(record),
                position=seen.position,
                role=seen.role,
                kind=seen.kind,
                at=at,
                model=model,
                flags=sorted(odd) or None,
            )
        )
        self.draft.entities += blocks
        return id

    def _block(
        self, record: Record, key: str, message: str, seen: SeenMessage, part: Part, odd: set[str]
    ) -> Block:
        index = seen.blocks
        seen.blocks += 1
        text = None if part.text is None else clip(part.text)
        if text is not part.text:
            odd.add("truncated")
        return Block(
            source=NAME,
            session=self.session,
            revision=record.start,
            id=record_id("block", key, index),
            message=message,
            position=seen.position * BLOCKS_PER_BYTE + index,
            kind=part.kind,
            text=text,
            tool_call=part.tool_call,
            data=bounded(part.data),
        )

    def message_id(self, record: Record) -> str:
        """Return the id of the message that a record is, or is one line of."""
        return record_id("message", uuid_of(record) or f"@{record.start}")

    def unknown(self, record: Record) -> None:
        """Keep a record that this version does not know, as it was written."""
        self.message(record, "system", "unknown", [Part("unknown", data=record.value)])

    def rewound(self, record: Record) -> None:
        """Flag the messages that a rewind takes out of the conversation; they were billed."""
        parent = record.value.get("parentUuid")
        for id, seen in self.state.rewind(parent if type(parent) is str else None):
            self.draft.entities.append(
                Message(
                    source=NAME,
                    session=self.session,
                    revision=0,  # whatever else is known of it is newer
                    id=id,
                    position=seen.position,
                    role=seen.role,
                    kind=seen.kind,
                    flags=["rewound"],
                )
            )

    # Model calls -------------------------------------------------------------------------------

    def is_copy(self, record: Record) -> bool:
        """Tell whether a record was copied from the session that this one was branched off."""
        return record.value.get("forkedFrom") is not None

    def call_key(self, uuid: str) -> tuple[str, ...]:
        """Return what names a call in every copy of its record.

        A branch keeps the uuids and changes the session's id: a real uuid is enough.
        """
        return (uuid,) if _UUID.fullmatch(uuid) else (self.root_session, uuid)


def uuid_of(record: Record) -> str | None:
    """Return the id that Qwen Code gave to a record."""
    return identifier(record.value.get("uuid"))


def time_of(record: Record) -> datetime | None:
    """Return when a record was written."""
    return when(record.value.get("timestamp"))
