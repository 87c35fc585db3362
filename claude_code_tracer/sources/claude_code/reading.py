"""One file being read: the entities it gives so far, filled by the handlers of the record types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeGuard

import msgspec

from claude_code_tracer.ids import SEPARATOR, ids_of
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
from claude_code_tracer.sources.values import clip, identifier, mapping, one_line, string, when

__all__ = ["Entry", "HeldLine", "Reading", "entry_of", "event_of", "is_plain_id"]

_FACT_CHARS = 1000
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_message_id = ids_of("message")
_tool_call_id = ids_of("tool_call")
_block_id = ids_of("block")
_FACTS = ("cwd", "branch", "tool_version", "entrypoint")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record that becomes something: its value, and what every entity made of it needs."""

    value: dict[str, Any]
    start: int
    size: int
    """How many bytes of the file it takes."""
    uuid: str | None
    line_id: str
    """What identifies it within its session: its uuid, else where it stands."""
    at: datetime | None
    odd: tuple[str, ...]
    """The flags of a message made of it."""


class HeldLine(msgspec.Struct, gc=False):
    """A line with the usage of a model call, whose next line may say more."""

    start: int
    message_id: str | None
    attribution: int
    call_id: str
    model: object
    usage: dict[str, Any]
    stop_reason: object
    cost: object
    began: datetime | None
    """The time that the first line of the response says."""


def is_plain_id(value: object) -> TypeGuard[str]:
    """Tell whether `value` can name a session."""
    return type(value) is str and bool(_PLAIN_ID.fullmatch(value))


def entry_of(record: Record) -> Entry:
    """Look once at what every record of the conversation says."""
    value = record.value
    uuid = identifier(value.get("uuid"))
    at = when(value.get("timestamp"))
    odd = record.flags if at else (*record.flags, "no_timestamp")
    start = record.start
    return Entry(value, start, record.end - start, uuid, uuid or f"@{start}", at, odd)


def event_of(record: Record, key: str) -> Entry:
    """Return an entry for a record that the tool writes again and again: the same one each time.

    `key` says what it is about. Such records have no uuid, and most of them no time.
    """
    at = when(record.value.get("timestamp"))
    size = record.end - record.start
    return Entry(record.value, record.start, size, None, identifier(key) or key, at, record.flags)


