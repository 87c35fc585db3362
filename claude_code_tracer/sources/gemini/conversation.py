"""One conversation as it is replayed: messages by their ids, whatever file they come from.

A message is written again, in full, when its tokens or tool calls arrive: the same id is the same
message. `$set` changes the header, `$set.messages` replaces the list, `$rewindTo` drops a message
and all behind it from the conversation; they were billed and said, so they stay, flagged `rewound`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import Message, MessageKind, Role
from claude_code_tracer.sources.draft import Draft, Part, path_text
from claude_code_tracer.sources.gemini.project import folder_of, paths_in_call, paths_in_text
from claude_code_tracer.sources.gemini.state import SeenMessage, State
from claude_code_tracer.sources.gemini.tools import Turn, add_response, add_tool_calls
from claude_code_tracer.sources.genai import (
    content_items,
    content_parts,
    counts_of,
    usage_of,
    user_parts,
)
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.values import identifier, mapping, one_line, string, when

__all__ = ["Conversation", "is_record"]

_LINES_REVISION = 2**44
"""Lines are newer than any version of the document they were resumed from, whose is a time."""

_ANSWERS = {"gemini", "qwen", "model", "assistant"}
_NOTICES = {"info", "warning", "error"}
_CANCELLED = "Request cancelled."
_SNAPSHOT = "<state_snapshot>"
_NO_TITLE = ("/", "?")
_DIGEST = 64
_ONE_GO = timedelta(seconds=1)


def is_record(value: dict[str, Any]) -> bool:
    """Tell a record that stands on a line from an object nested in one."""
    if "$set" in value or "$rewindTo" in value or "$patch" in value:
        return True
    if type(value.get("id")) is str:
        return type(value.get("type")) is str and "content" in value
    return "sessionId" in value and "projectHash" in value and "messages" not in value


class Conversation:
    """What one call of `parse` is making of a chat."""

    def __init__(
        self, source: str, file: Transcript, state: State, *, is_additive: bool = True
    ) -> None:
        self.draft = Draft(source)
        self.state = state
        self._file = file
        self._is_additive = is_additive
        self.session = state.session or file.session

    # Records -----------------------------------------------------------------------------------

    def read_line(self, value: dict[str, Any], start: int, flags: tuple[str, ...] = ()) -> None:
        """Take one line of a `.jsonl`."""
        revision = _LINES_REVISION + start
        if type(value.get("$rewindTo")) is str:
            self._rewind(value["$rewindTo"])
        elif type(value.get("$set")) is dict:
            self._header(value["$set"], revision, flags)
        elif "$patch" in value:
            return  # masks old tool results in the model's context: what they said stays
        elif type(value.get("id")) is str or type(value.get("type")) is str:
            self._message(value, f"@{start}", revision, flags)
        elif "sessionId" in value or "projectHash" in value or type(value.get("messages")) is list:
            self._header(value, revision, flags)
        else:
            self._unknown(self._turn(value, f"@{start}", revision, flags))

    def read_document(
        self, value: dict[str, Any], revision: int, flags: tuple[str, ...] = ()
    ) -> None:
        """Take a whole `.json`; `revision` is used when it does not say when it was written."""
        if not ("sessionId" in value or type(value.get("messages")) is list):
            self._unknown(self._turn(value, "document", revision, flags))
            return
        messages = value.get("messages")
        items = messages if type(messages) is list else []
        times = [value.get("lastUpdated"), *(mapping(m).get("timestamp") for m in items[-1:])]
        self._header(value, max(map(_ms, map(when, times)), default=0) or revision, flags)

    def _header(self, value: dict[str, Any], revision: int, flags: tuple[str, ...]) -> None:
        if self.state.session is None and (session := identifier(value.get("sessionId"))):
            self.state.session = self.session = session
        if value.get("kind") == "subagent" or self._file.parent:
            self.state.is_agent = True
        project = value.get("projectHash")
        if "root" not in self.state.facts and type(project) is str and len(project) == _DIGEST:
            self.state.project = project
        directories = value.get("directories")
        root = string(directories[0]) if type(directories) is list and directories else None
        self._place(revision, root)
        if not self.state.is_opened:
            self._open(revision)
        summary = string(value.get("summary"))
        if summary and self.state.see_fact("summary", summary):
            self.draft.title(self.session, revision, summary, "summary")
        messages = value.get("messages")
        if type(messages) is list:
            self._checkpoint(messages, revision, flags)

    def _place(self, revision: int, root: str | None) -> None:
        """Tell which folder the session works in, when that is news."""
        if root and self.state.see_fact("root", root):
            self.state.project = None
            self._open(revision, project_root=root, cwd=root)

    def _look_for_project(self, revision: int, paths: Iterable[str]) -> None:
        if self.state.project:
            self._place(revision, folder_of(self.state.project, paths))

    def _checkpoint(self, messages: list[Any], revision: int, flags: tuple[str, ...]) -> None:
        ids = [
            self._message(mapping(message), f"#{index}", revision, flags)
            for index, message in enumerate(messages)
        ]
        if messages:
            self.state.keep_only(ids)

    def _rewind(self, id: str) -> None:
        gone = self.state.rewind(_message_id(identifier(id) or id))
        for message, seen in ((id, seen) for id, seen in gone.items() if seen.is_told):
            self.draft.entities.append(
                Message(
                    source=self.draft.source,
                    session=self.session,
                    revision=0,  # whatever else is known of it is newer
                    id=message,
                    position=seen.position,
                    role=seen.role,
                    kind=seen.kind,
                    flags=["rewound"],
                )
            )

    # Messages ----------------------------------------------------------------------------------

    def _message(
        self, value: dict[str, Any], place: str, revision: int, flags: tuple[str, ...]
    ) -> str:
        """Take a message and return its id; `place` says which it is when it has no id."""
        native_id, kind = identifier(value.get("id")), value.get("type")
        key = native_id or f"{string(kind) or ''}{place}"[:200]
        turn = self._turn(value, key, revision, flags)
        if kind == "user":
            self._user(turn)
        elif type(kind) is str and kind in _ANSWERS:
            self._answer(turn)
        elif type(kind) is str and kind in _NOTICES:
            self._notice(turn, kind)
        else:
            self._unknown(turn)
        return turn.id

    def _turn(self, value: dict[str, Any], key: str, revision: int, flags: tuple[str, ...]) -> Turn:
        at = when(value.get("timestamp"))
        id = _message_id(key)
        return Turn(value, key, id, revision, flags, at, self.state.place(id, _ms(at)))

    def _user(self, turn: Turn) -> None:
        items = _content(turn.value)
        for item in items:
            add_response(self.draft, self.session, turn.revision, mapping(item))
        shown = content_parts(content_items(turn.value.get("displayContent")))
        display = "\n".join(part.text for part in shown if part.text) if shown else None
        parts, is_typed = user_parts(items, display)
        if items and not parts:  # nothing but the results of tools
            self.state.see_message(turn.id, SeenMessage(turn.position, "user", "injected", False))
            return
        kind: MessageKind = "prompt" if is_typed and not self.state.is_agent else "injected"
        if parts and (parts[0].text or "").lstrip().startswith(_SNAPSHOT):
            kind = "compaction"
        self._add(turn, "user", kind, parts)
        if not is_typed:
            texts = (part.text or "" for part in parts)
            self._look_for_project(turn.revision, chain.from_iterable(map(paths_in_text, texts)))
        typed = next((part.text for part in parts if part.text and part.data is None), None)
        if typed and kind != "compaction":
            self._first_prompt(turn.revision, typed)

    def _answer(self, turn: Turn) -> None:
        thoughts = [_thought(item) for item in content_items(turn.value.get("thoughts"))]
        parts = [part for part in thoughts if part.text]
        items = _content(turn.value)
        parts += content_parts(items, thoughts=not parts)
        calls = add_tool_calls(self.draft, self.session, turn, items)
        parts += [Part("tool_call", tool_call=call) for call in calls]
        model = identifier(turn.value.get("model"))
        self._add(turn, "assistant", "answer", parts, model)
        asked = [mapping(call) for call in content_items(turn.value.get("toolCalls"))]
        paths = chain.from_iterable(map(paths_in_call, asked))
        self._look_for_project(turn.revision, paths)
        tokens = mapping(turn.value.get("tokens")) or mapping(turn.value.get("usageMetadata"))
        counts = counts_of(tokens)
        if counts:
            self.draft.model_call(
                self.session,
                turn.revision,
                (self.session, turn.key),
                usage_of(counts, is_additive=self._is_additive),
                message=turn.id,
                native_id=turn.key,
                model=model,
                at=turn.at,
                quality="lower_bound" if _is_merged(asked) else "exact",
            )

    def _notice(self, turn: Turn, kind: str) -> None:
        parts = content_parts(_content(turn.value))
        text = (parts[0].text or "") if parts else ""
        odd = []
        if kind == "error":
            odd.append("api_error" if "API Error" in text[:200] else "error")
        if text == _CANCELLED:
            odd.append("interrupted")
        self._add(turn, "system", "notice", parts, flags=odd)

    def _unknown(self, turn: Turn) -> None:
        self._add(turn, "system", "unknown", [Part("unknown", data=turn.value)])

    def _add(
        self,
        turn: Turn,
        role: Role,
        kind: MessageKind,
        parts: list[Part],
        model: str | None = None,
        flags: Iterable[str] = (),
    ) -> None:
        if not self.state.is_opened:
            self._open(turn.revision)
        self.draft.message(
            self.session,
            turn.revision,
            turn.key,
            role,
            kind,
            parts,
            position=turn.position,
            at=turn.at,
            native_id=identifier(turn.value.get("id")),
            model=model,
            flags=(*turn.flags, *flags),
        )
        self.state.see_message(turn.id, SeenMessage(turn.position, role, kind))

    # Session facts -----------------------------------------------------------------------------

    def _open(self, revision: int, **facts: Any) -> None:
        """Add facts, the first time with what the file's place says."""
        if not self.state.is_opened:
            self.state.is_opened = True
            facts["path"] = path_text(self._file.path)
            if self._file.parent and self._file.parent != self.session:
                facts |= {"parent": self._file.parent, "relation": "subagent"}
                facts["agent_id"] = self.session
        self.draft.session(self.session, revision, **facts)

    def _first_prompt(self, revision: int, text: str) -> None:
        is_command = text.lstrip().startswith(_NO_TITLE)
        if not self.state.has_first_prompt and not is_command and one_line(text):
            self.state.has_first_prompt = True
            self.draft.title(self.session, revision, text, "first_prompt")


def _content(value: dict[str, Any]) -> list[Any]:
    return content_items(value.get("content")) or content_items(value.get("parts"))


def _thought(item: object) -> Part:
    fields = mapping(item)
    texts = [fields.get("subject"), fields.get("description")] if fields else [item]
    return Part("thinking", "\n".join(filter(None, map(string, texts))))


def _is_merged(calls: list[dict[str, Any]]) -> bool:
    """Tell whether a message holds several responses, of which only the first was counted.

    Until 0.40 a response of nothing but tool calls was added to the message before. The calls of
    one response are noted in one go, when all have ended.
    """
    times = [at for call in calls if (at := when(call.get("timestamp")))]
    return bool(times) and max(times) - min(times) > _ONE_GO


def _message_id(key: str) -> str:
    return record_id("message", key)


def _ms(at: datetime | None) -> int:
    return int(at.timestamp() * 1000) if at else 0
