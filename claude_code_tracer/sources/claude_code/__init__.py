"""Claude Code: `~/.claude/projects/<slug>/<session>.jsonl` and the files of its subagents.

One line is one record; one answer is several lines with the same message id; a subagent has a file
of its own. What is not known is kept as a message of kind `unknown`. `docs` of the format: the
vendor calls it internal, so every field is taken as if it could be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.claude_code.events import (
    SKIPPED_TYPES,
    add_attachment,
    add_progress,
    add_summary,
    add_system,
    add_title,
)
from claude_code_tracer.sources.claude_code.layout import NAME, project_folders, transcript_at
from claude_code_tracer.sources.claude_code.reading import Reading
from claude_code_tracer.sources.claude_code.turns import add_assistant, add_unknown, add_user
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.source import Fact, Line, Parsed, Transcript

__all__ = ["ClaudeCode"]

Handler = Callable[[Reading, Record], None]

_HANDLERS: dict[str, Handler] = {
    "ai-title": add_title,
    "assistant": add_assistant,
    "attachment": add_attachment,
    "custom-title": add_title,
    "last-prompt": add_title,
    "progress": add_progress,
    "summary": add_summary,
    "system": add_system,
    "user": add_user,
}


class ClaudeCode:
    """The source `claude_code`."""

    name = NAME
    label = "Claude Code"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the `projects` folders, whether they exist or not."""
        return project_folders(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the projects folder `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a transcript into entities; see `Source.parse`."""
        reading = Reading(file, state)
        for line in lines:
            found, bad = records(line, _is_whole)
            reading.bad += bad
            for record in found:
                _read(reading, record)
        return Parsed(reading.entities, reading.bad, reading.save())


def _read(reading: Reading, record: Record) -> None:
    kind = record.value.get("type")
    if type(kind) is not str:
        add_unknown(reading, record)
    elif kind not in SKIPPED_TYPES:
        _HANDLERS.get(kind, add_unknown)(reading, record)


def _is_whole(value: dict[str, Any]) -> bool:
    """Tell a record from an object nested in one: those have no session and no message id."""
    return type(value.get("type")) is str and (
        "sessionId" in value or "leafUuid" in value or "messageId" in value
    )
