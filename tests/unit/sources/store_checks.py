"""Checks that hold for every tool that keeps databases or documents."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from claude_code_tracer.model import Entity, Session
from claude_code_tracer.sources.source import Line, Shape, Source, Transcript
from tests.unit.sources.store_reading import document, parse_lines, row_lines

__all__ = ["check_any_pieces_agree", "check_hostile_fields", "lines_below"]

_JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1.5, "", "x", "user", "text", "{", [], {}, [1], {"a": []},
    [{"type": "text"}], {"type": "tool"}, "2026-01-01T00:00:00Z", 1782900000000, 9e99,
)  # fmt: skip


def lines_below(source: Source, home: Path) -> list[tuple[Transcript, list[Line]]]:
    """Return every transcript of a tool below `home` with all its lines."""
    found = []
    for root in source.roots({}, home):
        for path in sorted(root.rglob("*")):
            file = source.transcript(root, path) if path.is_file() else None
            if file:
                is_rows = file.shape is Shape.ROWS
                found.append((file, row_lines(file) if is_rows else document(path)))
    assert found
    return found


def by_key(entities: list[Entity]) -> dict[tuple[str, ...], Entity]:
    """Return entities by what they are."""
    return {
        (type(e).__name__, e.session, "" if isinstance(e, Session) else e.id): e for e in entities
    }


def check_any_pieces_agree(source: Source, home: Path) -> None:
    """Assert that a database read row by row, or in chunks, or twice gives the same rows."""
    random = Random(5)
    for file, lines in lines_below(source, home):
        whole = by_key(parse_lines(source, file, lines).entities)
        single = parse_lines(source, file, lines, range(1, len(lines)))
        assert by_key(single.entities) == whole
        for _ in range(5):
            cuts = [i for i in range(1, len(lines)) if random.random() < 0.2]
            assert by_key(parse_lines(source, file, lines, cuts).entities) == whole
        again = parse_lines(source, file, [*lines, *lines])
        assert by_key(again.entities) == whole


def check_hostile_fields(source: Source, home: Path, rounds: int) -> None:
    """Assert that nothing raises, whatever a field holds, and that all of it can be stored."""
    random = Random(11)
    for file, lines in lines_below(source, home):
        for _ in range(rounds):
            hostile = [_mutated(random, line) for line in lines]
            parsed = source.parse(file, hostile, None)
            for entity in parsed.entities:
                assert b"\\u0000" not in msgspec.json.encode(entity)
                assert -(2**63) <= entity.revision < 2**63
            source.parse(file, hostile, parsed.state)
    for raw in (b"", b"\x00\x00", b"[]", b"{}", b'{"a":', b"\xff\xfe", b'"x"'):
        source.parse(file, [Line(0, len(raw), raw)], b"not a state")


def _mutated(random: Random, line: Line) -> Line:
    raw = line.raw
    choice = random.random()
    if choice < 0.1:
        raw = raw[: random.randrange(len(raw) + 1)]
    elif choice < 0.8:
        try:
            value = json.loads(raw)
        except ValueError:
            return line
        for _ in range(random.randrange(1, 4)):
            value = _with_junk(random, value)
        raw = json.dumps(value).encode()
    return Line(line.start, line.end if line.start else len(raw), raw)


def _with_junk(random: Random, value: Any) -> Any:
    """Return `value` with one place in it, or in JSON inside one of its texts, made junk."""
    if isinstance(value, str) and value[:1] in ("{", "[") and random.random() < 0.9:
        try:
            return json.dumps(_with_junk(random, json.loads(value)))
        except ValueError:
            return value
    if not isinstance(value, dict | list) or not value or random.random() < 0.15:
        return deepcopy(random.choice(_JUNK))
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = random.choice(keys)
    value[key] = _with_junk(random, value[key])
    return value
