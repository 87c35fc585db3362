"""One message of a transcript, whichever file it comes from, and how messages become entities.

The files carry no ids, and the tool rewrites them: it drops and replaces earlier lines. So the id
of a message is made of what it says and how many before it said the same: then a later version of
the file gives the same rows again, whatever was dropped, and the two files of one session meet.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
import orjson

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.cursor.edits import asked, edited_file
from claude_code_tracer.sources.cursor.prompts import read_user_text, visible, without_thinking
from claude_code_tracer.sources.draft import Draft, Part, path_text
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.values import bounded, identifier

__all__ = ["Call", "Result", "Turn", "TurnWriter", "argument_text"]

_MAX_OPEN_CALLS = 256


class Call(msgspec.Struct):
    """What the model asked a tool for."""

    name: str
    arguments: Any = None
    native_id: str | None = None


class Result(msgspec.Struct):
    """What a tool gave back; the files rarely say more than that it did."""

    name: str | None = None
    native_id: str | None = None
    text: str | None = None
    is_error: bool | None = None


class Turn(msgspec.Struct):
    """One message of a transcript, not interpreted yet."""

    role: str
    """user, assistant, summary, or another word for what is none of these."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[Call] = []
    results: list[Result] = []
    others: list[Part] = []
    """Images, and pieces of a kind that this version does not know."""
    notice: tuple[str, str] | None = None
    """A flag and its text, of what happened beside the conversation."""
    flags: tuple[str, ...] = ()
    value: Any = None
    """A record that this version does not know, as it was written."""


