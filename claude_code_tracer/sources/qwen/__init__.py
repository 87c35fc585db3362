"""Qwen Code: `~/.qwen/projects/<slug>/chats/<session>.jsonl` and the files of its subagents.

A fork of Gemini CLI with a transcript of its own: one line is one record with a uuid, content is
Google's. The first versions wrote Gemini's documents, below `~/.qwen/tmp`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.gemini.conversation import Conversation
from claude_code_tracer.sources.gemini.documents import read_document
from claude_code_tracer.sources.gemini.state import State as ConversationState
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.qwen.events import add_system
from claude_code_tracer.sources.qwen.layout import NAME, chat_folders, transcript_at
from claude_code_tracer.sources.qwen.reading import Reading
from claude_code_tracer.sources.qwen.state import State
from claude_code_tracer.sources.qwen.turns import add_assistant, add_tool_result, add_user
from claude_code_tracer.sources.source import Fact, Line, Parsed, Shape, Transcript

__all__ = ["Qwen"]

_HANDLERS: dict[str, Callable[[Reading, Record], None]] = {
    "assistant": add_assistant,
    "system": add_system,
    "tool_result": add_tool_result,
    "user": add_user,
}


class Qwen:
    """The source `qwen`."""

    name = NAME
    label = "Qwen Code"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the `projects` and `tmp` folders, whether they exist or not."""
        return chat_folders(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a transcript into entities; see `Source.parse`."""
        if file.shape is Shape.DOCUMENT:
            return _parse_document(file, lines)
        reading = Reading(file, State.load(state))
        for line in lines:
            found, bad = records(line, _is_whole)
            reading.draft.bad += bad
            for record in found:
                _read(reading, record)
        return reading.draft.parsed(reading.state.save())


def _parse_document(file: Transcript, lines: Sequence[Line]) -> Parsed:
    """Read one of the first versions' chats; if it holds lines after all, they are records."""
    chat = Conversation(NAME, file, ConversationState(), is_additive=False)
    reading = Reading(file, State())
    for line in lines:
        document = read_document(line, _is_whole)
        reading.draft.bad += document.bad
        if document.value is not None:
            chat.read_document(document.value, line.end, document.flags)
        for record in document.lines:
            _read(reading, record)
    reading.draft.entities += chat.draft.entities
    return reading.draft.parsed()


def _read(reading: Reading, record: Record) -> None:
    kind = record.value.get("type")
    reading.chain(record)
    handler = _HANDLERS.get(kind) if type(kind) is str else None
    if handler:
        handler(reading, record)
    else:
        reading.unknown(record)


def _is_whole(value: dict[str, Any]) -> bool:
    """Tell a record from an object nested in one."""
    return type(value.get("uuid")) is str and type(value.get("type")) is str
