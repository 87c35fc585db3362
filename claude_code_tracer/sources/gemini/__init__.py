"""Gemini CLI: `~/.gemini/tmp/<project>/chats/session-*.json` and, from 0.40 on, `.jsonl`.

The first is one document that is rewritten after every turn, the second grows; resuming the first
makes the second beside it: one session in two files, told apart by nothing but the id in them.
Which folder a project is stands in other files: here it is known when the session says its
`directories` (a subagent's, or one after `/dir add`) or names a path inside it (see `project`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from claude_code_tracer.sources.gemini.conversation import Conversation, is_record
from claude_code_tracer.sources.gemini.documents import read_document
from claude_code_tracer.sources.gemini.layout import NAME, chat_folders, transcript_at
from claude_code_tracer.sources.gemini.state import State
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import Fact, Line, Parsed, Shape, Transcript

__all__ = ["Gemini"]


class Gemini:
    """The source `gemini`."""

    name = NAME
    label = "Gemini CLI"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the `tmp` folder, whether it exists or not."""
        return chat_folders(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the `tmp` folder `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a transcript into entities; see `Source.parse`."""
        if file.shape is Shape.DOCUMENT:
            conversation = Conversation(self.name, file, State())
            for line in lines:
                _read_document(conversation, line)
            return conversation.draft.parsed()
        conversation = Conversation(self.name, file, State.load(state))
        for line in lines:
            found, bad = records(line, is_record)
            conversation.draft.bad += bad
            for record in found:
                conversation.read_line(record.value, record.start, record.flags)
        return conversation.draft.parsed(conversation.state.save())


def _read_document(conversation: Conversation, line: Line) -> None:
    document = read_document(line, is_record)
    conversation.draft.bad += document.bad
    if document.value is not None:
        conversation.read_document(document.value, line.end, document.flags)
    for record in document.lines:
        conversation.read_line(record.value, record.start, record.flags)