class TurnWriter:
    """The messages of one version of one file, added to a draft in their order."""

    def __init__(self, draft: Draft, file: Transcript, revision: int) -> None:
        self._draft = draft
        self._session = identifier(file.session) or file.session
        self._is_agent = file.parent is not None
        self._revision = revision
        self._position = 0
        self._seen: dict[str, int] = {}
        self._last_said = ""
        self._is_turn_over = True
        self._has_title = False
        self._open_calls: list[tuple[str | None, str, str]] = []
        """Native id, name and key of the calls that no result was seen of."""
        self._path = path_text(file.path)
        self._parent = file.parent
        self._is_open = False

    def add(self, turn: Turn) -> None:
        """Add what one message says."""
        if turn.role != "tool":
            self._position += 1
            self._add_said(turn)
        for result in turn.results:
            self._add_result(result)

    def _add_said(self, turn: Turn) -> None:
        if turn.notice:
            self._add_notice(turn, *turn.notice)
        elif turn.role == "summary":
            texts = [Part("text", text) for text in turn.texts]
            self._message(
                self._key("summary", *turn.texts), "system", "compaction", texts, turn.flags
            )
        elif turn.value is not None:
            parts = [Part("unknown", data=bounded(turn.value))]
            key = self._key("unknown", _compact(turn.value))
            self._message(key, "system", "unknown", parts, turn.flags)
        elif turn.role == "user":
            self._add_user(turn)
        elif turn.role == "assistant":
            self._add_assistant(turn)

    def end_turn(self) -> None:
        """Note that the model is done: the same words from now on are a new prompt."""
        self._is_turn_over = True
        self._last_said = ""

    # What was said -----------------------------------------------------------------------------

    def _add_user(self, turn: Turn) -> None:
        said = "\n".join(turn.texts)
        typed = read_user_text(said)
        parts = typed.parts + turn.others
        if not parts:
            return
        is_prompt = typed.is_prompt or (not turn.texts and bool(turn.others))
        digest = _digest("user", said.strip(), *(_compact(part.data) for part in turn.others))
        if digest == self._last_said and not (self._is_turn_over and typed.at is None):
            return  # the tool writes a prompt again when it goes on with the same turn
        if is_prompt:
            self._last_said, self._is_turn_over = digest, False
        key = self._occurrence(digest)
        kind: MessageKind = "prompt" if is_prompt and not self._is_agent else "injected"
        if is_prompt and not self._has_title:
            self._has_title = True
            text = next((part.text for part in typed.parts if part.text and not part.data), None)
            self._draft.title(self._session, self._revision, text, "first_prompt")
        self._message(key, "user", kind, parts, turn.flags, typed.at)

    def _add_assistant(self, turn: Turn) -> None:
        thoughts, texts = list(turn.thoughts), []
        for text in turn.texts:
            found, rest = without_thinking(text)
            thoughts += found
            texts.append(visible(rest).strip())
        texts = [text for text in texts if text]
        if not (thoughts or texts or turn.calls or turn.others):
            return
        asked_for = (f"{call.name}\n{argument_text(call.arguments)}" for call in turn.calls)
        others = (_compact(part.data) for part in turn.others)
        key = self._key("assistant", *thoughts, *texts, *asked_for, *others)
        parts = [Part("thinking", thought) for thought in thoughts]
        parts += [Part("text", text) for text in texts]
        for index, call in enumerate(turn.calls):
            parts.append(Part("tool_call", tool_call=self._add_call(call, key, index)))
        self._message(key, "assistant", "answer", parts + turn.others, turn.flags)
        self._is_turn_over = not turn.calls

    def _add_notice(self, turn: Turn, flag: str, text: str) -> None:
        key = self._key("notice", flag, text)
        parts = [Part("text", text)] if text else []
        self._message(key, "system", "notice", parts, (*turn.flags, flag))

    def _message(
        self,
        key: str,
        role: Role,
        kind: MessageKind,
        parts: list[Part],
        flags: Iterable[str],
        at: datetime | None = None,
    ) -> None:
        self._open()
        self._draft.message(
            self._session,
            self._revision,
            key,
            role,
            kind,
            parts,
            position=self._position,
            at=at,
            flags=flags,
        )

    def _open(self) -> None:
        """Tell where the session stands, once it says something."""
        if not self._is_open:
            self._is_open = True
            self._draft.session(
                self._session,
                self._revision,
                path=self._path,
                parent=self._parent,
                relation="subagent" if self._is_agent else None,
                agent_id=self._session if self._is_agent else None,
            )

    # Tools -------------------------------------------------------------------------------------

    def _add_call(self, call: Call, message_key: str, index: int) -> str:
        key = call.native_id or f"{message_key}#{index}"
        self._open_calls.append((call.native_id, call.name, key))
        del self._open_calls[:-_MAX_OPEN_CALLS]
        change = asked(call.name, call.arguments)
        return self._draft.tool_call(
            self._session,
            self._revision,
            key,
            message=record_id("message", message_key),
            position=self._position,
            name=call.name,
            input=call.arguments,
            file_path=edited_file(call.name, call.arguments),
            change=change,
        )

    def _add_result(self, result: Result) -> None:
        """Give a result to its call: by id, else to the first open one of that name."""
        for index, (native_id, name, key) in enumerate(self._open_calls):
            is_named = result.name is None or result.name == name
            if native_id == result.native_id if native_id else is_named:
                del self._open_calls[index]
                if result.text or result.is_error is not None:
                    self._draft.tool_call(
                        self._session,
                        self._revision,
                        key,
                        result=result.text,
                        is_error=result.is_error,
                    )
                return

    # Ids ---------------------------------------------------------------------------------------

    def _key(self, *said: str) -> str:
        return self._occurrence(_digest(*said))

    def _occurrence(self, digest: str) -> str:
        number = self._seen[digest] = self._seen.get(digest, -1) + 1
        return f"{digest}/{number}"


def argument_text(arguments: object) -> str:
    """Return a call's arguments as the text transcripts write them, a line for each."""
    if type(arguments) is not dict:
        return arguments.strip() if type(arguments) is str else _compact(arguments)
    shown = (
        f"  {name}: {value.rstrip() if type(value) is str else _compact(value)}"
        for name, value in arguments.items()
    )
    return "\n".join(shown).strip()


def _compact(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return repr(type(value))


def _digest(*said: str) -> str:
    h = blake2b(digest_size=12)
    for text in said:
        h.update(b"%d:" % len(text))
        h.update(text.encode("utf-8", "replace"))
    return h.hexdigest()
