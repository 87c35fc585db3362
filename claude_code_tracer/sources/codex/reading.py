"""One rollout being read: what every handler of a record needs to add what it found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any

import msgspec

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import Block, MessageKind, Role
from claude_code_tracer.sources.codex.layout import NAME, rollout_id
from claude_code_tracer.sources.codex.state import OpenAnswer, OpenPrompt, State
from claude_code_tracer.sources.draft import BLOCKS_PER_BYTE, Draft, Part, path_text
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.values import bounded, clip, one_line

__all__ = ["Entry", "Reading"]

_PROMPT_ITEM, _PROMPT_EVENT = 1, 2


class Entry(msgspec.Struct, frozen=True):
    """One record: its payload and what stands around it."""

    payload: dict[str, Any]
    start: int
    at: datetime | None
    flags: tuple[str, ...] = ()
    ordinal: int | None = None


class Reading:
    """What one call of `parse` is making of its lines."""

    def __init__(self, file: Transcript, state: bytes | None) -> None:
        self.state = State.load(state)
        self.draft = Draft(NAME)
        self.file = file
        self._rollout = rollout_id(file.path)
        # Every item of a response asks for the id of the message that the response is.
        self._message_id = cache(partial(record_id, "message"))

    @property
    def session(self) -> str:
        """The native id of the session: what the file says of itself, else its name."""
        return self.state.session or self.file.session

    def key(self, start: int) -> str | int:
        """Return what identifies a record within its session, which may have several files."""
        return f"{self._rollout}@{start}" if self._rollout else start

    def position(self, start: int) -> int:
        """Return where a record stands in its session."""
        return self.state.base + start

    # Session facts -----------------------------------------------------------------------------

    def tell(self, revision: int, **facts: Any) -> None:
        """Add the facts about this session that are new."""
        state = self.state
        new = {
            name: value
            for name, value in facts.items()
            if type(value) is str and value and state.see_fact(name, value)
        }
        if "cwd" in new and not state.has_root:
            state.has_root = True
            new["project_root"] = new["cwd"]
        if not state.is_opened:
            state.is_opened = True
            new["path"] = path_text(self.file.path)
        if new:
            self.draft.session(self.session, self.position(revision), **new)

    def title(self, revision: int, text: object, kind: str) -> None:
        """Add a title of a known kind, unless it was the last one of that kind."""
        if type(text) is str and one_line(text) and self.state.see_fact(f"title_{kind}", text):
            self.draft.title(self.session, self.position(revision), text, kind)

    def prompt_title(self, revision: int, text: str, *, is_event: bool) -> None:
        """Take the first prompt as the title; one told by an event is surely a prompt.

        Of first prompts the older wins, so that one is told as older than all.
        """
        rank = _PROMPT_EVENT if is_event else _PROMPT_ITEM
        if self.state.title_from < rank and one_line(text):
            is_correction = self.state.title_from == _PROMPT_ITEM
            self.state.title_from = rank
            self.title(0 if is_correction else revision, text, "first_prompt")

    # Messages ----------------------------------------------------------------------------------

    def message(
        self,
        entry: Entry,
        role: Role,
        kind: MessageKind,
        parts: Sequence[Part],
        *,
        native_id: str | None = None,
        flags: Sequence[str] = (),
    ) -> str | int:
        """Add a message that is one record, and return its key."""
        self._open(entry)
        key = self.key(entry.start)
        self.draft.message(
            self.session,
            entry.start,
            key,
            role,
            kind,
            parts,
            position=self.position(entry.start),
            at=entry.at,
            native_id=native_id,
            flags=(*entry.flags, *flags),
        )
        return key

    def notice(
        self, entry: Entry, text: str | None, data: Any = None, flags: Sequence[str] = ()
    ) -> None:
        """Add something that happened."""
        self.close_answer()
        parts = [Part("text", text, data=data)] if text or data else []
        self.message(entry, "system", "notice", parts, flags=flags)

    def retell(self, entry: Entry, prompt: OpenPrompt, kind: MessageKind) -> None:
        """Say again what kind of message one was, now that it is known."""
        self.draft.message(
            self.session,
            entry.start,
            prompt.key,
            "user",
            kind,
            (),
            position=prompt.position,
            at=prompt.at,
        )

    def add_block(self, entry: Entry, message: str | int, part: Part, index: int = 0) -> bool:
        """Add one more block to a message that an earlier record began; False: not all of it."""
        text = None if part.text is None else clip(part.text)
        self.draft.entities.append(
            Block(
                source=NAME,
                session=self.session,
                revision=entry.start,
                id=record_id("block", self.key(entry.start), index),
                message=self._message_id(message),
                position=self.position(entry.start) * BLOCKS_PER_BYTE + index,
                kind=part.kind,
                text=text,
                tool_call=part.tool_call,
                data=None if part.data is None else bounded(part.data),
            )
        )
        return text is part.text

    # Answers -----------------------------------------------------------------------------------

    def answer(
        self,
        entry: Entry,
        parts: Sequence[Part],
        native_id: str | None = None,
        *,
        is_aside: bool = False,
    ) -> None:
        """Add items of a response: one response is one message, however many items it has.

        What a script of the last response did stands aside: it belongs to that response, too.
        """
        if not parts:
            return
        self.settle_prompts(entry)
        opened = self.state.answer
        if opened is None or not (is_aside or self.state.is_answering):
            opened = self._begin_answer(entry, native_id)
        is_whole = True
        for index, part in enumerate(parts):
            is_whole &= self.add_block(entry, opened.key, part, index)
        if not is_whole or entry.flags:
            flags = entry.flags if is_whole else (*entry.flags, "truncated")
            self._tell_answer(entry, opened, None, flags)

    def answer_id(self) -> str | None:
        """Return the id of the message that the last response is."""
        opened = self.state.answer
        return self._message_id(opened.key) if opened else None

    def close_answer(self) -> None:
        """Note that what comes next is of another response."""
        self.state.is_answering = False

    def leave_answer(self) -> None:
        """Note that what comes next has nothing to do with the last response."""
        self.state.is_answering = False
        self.state.answer = None

    def _begin_answer(self, entry: Entry, native_id: str | None) -> OpenAnswer:
        self._open(entry)
        state = self.state
        key, position = self.key(entry.start), self.position(entry.start)
        opened = state.answer = OpenAnswer(key, position, entry.at, state.model)
        state.is_answering = True
        self._tell_answer(entry, opened, native_id, ())
        return opened

    def _tell_answer(
        self, entry: Entry, opened: OpenAnswer, native_id: str | None, flags: Sequence[str]
    ) -> None:
        self.draft.message(
            self.session,
            entry.start,
            opened.key,
            "assistant",
            "answer",
            (),
            position=opened.position,
            at=opened.at,
            native_id=native_id,
            model=opened.model,
            flags=flags,
        )

    def settle_prompts(self, entry: Entry) -> None:
        """Decide what the user's messages were, now that the model acts.

        A version that tells prompts as events tells all of them: what it did not tell, the tool
        put in.
        """
        state = self.state
        if state.prompts and state.has_prompt_events:
            for prompt in state.prompts:
                self.retell(entry, prompt, "injected")
        state.prompts = []

    def _open(self, entry: Entry) -> None:
        if not self.state.is_opened:
            self.tell(entry.start)
