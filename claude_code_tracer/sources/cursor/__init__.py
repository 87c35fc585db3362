"""Cursor: the IDE, its agent's transcripts and the `cursor-agent` command.

One conversation can stand in several stores, under one id: what the agent writes beside a project
(`.jsonl`, in late 2025 `.txt` with a `.json` twin), the databases of the IDE (`state.vscdb`) and
those of the command (`store.db`). Only the databases know results, models, tokens and exact times.
What two of them say of a conversation has no ids in common, so the best that has it is read: its
`rank` stands in `layout`.
Nothing of it is documented, so every field is taken as if it could be anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from claude_code_tracer.sources.cursor.chats import read_chat
from claude_code_tracer.sources.cursor.composers import read_composers
from claude_code_tracer.sources.cursor.layout import META, NAME, STORE, roots, transcript_at
from claude_code_tracer.sources.cursor.meta import read_meta
from claude_code_tracer.sources.cursor.state import State
from claude_code_tracer.sources.cursor.transcripts import read_transcript
from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.source import Fact, Line, Parsed, Shape, Transcript

__all__ = ["Cursor"]


class Cursor:
    """The source `cursor`."""

    name = NAME
    label = "Cursor"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the folders of all stores, whether they exist or not."""
        return roots(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn a document or rows of a database into entities; see `Source.parse`."""
        draft = Draft(NAME)
        if file.shape is not Shape.ROWS:
            for line in lines:
                (read_meta if file.path.name == META else read_transcript)(draft, file, line)
            return draft.parsed()
        known = State.load(state)
        (read_chat if file.path.name == STORE else read_composers)(draft, file, lines, known)
        return draft.parsed(known.save())
