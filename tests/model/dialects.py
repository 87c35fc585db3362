"""The records of two tools: one that is all text, and Claude Code.

Every record holds a token of its own, `<n17>`, so that it is known again wherever it arrives.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import Block, Entity, Message, ToolCall
from claude_code_tracer.model import Session as SessionRow
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import BadSpan, Fact, Line, Parsed, Source, Transcript
from tests.faults.pipeline import SECRET, UNGUARDABLE
from tests.model.server import POISON

__all__ = ["KINDS", "TOKEN", "ClaudeDialect", "Dialect", "LinesDialect", "Record"]

TOKEN = re.compile(rb"<n(\d+)>")
KINDS = ("plain", "plain", "long", "odd text", "secret", "poison", "unguardable", "nested")


@dataclass(frozen=True)
class Record:
    """What a tool writes on one line, without its newline."""

    number: int
    session: str
    raw: bytes
    is_parked: bool = False
    """Nobody can take it: it ends as a pointer."""


class Dialect(Protocol):
    """How a tool writes, and where its records turn up."""

    source: Source
    root: str
    """Below the home."""
    names: tuple[str, ...]
    """Paths below the root that transcripts may have."""
    is_file_session: bool
    """The session is the file's name: a file is never renamed, only its folder."""

    def record(self, number: int, session: str, kind: str) -> Record:
        """Return a new record of this session."""
        ...

    def arrived(self, rows: Iterable[Entity]) -> Counter[int]:
        """Return the numbers of the records that stand in a server's rows, and how often."""
        ...


class SalvagingSource:
    """Every record is a message of the session it names; checks what it is given."""

    name = "lines"
    label = "Lines"
    knows: frozenset[Fact] = frozenset({"times"})

    def __init__(self, line_max: int) -> None:
        self._line_max = line_max

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        return [user_home / "lines"]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        if path.suffix != ".jsonl":
            return None
        return Transcript(self.name, path, path.stem)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        at = int(state or b"0")
        entities: list[Entity] = []
        bad: list[BadSpan] = []
        for line in lines:
            assert line.start == at or line.start - at > self._line_max, "lines were left out"
            at = line.end
            found, spans = records(line, lambda value: "session" in value)
            bad += spans
            entities += [_message(record.value, record.start) for record in found]
        for session in dict.fromkeys(entity.session for entity in entities):
            entities.append(SessionRow(source=self.name, session=session, revision=at))
        return Parsed(entities, bad, str(at).encode())


def _message(value: dict[str, Any], start: int) -> Message:
    return Message(
        source="lines",
        session=value["session"],
        id=record_id("lines", value["session"], value["id"]),
        native_id=value["text"],
        revision=start,
        position=start,
        role="user",
        kind="prompt",
    )


class LinesDialect:
    """Records of one text each."""

    root = "lines"
    names: tuple[str, ...] = ("p/a.jsonl", "q/b.jsonl", "c.jsonl", "p/d.jsonl")
    is_file_session = False

    def __init__(self, line_max: int) -> None:
        self.source: Source = SalvagingSource(line_max)

    def record(self, number: int, session: str, kind: str) -> Record:
        text = {
            "long": "x" * 700,
            "odd text": 'ä漢😀 \u2028 \\ "{"session": "',
            "secret": f"a {SECRET} b",
            "poison": POISON,
            "unguardable": f"{UNGUARDABLE} {SECRET}",
        }.get(kind, "y" * (number * 37 % 300))
        value: dict[str, Any] = {"session": session, "id": number, "text": f"{text} <n{number}>"}
        if kind == "nested":
            value = {"inner": {"id": 0, "more": [{"a": 1}]}, **value}
        raw = json.dumps(value, ensure_ascii=False).encode()
        return Record(number, session, raw, kind in ("poison", "unguardable"))

    def arrived(self, rows: Iterable[Entity]) -> Counter[int]:
        return _tokens(row.native_id for row in rows if isinstance(row, Message))


class ClaudeDialect:
    """Turns of Claude Code: a prompt, then an answer in three lines, then a tool's result."""

    root = ".claude/projects"
    names: tuple[str, ...] = tuple(
        f"{folder}/{letter * 8}.jsonl" for folder, letter in ("pa", "qb", "pc", "qd")
    )
    is_file_session = True

    def __init__(self, line_max: int) -> None:
        self.source: Source = next(source for source in SOURCES if source.name == "claude_code")
        self._turn: dict[str, int] = {}

    def record(self, number: int, session: str, kind: str) -> Record:
        step = self._turn.get(session, 0)
        self._turn[session] = step + 1
        answer, part = f"msg_{session}_{step // 5}", step % 5
        text = f"{SECRET if kind == 'secret' else 'é' * (len(kind) * 9)} <n{number}>"
        tool = f"toolu_{session}_{step // 5}"
        blocks: list[dict[str, Any]] = [
            {"type": "text", "text": text},
            {"type": "thinking", "thinking": text},
            {"type": "text", "text": text},
            {"type": "tool_use", "id": tool, "name": "Bash", "input": {"command": text}},
            {"type": "tool_result", "tool_use_id": tool, "content": text},
        ]
        message: dict[str, Any] = {"role": "user", "content": [blocks[part]]}
        is_answer = part in (1, 2, 3)
        if is_answer:
            usage = {"input_tokens": 3, "output_tokens": 5 * part}
            message |= {"id": answer, "role": "assistant", "model": "claude-opus-4-6"}
            message |= {"usage": usage, "stop_reason": "tool_use" if part == 3 else None}
        value: dict[str, Any] = {
            "type": message["role"],
            "sessionId": session,
            "uuid": f"{number:08}-{session}",
            "timestamp": f"2026-05-01T10:{number // 60 % 60:02}:{number % 60:02}.000Z",
            "cwd": f"/home/u/p{step // 10}",
            "version": "2.1.200",
            "isSidechain": False,
            "message": message,
            **({"requestId": f"req_{session}_{step // 5}"} if is_answer else {}),
        }
        return Record(number, session, json.dumps(value, ensure_ascii=False).encode())

    def arrived(self, rows: Iterable[Entity]) -> Counter[int]:
        texts: list[str | None] = []
        for row in rows:
            if isinstance(row, Block):
                texts.append(row.text)
            elif isinstance(row, ToolCall):
                texts += [row.result, json.dumps(row.input)]
        return _tokens(texts)


def _tokens(texts: Iterable[str | None]) -> Counter[int]:
    return Counter(int(number) for text in texts if text for number in TOKEN.findall(text.encode()))
