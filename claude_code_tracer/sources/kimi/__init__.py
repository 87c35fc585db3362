"""Kimi CLI and its successor Kimi Code: `wire.jsonl`, a log of what passed between its parts.

Kimi CLI (`~/.kimi/sessions/<digest of the folder>/<session>/wire.jsonl`) wrote messages of its own
protocol, Kimi Code (`~/.kimi-code/sessions/<folder>/<session>/agents/main/wire.jsonl`) the records
that it restores a session from. `context.jsonl` says the same again and is not read; `state.json`
has the title.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.kimi.agent_records import read_record
from claude_code_tracer.sources.kimi.state import KimiReading
from claude_code_tracer.sources.kimi.wire import read_message
from claude_code_tracer.sources.source import Fact, Line, Parsed, Shape, Transcript
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import string, when

__all__ = ["Kimi"]

_MAX_NATIVE_ID = 200
_MAIN = "main"
_AGENT_FOLDERS = ("agents", "subagents")
_STATE_KEYS = frozenset({"version", "workDir", "cwd"})


class Kimi:
    """The source `kimi`."""

    name = "kimi"
    label = "Kimi CLI"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the `sessions` folders of both programs, whether they exist or not."""
        homes = (("KIMI_SHARE_DIR", ".kimi"), ("KIMI_CODE_HOME", ".kimi-code"))
        return [_home(env.get(name, ""), user_home, own) / "sessions" for name, own in homes]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the sessions folder `root` holds; None: no transcript."""
        if not path.is_relative_to(root):
            return None
        parts = path.relative_to(root).parts
        if ".." in parts or len(parts) < 3 or parts[1].startswith("."):
            return None
        session = parts[1]
        if parts[2:] == ("state.json",):
            return self._file(path, session, None, Shape.DOCUMENT)
        if parts[2:] == ("wire.jsonl",):
            return self._file(path, session, None, Shape.LINES)
        if len(parts) == 5 and parts[2] in _AGENT_FOLDERS and parts[4] == "wire.jsonl":
            if parts[3] == _MAIN:
                return self._file(path, session, None, Shape.LINES)
            return self._file(path, f"{session}/{parts[3]}", session, Shape.LINES)
        return None

    def _file(
        self, path: Path, session: str, parent: str | None, shape: Shape
    ) -> Transcript | None:
        if len(session) > _MAX_NATIVE_ID:
            return None
        return Transcript(self.name, path, session, parent, shape)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn lines of a transcript into entities; see `Source.parse`."""
        if file.shape is Shape.DOCUMENT:
            return _state(Draft(self.name), file, lines)
        reading = KimiReading(file, state)
        for line in lines:
            found, bad = records(line, _is_whole)
            reading.bad += bad
            for record in found:
                _read(reading, record)
        return reading.done()


def _home(configured: str, user_home: Path, own: str) -> Path:
    name = configured.strip()
    if name.startswith("~/"):
        return user_home / name[2:]
    return Path(name) if name else user_home / own


def _is_whole(value: dict[str, Any]) -> bool:
    """Tell a record from an object nested in one."""
    return "timestamp" in value or ("time" in value and "type" in value)


def _read(reading: KimiReading, record: Record) -> None:
    message = record.value.get("message")
    if type(message) is dict and "payload" in message:
        read_message(reading, record, message)
    else:
        read_record(reading, record)


def _state(draft: Draft, file: Transcript, lines: Sequence[Line]) -> Parsed:
    """Add the title and the folder; either program writes it as a whole."""
    for line in lines:
        found, bad = records(line, lambda value: not _STATE_KEYS.isdisjoint(value))
        draft.bad += bad
        for record in found[:1]:
            _add_facts(draft, file.session, record)
    return draft.parsed()


def _add_facts(draft: Draft, session: str, record: Record) -> None:
    value = record.value
    updated = when(value.get("updatedAt")) or from_epoch_ms(value.get("updatedAt"))
    revision = int(updated.timestamp() * 1000) if updated else record.end
    if folder := string(value.get("workDir")) or string(value.get("cwd")):
        draft.session(session, revision, cwd=folder, project_root=folder)
    if origin := string(value.get("forkedFrom")):
        draft.session(session, revision, parent=origin[:_MAX_NATIVE_ID], relation="fork")
    is_own = value.get("isCustomTitle") is True or value.get("title_generated") is False
    is_own = is_own or value.get("titleKind") == "custom"
    title = string(value.get("title")) or string(value.get("custom_title"))
    draft.title(session, revision, title, "custom" if is_own else "generated")
    draft.title(session, revision, value.get("lastPrompt"), "last_prompt")
