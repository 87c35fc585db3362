"""The contract between the engine and a tool: one Source per tool, listed in `registry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from claude_code_tracer.model import Entity

__all__ = ["BadSpan", "Line", "Parsed", "Source", "Transcript"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file that a source owns, and what its name alone says."""

    source: str
    path: Path
    session: str
    """Native id of the session the file holds."""
    parent: str | None = None
    """Native id of the session it belongs to, for a subagent's file."""


@dataclass(frozen=True, slots=True)
class Line:
    """One complete line of a file: `raw` without its newline, `[start, end)` with it, in bytes."""

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