class Reading:
    """What one call of `parse` is making of its lines."""

    def __init__(self, file: Transcript, state: bytes | None) -> None:
        self.entities: list[Entity] = []
        self.bad: list[BadSpan] = []
        self._file = file
        self.state = State.load(state)
        self._facts_told: tuple[object, ...] = ()
        self._message_ids: dict[str, str] = {}
        self._tool_call_ids: dict[str, str] = {}
        self.held: HeldLine | None = None
        """The last line that told of a model call, until the next one is seen."""
        self.proposals: dict[str, tuple[int, str, dict[str, Any]]] = {}
        """Edits without a result yet: where each was asked for, its tool and its arguments."""
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

    def chain(self, record: Record) -> Entry:
        """Note what a record of the conversation says about its session."""
        entry = entry_of(record)
        value = entry.value
        if self._is_beside and self.parent is None:
            self._adopt(value)
        if entry.uuid:
            self.state.uuids.append(entry.uuid)
        get = value.get
        told = (get("cwd"), get("gitBranch"), get("version"), get("entrypoint"))
        if told != self._facts_told:
            self._facts_told = told
            self._tell(entry.start, told)
        if "forkedFrom" in value and not self.is_agent:
            self._note_fork(entry.start, value["forkedFrom"])
        return entry

    def _tell(self, revision: int, told: tuple[object, ...]) -> None:
        """Add the facts that are new."""
        new = {
            name: text[:_FACT_CHARS]
            for name, fact in zip(_FACTS, told, strict=True)
            if (text := string(fact)) and self.state.see_fact(name, text)
        }
        if "cwd" in new and not self.state.has_root:
            self.state.has_root = True
            new["project_root"] = new["cwd"]
        if new or not self.state.is_opened:
            self.session_fact(revision, **new)

    def _note_fork(self, revision: int, origin: object) -> None:
        """Note which session this one was branched off; every copied record says it."""
        parent = mapping(origin).get("sessionId")
        if is_plain_id(parent) and parent != self.session and self.state.see_fact("fork", parent):
            self.session_fact(revision, parent=parent, relation="fork")

    def move(self, revision: int, cwd: object, *, root: object = None) -> None:
        """Note that the session goes on in another folder, and where its project is."""
        self._facts_told = ()  # so that the next record may say that it went back
        facts = {}
        folder, home = string(cwd), string(root)
        if home and not self.state.has_root:
            self.state.has_root = True
            facts["project_root"] = home[:_FACT_CHARS]
        if folder and self.state.see_fact("cwd", folder):
            facts["cwd"] = folder[:_FACT_CHARS]
        if facts:
            self.session_fact(revision, **facts)

    def _adopt(self, value: dict[str, Any]) -> None:
        parent = value.get("sessionId")
        if is_plain_id(parent):
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

    def title(self, revision: int, text: object, kind: str) -> bool:
        """Add a title of a known kind, unless it was the last one of it; tell if it is one."""
        line = one_line(text) if type(text) is str else ""
        if line and self.state.see_fact(f"title_{kind}", line):
            self.session_fact(revision, title=line, title_rank=TITLE_RANKS[kind])
        return bool(line)

    def first_prompt(self, revision: int, text: str) -> None:
        """Take the first prompt as the title while there is no better one."""
        if not self.state.has_first_prompt:
            self.state.has_first_prompt = self.title(revision, text, "first_prompt")

    def has_seen_uuid(self, uuid: object) -> bool:
        """Tell whether a record with this uuid was among the last ones of this file."""
        known = identifier(uuid)
        return known is not None and self.state.has_seen_uuid(known)

    # Ids: every line of an answer asks for the answer's, every result for that of its call ------

    def message_id(self, key: str) -> str:
        """Return the id of the message that `key` names in its session."""
        id = self._message_ids.get(key)
        if id is None:
            id = self._message_ids[key] = _message_id(key)
        return id

    def tool_call_id(self, call: str) -> str:
        """Return the id of the tool call with the native id `call`."""
        id = self._tool_call_ids.get(call)
        if id is None:
            id = self._tool_call_ids[call] = _tool_call_id(call)
        return id

    # Messages ----------------------------------------------------------------------------------

    def message(
        self,
        entry: Entry,
        role: Role,
        kind: MessageKind,
        parts: Sequence[Part],
        *,
        id: str | None = None,
        native_id: str | None = None,
        model: str | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        """Add a message, or one more line of it, with its blocks."""
        id = id or self.message_id(entry.line_id)
        start = entry.start
        odd = (*entry.odd, *flags) if flags else entry.odd
        blocks = []
        for index, part in enumerate(parts):
            text = part.text
            if text is not None:
                text = clip(text)
                if text is not part.text:
                    odd = (*odd, "truncated")
            blocks.append(
                Block(
                    source=NAME,
                    session=self.session,
                    revision=start,
                    id=_block_id(f"{entry.line_id}{SEPARATOR}{index}"),
                    message=id,
                    position=start * BLOCKS_PER_BYTE + index,
                    kind=part.kind,
                    text=text,
                    tool_call=part.tool_call,
                    data=part.data,
                )
            )
        if not self.state.is_opened:
            self.session_fact(start)
        seen = self._see(id, start, entry.at, odd)
        if seen:
            is_aside = entry.value.get("isSidechain") is True and not self.is_agent
            self.entities.append(
                Message(
                    source=NAME,
                    session=self.session,
                    revision=start,
                    id=id,
                    native_id=native_id or entry.uuid,
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
        self, id: str, position: int, at: datetime | None, odd: tuple[str, ...]
    ) -> SeenMessage | None:
        """Return what is known of a message, or None when this line adds nothing to it."""
        seen = self.state.messages.get(id)
        if seen is None:
            seen = SeenMessage(position, at, sorted({*odd}) if odd else [])
            self.state.see_message(id, seen)
        elif (at is None or seen.at is not None) and (not odd or {*odd} <= {*seen.flags}):
            return None
        else:
            seen.flags = sorted({*seen.flags, *odd})
            seen.at = seen.at or at
        return seen
