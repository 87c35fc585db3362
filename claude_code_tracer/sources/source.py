"""The contract between the engine and a tool: one Source per tool, listed in `registry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from claude_code_tracer.model import Entity

__all__ = ["BadSpan", "Fact", "Line", "Parsed", "Shape", "Source", "Table", "Transcript"]

Fact = Literal[
    "tokens",  # input and output tokens of every model call
    "model",  # which model answered
    "cost",  # what the tool itself says a call cost
    "results",  # what tool calls gave back
    "diffs",  # which lines an edit changed
    "times",  # when each message was written
]
"""Something a tool may or may not write down. What it does not write is None, never 0."""


class Shape(Enum):
    """How a file is written, and therefore read. `parse` gets Lines from each."""

    LINES = "lines"
    """It only grows, line by line: every new line once."""
    DOCUMENT = "document"
    """It is rewritten as a whole: one Line with all of it, from byte 0, after every change; behind
    it one Line for each of its `companions`."""
    ARCHIVE = "archive"
    """Zstandard-compressed lines that do not grow: read like LINES, offsets in what they hold."""
    ROWS = "rows"
    """An SQLite database: one Line for every new or changed row of its `tables`."""


@dataclass(frozen=True, slots=True)
class Table:
    """What to read of a database: a select and how to know which of its rows are new.

    `sql` may join and rename as it likes, and must give an integer column `mark` that never falls
    when a row is written or changed (a rowid, a time in ms) and a column `key` that no two of its
    rows share. A row becomes one Line: `raw` is a JSON object of its columns and `table`, `start`
    and `end` are its mark. A blob that is text arrives as text, any other as null. A database
    without such a table or column is read without it.
    """

    name: str
    sql: str
    overlap: int = 0
    """How far back of the last mark to look again, because marks can be committed out of order."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file that a source owns, and what its name alone says."""

    source: str
    path: Path
    session: str
    """Native id of the session the file holds; of a database, any name: its rows say theirs."""
    parent: str | None = None
    """Native id of the session it belongs to, for a subagent's file."""
    shape: Shape = Shape.LINES
    tables: tuple[Table, ...] = ()
    """For ROWS: what to read, in this order."""
    rank: int = 0
    """Of several stores of one session the highest is read: what a lower one says of a session that
    a higher one gave messages of is left out. What was put before that stays. Stores whose ids of
    messages agree need no rank, because their rows merge."""
    companions: tuple[Path, ...] = ()
    """For DOCUMENT: files read together with it, each a further Line behind it, in this order, as
    if all were written one behind the other; one that is missing or too large has no bytes. Only
    the document is watched: a companion that changed alone is read with the document's next change,
    or when the tracer starts again."""

    def __post_init__(self) -> None:
        # F46: bytes of a name that are no UTF-8 are written out, because nobody can store them.
        for name in ("session", "parent"):
            text = getattr(self, name)
            if text and not text.isascii():
                object.__setattr__(self, name, text.encode("utf-8", "backslashreplace").decode())


class Line(msgspec.Struct, frozen=True, gc=False):
    """One complete line of a file: `raw` without its newline, `[start, end)` with it, in bytes.

    Of another Shape than LINES it is what that shape says.
    """

    start: int
    end: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class BadSpan:
    """Bytes that are no record: where they stand and why, never what they say."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What some lines of one file mean."""

    entities: list[Entity]
    bad: list[BadSpan]
    state: bytes
    """What the parser must know to go on behind these lines; opaque to everybody else."""


class Source(Protocol):
    """One tool. Every method is pure; reading a file in any pieces gives the same entities."""

    name: str
    """Its word in the schema: `claude_code`."""
    label: str
    """Its name for people: `Claude Code`."""
    knows: frozenset[Fact]
    """What its transcripts say; `docs/sources.md` tells it to people."""

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the folders the tool writes transcripts to, whether they exist or not."""
        ...

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` (below `root`) holds, or None when it is no transcript."""
        ...

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn `lines` into entities. `state` is what the previous call for this file returned.

        Never raises on content: what is no record comes back as a BadSpan, an unknown record as a
        message of kind `unknown`. Entities of one call may repeat an id; the newer one wins.
        """
        ...
