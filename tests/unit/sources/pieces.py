"""Parse a file of any source as the engine does: whole, or in pieces with state in between."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from random import Random
from typing import Any

from claude_code_tracer.model import Entity, ModelCall, Session
from claude_code_tracer.sources.source import Line, Shape, Source, Transcript
from tests.unit.sources.parsing import Outcome, lines_of

__all__ = ["assert_pieces_agree", "by_key", "jsonl", "parse_file", "rows_of", "tokens"]


def jsonl(*values: Any) -> bytes:
    """Return values as lines of JSON."""
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


def parse_file(source: Source, file: Transcript, data: bytes, cuts: Iterable[int] = ()) -> Outcome:
    """Parse a whole file, in pieces that end before the lines numbered in `cuts`."""
    if file.shape is Shape.DOCUMENT:
        return Outcome([source.parse(file, [Line(0, len(data), data)], None)])
    lines = lines_of(data)
    state: bytes | None = None
    parsed = []
    for start, end in pairwise([0, *sorted(set(cuts)), len(lines)]):
        parsed.append(source.parse(file, lines[start:end], state))
        state = parsed[-1].state
        assert len(state) < 100_000
    return Outcome(parsed)


def rows_of(*rows: dict[str, Any]) -> list[Line]:
    """Return rows of a database as the engine hands them over; each has `table` and `mark`."""
    return [Line(row["mark"], row["mark"], json.dumps(row).encode()) for row in rows]


def by_key(outcome: Outcome) -> dict[tuple[str, ...], Entity]:
    """Return the merged entities by what identifies them."""
    return {
        (type(e).__name__, e.session, "" if isinstance(e, Session) else e.id): e
        for e in outcome.entities
    }


def assert_pieces_agree(source: Source, file: Transcript, data: bytes) -> None:
    """Check that one go, line by line and any chunks give the same."""
    whole = by_key(parse_file(source, file, data))
    count = len(lines_of(data))
    random = Random(7)
    for share in (1, 0.5, 0.1):
        cuts = [i for i in range(1, count) if random.random() < share]
        assert by_key(parse_file(source, file, data, cuts)) == whole


def tokens(calls: Iterable[ModelCall]) -> tuple[int, int, int, int, int]:
    """Return how many calls there are and the sums of their tokens."""
    kept = list(calls)
    return (
        len(kept),
        sum(call.input_tokens or 0 for call in kept),
        sum(call.output_tokens or 0 for call in kept),
        sum(call.cache_read_tokens or 0 for call in kept),
        sum((call.cache_write_5m_tokens or 0) + (call.cache_write_1h_tokens or 0) for call in kept),
    )
