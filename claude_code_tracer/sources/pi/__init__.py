"""pi: `~/.pi/agent/sessions/--<folder>--/<time>_<session>.jsonl`, and oh-my-pi, which kept it.

Line 1 is the header, every other line an entry. Version 1 wrote no entry ids; a newer pi that opens
such a file rewrites it with ids made up on the spot. A branch is a new file that begins with copies
of the entries it starts from, whose header is younger than they are. So entries are known by what
both keep: their time and a digest of what they say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.pi.entries import read_entry
from claude_code_tracer.sources.pi.state import PiMemory, session_in
from claude_code_tracer.sources.reading import Reading
from claude_code_tracer.sources.source import Fact, Line, Parsed, Transcript

__all__ = ["Pi"]

_MAX_NATIVE_ID = 200
_SESSION_FOLDER = re.compile(r"\d{4}-\d\d-\d\dT[\d-]{8,20}Z_.+")


class Pi:
    """The source `pi`."""

    name = "pi"
    label = "pi"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "cost", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the `sessions` folders of pi and of oh-my-pi, whether they exist or not."""
        if folder := env.get("PI_CODING_AGENT_SESSION_DIR", "").strip():
            return [_expand(folder, user_home)]
        if folder := env.get("PI_CODING_AGENT_DIR", "").strip():
            return [_expand(folder, user_home) / "sessions"]
        return [user_home / home / "agent" / "sessions" for home in (".pi", ".omp")]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below `root` holds; a file in a session's folder is its subagent's."""
        if path.suffix != ".jsonl" or not path.is_relative_to(root):
            return None
        parts = path.relative_to(root).parts
        if ".." in parts or len(parts) > 3 or path.stem.startswith("."):
            return None
        session, parent = session_in(path.stem), None
        if len(parts) == 3:
            if not _SESSION_FOLDER.fullmatch(parts[1]):
                return None
            parent = session_in(parts[1])
            session = f"{parent}/{session}"
        if not session or len(session) > _MAX_NATIVE_ID:
            return None
        return Transcript(self.name, path, session, parent)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a transcript into entities; see `Source.parse`."""
        facts: dict[str, str | None] = {}
        if file.parent:
            agent = file.session.rpartition("/")[2]
            facts = {"parent": file.parent, "relation": "subagent", "agent_id": agent}
        reading = Reading(file, PiMemory.load(state), **facts)
        for line in lines:
            found, bad = records(line, _is_whole)
            reading.bad += bad
            for record in found:
                read_entry(reading, record)
        return reading.done()


def _expand(name: str, user_home: Path) -> Path:
    return user_home / name[2:] if name.startswith("~/") else Path(name)


def _is_whole(value: dict[str, Any]) -> bool:
    """Tell an entry from an object nested in one: content has no ISO time."""
    return type(value.get("type")) is str and type(value.get("timestamp")) is str
