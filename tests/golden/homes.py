"""Small histories of every tool, laid out as below a home folder, and what parsing them gives.

`tests/golden/sources/<source>/home` holds the files; what cannot be kept as text is kept as what it
is made from: `x.db.sql` becomes the database `x.db`, `x.jsonl.zst.txt` the archive `x.jsonl.zst`.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from claude_code_tracer.merge import merge
from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall
from claude_code_tracer.outbox import FileRow
from claude_code_tracer.portions import portions
from claude_code_tracer.sources.source import BadSpan, Line, Shape, Source, Transcript
from claude_code_tracer.tail.discover import discover
from claude_code_tracer.tail.reader import Limits
from tests.unit.sources.parsing import lines_of

__all__ = ["HOMES", "File", "Parse", "build_home", "files_of", "in_one_go", "merged", "summary"]

HOMES = Path(__file__).parent / "sources"
LIMITS = Limits(line_max=16 * 1024 * 1024)

Parse = Callable[[Source, "File"], tuple[list[Entity], list[BadSpan]]]
"""A way to parse a file."""


@dataclass(frozen=True)
class File:
    """A transcript and all its lines, as its shape gives them."""

    transcript: Transcript
    lines: list[Line]


def build_home(source: str, home: Path) -> Path:
    """Lay out the history of a source in the folder `home` and return it."""
    shutil.copytree(HOMES / source / "home", home, dirs_exist_ok=True)
    for path in sorted(home.rglob("*")):
        target = path.with_suffix("")
        if path.suffix == ".sql":
            with closing(sqlite3.connect(target)) as db:
                db.executescript(path.read_text("utf-8"))
            path.unlink()
        elif path.name.endswith(".zst.txt"):
            target.write_bytes(zstandard.compress(path.read_bytes()))
            path.unlink()
    return home


def files_of(source: Source, home: Path) -> Iterator[File]:
    """Yield the transcripts that `source` finds below `home`, in a fixed order."""
    for root in source.roots({}, home):
        found = discover(str(root), partial(_is_transcript, source, root))
        assert not found.errors
        for file in sorted(found.files, key=lambda file: file.path):
            transcript = _at(source, root, file.path)
            assert transcript
            yield File(transcript, _lines(transcript))


def _is_transcript(source: Source, root: Path, path: str) -> bool:
    return _at(source, root, path) is not None


def _at(source: Source, root: Path, path: str) -> Transcript | None:
    return source.transcript(root, Path(path))


def _lines(transcript: Transcript) -> list[Line]:
    path = transcript.path
    if transcript.shape is Shape.LINES:
        return lines_of(path.read_bytes())
    row = FileRow(transcript.source, str(path), transcript.session, 0, 0)
    return [line for portion in portions(transcript, row, LIMITS) for line in portion.lines]


def in_one_go(source: Source, file: File) -> tuple[list[Entity], list[BadSpan]]:
    """Parse a file with one call."""
    parsed = source.parse(file.transcript, file.lines, None)
    return parsed.entities, parsed.bad


def merged(entities: Sequence[Entity]) -> list[Entity]:
    """Return every row once, as it would be sent."""
    return [row.entity for row in merge(list(enumerate(entities)))]


def summary(entities: Iterable[Entity], bad: int) -> dict[str, Any]:
    """Return what some rows say, in the form of `expected.json`."""
    rows = merged(list(entities))
    messages = [row for row in rows if isinstance(row, Message)]
    tools = [row for row in rows if isinstance(row, ToolCall)]
    return {
        "sessions": {row.session: _facts(row) for row in rows if isinstance(row, Session)},
        "messages": dict(Counter(message.kind for message in messages)),
        "prompts": _prompts(messages, [row for row in rows if isinstance(row, Block)]),
        "tools": _tools(tools),
        "lines": {
            "added": _sum(tool.lines_added for tool in tools),
            "removed": _sum(tool.lines_removed for tool in tools),
        },
        "calls": _calls([row for row in rows if isinstance(row, ModelCall)]),
        "bad": bad,
    }


def _facts(session: Session) -> dict[str, Any]:
    names = ("title", "project_root", "cwd", "branch", "tool_version", "parent", "relation")
    return {name: value for name in names if (value := getattr(session, name)) is not None}


def _prompts(messages: list[Message], blocks: list[Block]) -> list[str]:
    texts: dict[tuple[str, str], list[Block]] = defaultdict(list)
    for block in blocks:
        texts[block.session, block.message].append(block)
    prompts = [message for message in messages if message.kind == "prompt"]
    prompts.sort(key=lambda message: (message.session, message.position, message.id))
    return [
        "\n".join(
            block.text
            for block in sorted(
                texts[message.session, message.id], key=lambda block: block.position
            )
            if block.text and not block.data
        )
        for message in prompts
    ]


def _tools(tools: list[ToolCall]) -> dict[str, dict[str, int]]:
    names = sorted({tool.name or "unknown" for tool in tools})
    return {
        name: {
            "calls": sum((tool.name or "unknown") == name for tool in tools),
            "errors": sum(
                (tool.name or "unknown") == name and tool.is_error is True for tool in tools
            ),
        }
        for name in names
    }


def _calls(calls: list[ModelCall]) -> dict[str, dict[str, Any]]:
    models = sorted({call.model or "unknown" for call in calls})
    result = {}
    for model in models:
        own = [call for call in calls if (call.model or "unknown") == model]
        result[model] = {
            "calls": len(own),
            "input": _sum(call.input_tokens for call in own),
            "output": _sum(call.output_tokens for call in own),
            "cache_read": _sum(call.cache_read_tokens for call in own),
            "cache_write": _sum(
                _sum((call.cache_write_5m_tokens, call.cache_write_1h_tokens)) for call in own
            ),
        }
    return result


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def as_dict(entity: Entity) -> dict[str, Any]:
    """Return an entity as plain values, to compare and to search."""
    result: dict[str, Any] = msgspec.to_builtins(entity)
    return result
