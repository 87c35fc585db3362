"""Cline and its fork Roo Code: agents inside editors of the VS Code family.

Both keep a folder for every task, `tasks/<id>/`, with documents that are rewritten as a whole:
`ui_messages.json` (all that is replayed and counted), and small ones with facts about the task.
Which model answered stands in it or in a file beside it; see `models`.
Cline's command line of 2026 keeps sessions in another layout; see `sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.cline.documents import items_of
from claude_code_tracer.sources.cline.layout import (
    MESSAGES,
    extension_folders,
    session_folders,
    session_transcript,
    task_folders,
    task_transcript,
)
from claude_code_tracer.sources.cline.models import Models
from claude_code_tracer.sources.cline.sdk import read_manifest, read_session
from claude_code_tracer.sources.cline.tasks import Task, request_times
from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import Fact, Line, Parsed, Transcript
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import identifier, mapping, string

__all__ = ["Cline", "RooCode"]

_CLINE = "saoudrizwan.claude-dev"
_ROO = "rooveterinaryinc.roo-cline"


class Cline:
    """The source `cline`."""

    name = "cline"
    label = "Cline"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "cost", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the folders of tasks and sessions, whether they exist or not."""
        folders = extension_folders(_CLINE, env, user_home)
        return [*folders, *task_folders(env, user_home), *session_folders(env, user_home)]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below `root` holds, or None when it is no transcript."""
        found = task_transcript(self.name, _CLINE, root, path)
        if found or root.name in ("tasks", "profiles"):
            return found
        return session_transcript(self.name, root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn a document into entities; see `Source.parse`."""
        return _parse(file, lines, is_roo=False)


class RooCode:
    """The source `roo`."""

    name = "roo"
    label = "Roo Code"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "cost", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the folders of tasks, whether they exist or not."""
        return extension_folders(_ROO, env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below `root` holds, or None when it is no transcript."""
        return task_transcript(self.name, _ROO, root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn a document into entities; see `Source.parse`."""
        return _parse(file, lines, is_roo=True)


def _parse(file: Transcript, lines: Sequence[Line], *, is_roo: bool) -> Parsed:
    """Read a version of a document, which holds all that an older one did, and its companions."""
    if not lines:
        return Parsed([], [], b"")
    line = lines[0]
    if file.path.name in MESSAGES:
        items, bad = items_of(line)
        models = Models(lines[1:], request_times(items))
        task = Task(file, line.end, models, is_roo=is_roo)
        task.read(items)
        draft = task.draft
    else:
        found, bad = records(line, lambda _: False) if line.raw.strip() else ([], [])
        draft = Draft(file.source)
        for record in found[:1]:
            draft = _facts(file, record.value, line.end)
    draft.bad += bad
    return draft.parsed()


def _facts(file: Transcript, value: dict[str, Any], end: int) -> Draft:
    if file.path.name.endswith(".messages.json"):
        return read_session(file, value, end)
    if file.path.name == "history_item.json":
        return _history_item(file, value, end)
    if file.path.name == "task_metadata.json":
        return _metadata(file, value, end)
    return read_manifest(file, value, end)


def _history_item(file: Transcript, value: dict[str, Any], end: int) -> Draft:
    """Read Roo Code's entry of a task in its history: where it worked and who began it."""
    draft = Draft(file.source)
    ts = value.get("ts")
    revision = int(ts) if from_epoch_ms(ts) and ts else end
    parent = identifier(value.get("parentTaskId"))
    cwd = string(value.get("workspace")) or string(value.get("cwdOnTaskInitialization"))
    draft.session(
        file.session,
        revision,
        cwd=cwd,
        project_root=cwd,
        parent=parent,
        relation="subagent" if parent else None,
        agent_type=string(value.get("mode")) if parent else None,
    )
    draft.title(file.session, revision, value.get("title"), "custom")
    return draft


def _metadata(file: Transcript, value: dict[str, Any], end: int) -> Draft:
    """Read Cline's notes on a task: with which version, in which editor."""
    draft = Draft(file.source)
    history = value.get("environment_history")
    newest = mapping(history[-1]) if type(history) is list and history else {}
    ts = newest.get("ts")
    revision = int(ts) if from_epoch_ms(ts) and ts else end
    version, host = string(newest.get("cline_version")), string(newest.get("host_name"))
    if version or host:
        draft.session(file.session, revision, tool_version=version, entrypoint=host)
    draft.title(file.session, revision, value.get("title"), "generated")
    return draft
