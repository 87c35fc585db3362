"""GitHub Copilot CLI: `~/.copilot/session-state/<session>/events.jsonl` and `session-store.db`.

The events hold the conversation. What it cost stands in three places, none of which is always
there: output tokens in answers (older versions), totals per model when a session ends (not after a
crash), and one row per request in the database (newer versions). See `usage` for how they meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.copilot.events import read_event
from claude_code_tracer.sources.copilot.state import CopilotReading
from claude_code_tracer.sources.copilot.store import TABLES, read_row
from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import Fact, Line, Parsed, Shape, Transcript

__all__ = ["Copilot"]

_MAX_NATIVE_ID = 200
_STATE_FOLDER = "session-state"
_STORE = "session-store.db"


class Copilot:
    """The source `copilot`."""

    name = "copilot"
    label = "GitHub Copilot CLI"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "cost", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return Copilot's home folder, whether it exists or not."""
        configured = env.get("COPILOT_HOME", "").strip()
        if configured.startswith("~/"):
            return [user_home / configured[2:]]
        return [Path(configured) if configured else user_home / ".copilot"]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below `root` holds; None: no transcript."""
        if not path.is_relative_to(root):
            return None
        parts = path.relative_to(root).parts
        if parts == (_STORE,):
            return Transcript(self.name, path, "session-store", None, Shape.ROWS, TABLES)
        if ".." in parts or parts[:1] != (_STATE_FOLDER,):
            return None
        if len(parts) == 3 and parts[2] == "events.jsonl":
            return self._of_session(path, parts[1])
        if len(parts) == 2 and path.suffix == ".jsonl":
            return self._of_session(path, path.stem)
        return None

    def _of_session(self, path: Path, session: str) -> Transcript | None:
        if session.startswith(".") or len(session) > _MAX_NATIVE_ID:
            return None
        return Transcript(self.name, path, session)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a transcript into entities; see `Source.parse`."""
        if file.shape is Shape.ROWS:
            return self._rows(lines)
        reading = CopilotReading(file, state)
        for line in lines:
            found, bad = records(line, _is_whole)
            reading.bad += bad
            for record in found:
                read_event(reading, record)
        return reading.done()

    def _rows(self, lines: Sequence[Line]) -> Parsed:
        draft = Draft(self.name)
        for line in lines:
            found, bad = records(line, lambda value: "table" in value)
            draft.bad += bad
            for record in found:
                read_row(draft, record)
        return draft.parsed()


def _is_whole(value: dict[str, Any]) -> bool:
    """Tell an event from an object nested in one."""
    return type(value.get("type")) is str and type(value.get("data")) is dict
