"""Parse bytes as the engine does, whole or in pieces, and see what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from claude_code_tracer.merge import merge
from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall
from claude_code_tracer.sources.registry import source_named
from claude_code_tracer.sources.source import BadSpan, Line, Parsed, Transcript

__all__ = ["SESSION", "Outcome", "file_of", "lines_of", "parse", "parse_bytes", "read_home"]

CLAUDE = source_named("claude_code")
SESSION = "11111111-1111-4111-8111-111111111111"

_E = TypeVar("_E", bound=Entity)


class Outcome:
    """The entities of a file after merging, by kind."""

    def __init__(self, parsed: Sequence[Parsed]) -> None:
        entities = [entity for part in parsed for entity in part.entities]
        self.raw = entities
        self.bad: list[BadSpan] = [span for part in parsed for span in part.bad]
        self.state = parsed[-1].state if parsed else b""
        self.entities = [row.entity for row in merge(list(enumerate(entities)))]

    def _all(self, kind: type[_E]) -> list[_E]:
        return [entity for entity in self.entities if isinstance(entity, kind)]

    @property
    def sessions(self) -> dict[str, Session]:
        return {session.session: session for session in self._all(Session)}

    @property
    def messages(self) -> list[Message]:
        return sorted(self._all(Message), key=lambda message: message.position)

    @property
    def tools(self) -> list[ToolCall]:
        return self._all(ToolCall)

    @property
    def calls(self) -> list[ModelCall]:
        return self._all(ModelCall)

    def blocks(self, message: Message | None = None) -> list[Block]:
        found = self._all(Block)
        if message:
            key = (message.session, message.id)
            found = [block for block in found if (block.session, block.message) == key]
        return sorted(found, key=lambda block: block.position)

    def texts(self, message: Message) -> list[str | None]:
        return [block.text for block in self.blocks(message)]


def file_of(session: str = SESSION, parent: str | None = None) -> Transcript:
    """Return a transcript as the engine names it."""
    return Transcript("claude_code", Path(f"/home/u/{session}.jsonl"), session, parent)


def lines_of(data: bytes) -> list[Line]:
    """Split bytes into lines the way the reader does: at newlines, each with its offsets."""
    lines = []
    at = 0
    for raw in data.split(b"\n"):
        if at < len(data):
            lines.append(Line(at, min(at + len(raw) + 1, len(data)), raw))
        at += len(raw) + 1
    return lines


def parse_bytes(data: bytes, file: Transcript | None = None, cuts: Iterable[int] = ()) -> Outcome:
    """Parse a whole file, in pieces that end before the lines numbered in `cuts`."""
    lines = lines_of(data)
    edges = [0, *sorted(set(cuts)), len(lines)]
    state: bytes | None = None
    parsed = []
    for start, end in pairwise(edges):
        parsed.append(CLAUDE.parse(file or file_of(), lines[start:end], state))
        state = parsed[-1].state
    return Outcome(parsed)


def parse(*records: dict[str, Any], file: Transcript | None = None) -> Outcome:
    """Parse records one after the other, each completed with a uuid and a time if it has none."""
    lines = []
    for number, record in enumerate(records):
        common = {"uuid": f"u{number}", "timestamp": f"2026-11-01T10:00:{number:02}.000Z"}
        lines.append(json.dumps({**common, **record}, ensure_ascii=False).encode() + b"\n")
    return parse_bytes(b"".join(lines), file)


def read_home(home: Path) -> Outcome:
    """Parse everything that Claude Code wrote below a home folder."""
    parsed = []
    for root in CLAUDE.roots({}, home):
        for path in sorted(root.rglob("*.jsonl")):
            file = CLAUDE.transcript(root, path)
            if file:
                parsed.append(CLAUDE.parse(file, lines_of(path.read_bytes()), None))
    return Outcome(parsed)
