"""`meta.json` beside a chat of `cursor-agent`: its title and folder."""

from __future__ import annotations

from claude_code_tracer.sources.cursor.folders import is_placeholder
from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import Line, Transcript
from claude_code_tracer.sources.values import count, string

__all__ = ["read_meta"]


def read_meta(draft: Draft, file: Transcript, line: Line) -> None:
    """Add what one version of the file says; a chat without a word is no session yet."""
    found, bad = records(line, lambda _: False)
    draft.bad += bad
    value = found[0].value if found else {}
    title = value.get("title")
    if not value.get("hasConversation", bool(string(title))):
        return
    revision = count(value.get("updatedAtMs"), 2**53) or line.end
    cwd = string(value.get("cwd")) or string(value.get("workspacePath"))
    draft.session(file.session, revision, project_root=cwd, cwd=cwd)
    if not is_placeholder(title):
        draft.title(file.session, revision, title, "generated")
