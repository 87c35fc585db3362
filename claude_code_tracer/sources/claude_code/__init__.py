"""Claude Code: `~/.claude/projects/<slug>/<session>.jsonl` and the files beside it.

One line is one record; one answer is several lines with the same message id; a subagent has a file
of its own. What is not known is kept as a message of kind `unknown`. `docs` of the format: the
vendor calls it internal, so every field is taken as if it could be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.claude_code.documents import parse_document
from claude_code_tracer.sources.claude_code.events import (
    add_attachment,
    add_continuation,
    add_cost_state,
    add_move,
    add_noted,
    add_progress,
    add_summary,
    add_system,
    add_title,
    skip,
)
from claude_code_tracer.sources.claude_code.known import SKIPPED_TYPES
from claude_code_tracer.sources.claude_code.layout import NAME, project_folders, transcript_at
from claude_code_tracer.sources.claude_code.reading import Reading
from claude_code_tracer.sources.claude_code.tools import settle_proposals
from claude_code_tracer.sources.claude_code.turns import add_assistant, add_unknown, add_user
from claude_code_tracer.sources.claude_code.usage import settle_model_call
from claude_code_tracer.sources.jsonl import Record, records, whole_record
from claude_code_tracer.sources.source import Fact, Line, Parsed, Shape, Transcript

__all__ = ["ClaudeCode"]

_AT_ONCE = 64
"""So many lines are decoded before anything is made of them: one by one, and as many as a chunk
has, take 4 % longer, because decoding and what follows push each other out of the CPU's caches."""

Handler = Callable[[Reading, Record], None]

_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(SKIPPED_TYPES, skip),
    "ai-title": add_title,
    "assistant": add_assistant,
    "attachment": add_attachment,
    "continued-in": add_continuation,
    "cost-state": add_cost_state,
    "custom-title": add_title,
    "frame-link": add_noted,
    "last-prompt": add_title,
    "pr-link": add_noted,
    "progress": add_progress,
    "relocated": add_move,
    "summary": add_summary,
    "system": add_system,
    "tag": add_noted,
    "user": add_user,
    "worktree-state": add_move,
}


class ClaudeCode:
    """The source `claude_code`."""

    name = NAME
    label = "Claude Code"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the folders that hold `projects` folders or are one, whether they exist or not."""
        return project_folders(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the projects folder `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a transcript into entities; see `Source.parse`."""
        if file.shape is Shape.DOCUMENT:
            return parse_document(file, lines)
        reading = Reading(file, state)
        for at in range(0, len(lines), _AT_ONCE):
            for record in _records(reading, lines[at : at + _AT_ONCE]):
                kind = record.value.get("type")
                add = _HANDLERS.get(kind, add_unknown) if type(kind) is str else add_unknown
                add(reading, record)
        settle_model_call(reading)
        settle_proposals(reading)
        return Parsed(reading.entities, reading.bad, reading.save())


def _records(reading: Reading, lines: Sequence[Line]) -> list[Record]:
    whole = [record for line in lines if (record := whole_record(line))]
    if len(whole) == len(lines):
        return whole
    some: list[Record] = []
    for line in lines:
        found, bad = records(line, _is_whole)
        reading.bad += bad
        some += found
    return some


def _is_whole(value: dict[str, Any]) -> bool:
    """Tell a record from an object nested in one: those have no session and no message id."""
    return type(value.get("type")) is str and (
        "sessionId" in value or "leafUuid" in value or "messageId" in value
    )
