"""What the readers of line-by-line tools have in common: a draft that knows what it said before.

Facts are told once and again when they change, a tool's request waits for its result. What must be
known between two calls is a `Memory`: it is written to disk unmasked beside the cursor, so it holds
ids, plain names, numbers and digests, never text of a transcript (D10), and its size is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources import saved
from claude_code_tracer.sources.changes import Change, nothing
from claude_code_tracer.sources.draft import Draft, Part, path_text
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.saved import SavedFacts
from claude_code_tracer.sources.source import Line, Parsed, Transcript
from claude_code_tracer.sources.values import bounded, identifier, string

__all__ = [
    "Memory",
    "OpenTool",
    "Reading",
    "arguments_of",
    "call_key",
    "plain_name",
    "put",
]

_KEPT_TOOLS = 128
_FACT_CHARS = 1000
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_:.-]{1,64}")

_V = TypeVar("_V")


class OpenTool(msgspec.Struct, array_like=True):
    """A tool call whose result has not come yet; lines only when it is an edit."""

    name: str
    added: int | None = None
    removed: int | None = None


class Memory(SavedFacts, omit_defaults=True):
    """What the lines of a file that come later need to know of those before."""

    is_opened: bool = False
    has_root: bool = False
    tools: dict[str, OpenTool] = msgspec.field(default_factory=dict)


M = TypeVar("M", bound=Memory)


class Reading(Draft, Generic[M]):
    """One file being read; `memory` is what its lines so far left behind."""

    def __init__(self, file: Transcript, memory: M, **first: str | None) -> None:
        """`first`: what the file's name says of its session, told with the first fact."""
        super().__init__(file.source)
        self.file = file
        self.memory = memory
        self.native = file.session
        self._first = first

    def done(self) -> Parsed:
        """Return what `parse` must return."""
        return self.parsed(self.memory.save())

    def tell(self, revision: int, **facts: object) -> None:
        """Tell what of `facts` is a text and news; the first time also which file this is."""
        memory = self.memory
        new: dict[str, Any] = {}
        for name, value in facts.items():
            text = string(value)
            if text and memory.see_fact(name, text[:_FACT_CHARS]):
                new[name] = text
        if "cwd" in new and not memory.has_root:
            memory.has_root = True
            new["project_root"] = new["cwd"]
        if not memory.is_opened:
            memory.is_opened = True
            new |= {"path": path_text(self.file.path), **self._first}
        if new:
            self.session(self.native, revision, **new)

    def tell_title(self, revision: int, text: object, kind: str) -> None:
        """Tell a title of a kind in `model.TITLE_RANKS`, unless it was the last one of its kind."""
        if (line := string(text)) and self.memory.see_fact(f"title {kind}", line[:_FACT_CHARS]):
            self.tell(revision)
            self.title(self.native, revision, line, kind)

    def tell_prompt(self, revision: int, text: str | None) -> None:
        """Take the first prompt as the title while there is no better one."""
        if text and text.strip() and "title first_prompt" not in self.memory.facts:
            self.tell_title(revision, text, "first_prompt")

    def add(
        self,
        record: Record,
        role: Role,
        kind: MessageKind,
        parts: Iterable[Part],
        *,
        at: datetime | None,
        key: str | None = None,
        session: str | None = None,
        native_id: str | None = None,
        model: str | None = None,
        flags: Iterable[str] = (),
    ) -> str:
        """Add the message that `record` is; without a `key` it is known by where it stands."""
        self.tell(record.start)
        return self.message(
            session or self.native,
            record.start,
            key or f"@{record.start}",
            role,
            kind,
            parts,
            position=record.start,
            at=at,
            native_id=native_id,
            model=model,
            flags=(*record.flags, *flags),
        )

    def add_unknown(self, record: Record, at: datetime | None, key: str | None = None) -> None:
        """Keep a record that this version does not know, as it was written."""
        part = Part("unknown", data=bounded(record.value))
        self.add(record, "system", "unknown", [part], at=at, key=key)

    def ask_tool(
        self,
        record: Record,
        call: str,
        message: str | None,
        name: str,
        input: Any,
        *,
        at: datetime | None,
        file_path: str | None = None,
        change: Change | None = None,
        session: str | None = None,
    ) -> str:
        """Add what the model asked of a tool. `change` is what it proposes: lines count later."""
        added, removed = (change.added, change.removed) if change else (None, None)
        put(self.memory.tools, call, OpenTool(plain_name(name), added, removed), _KEPT_TOOLS)
        id = self.tool_call(
            session or self.native,
            record.start,
            call,
            message=message,
            position=record.start,
            name=name,
            input=input,
            started_at=at,
            file_path=file_path,
            change=change,
        )
        self.entities[-1] = msgspec.structs.replace(
            self.entities[-1], lines_added=None, lines_removed=None
        )
        return id

    def answer_tool(
        self,
        record: Record,
        call: str,
        result: str | None,
        *,
        is_error: bool | None,
        at: datetime | None,
        change: Change | None = None,
        session: str | None = None,
        agent_session: str | None = None,
    ) -> None:
        """Add what came back from a tool; `change` is what the result itself says of an edit."""
        opened = self.memory.tools.pop(call, None)
        if change is None and opened and opened.added is not None:
            change = Change([], opened.added, opened.removed or 0)
        if change is not None and is_error:
            change = nothing()
        self.tool_call(
            session or self.native,
            record.start,
            call,
            result=result,
            is_error=is_error,
            ended_at=at,
            change=change,
            agent_session=agent_session,
        )


def put(store: dict[str, _V], key: str, value: _V, limit: int) -> None:
    """Set a value as the newest one and forget the oldest beyond `limit`."""
    store.pop(key, None)
    saved.put(store, key, value, limit)


def plain_name(name: str) -> str:
    """Return the name of a tool, or `unknown` when it may be anything."""
    return name if _PLAIN_NAME.fullmatch(name) else "unknown"


def arguments_of(value: object) -> Any:
    """Return a tool's arguments, which some tools write as JSON in a text."""
    if type(value) is not str:
        return value
    raw = value.encode("utf-8", "replace")
    found, bad = records(Line(0, len(raw), raw), lambda _: True)
    return found[0].value if len(found) == 1 and not bad else value


def call_key(record: Record, value: object, index: int) -> str:
    """Return the id of a tool call, or where it stands when the tool wrote none."""
    return identifier(value) or f"@{record.start}#{index}"
