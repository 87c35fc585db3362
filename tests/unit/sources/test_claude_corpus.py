"""Any pieces give the same, no line is lost, nothing raises: on our golden files and real ones."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_code_tracer.model import Entity, Session
from claude_code_tracer.sources.claude_code.events import (
    SKIPPED_ATTACHMENTS,
    SKIPPED_PROGRESS,
    SKIPPED_SYSTEM,
    SKIPPED_TYPES,
)
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import Line, Transcript
from tests.transcripts import SHARED
from tests.unit.sources.parsing import CLAUDE, SESSION, Outcome, file_of, lines_of, parse_bytes

GOLDEN = sorted((Path(__file__).parents[2] / "golden").rglob(".claude/**/*.jsonl"))
CORPUS = sorted(
    path
    for folder in (SHARED / "corpus" / "claude_code", SHARED / "corpus" / "misc")
    for path in folder.rglob("*.jsonl")
    if "claude" in str(path.relative_to(folder)) or folder.name == "claude_code"
)
FILES = [*GOLDEN, *CORPUS]
SMALL = [path for path in FILES if path.stat().st_size < 300_000]


def transcript(path: Path) -> Transcript:
    is_agent = path.parent.name == "subagents"
    session = f"{SESSION}/{path.stem.removeprefix('agent-')}" if is_agent else path.stem
    return Transcript("claude_code", path, session, SESSION if is_agent else None)


@cache
def merged(path: Path) -> dict[tuple[str, ...], Entity]:
    return by_key(parse_bytes(path.read_bytes(), transcript(path)).entities)


def by_key(entities: list[Entity]) -> dict[tuple[str, ...], Entity]:
    return {
        (type(e).__name__, e.session, "" if isinstance(e, Session) else e.id): e for e in entities
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SMALL), st.integers(0, 2**32))
def test_any_pieces_of_a_file_give_the_same(path: Path, seed: int) -> None:
    data = path.read_bytes()
    count = len(lines_of(data))
    random = Random(seed)
    cuts = [i for i in range(1, count) if random.random() < random.choice((0.02, 0.3, 1))]
    assert by_key(parse_bytes(data, transcript(path), cuts).entities) == merged(path)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem[:12])
def test_line_by_line_gives_the_same(path: Path) -> None:
    data = path.read_bytes()
    outcome = parse_bytes(data, transcript(path), range(1, len(lines_of(data))))
    assert by_key(outcome.entities) == merged(path)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(GOLDEN), st.data())
def test_lines_read_again_change_nothing(path: Path, data: st.DataObject) -> None:
    """A file that is replaced by a longer copy of itself is read from its start again (I5)."""
    lines = lines_of(path.read_bytes())
    end = data.draw(st.integers(0, len(lines)))
    first = CLAUDE.parse(transcript(path), lines[:end], None)
    second = CLAUDE.parse(transcript(path), lines, None)
    assert by_key(Outcome([first, second]).entities) == merged(path)


def is_skipped(value: dict[str, Any]) -> bool:
    """Tell whether a record is one that the source declares to leave out."""
    kind = value.get("type")
    inner = {
        "system": (value.get("subtype"), SKIPPED_SYSTEM),
        "attachment": ((value.get("attachment") or {}).get("type"), SKIPPED_ATTACHMENTS),
        "progress": ((value.get("data") or {}).get("type"), SKIPPED_PROGRESS),
    }
    if kind in inner:
        name, skipped = inner[kind]
        return name in skipped or name == "agent_progress"
    return kind in SKIPPED_TYPES or kind in ("summary", "continued-in", "worktree-state")


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_line_is_lost(path: Path) -> None:
    for line in lines_of(path.read_bytes()):
        parsed = CLAUDE.parse(transcript(path), [line], None)
        found, bad = records(line, lambda value: "sessionId" in value or "messageId" in value)
        expected = [record for record in found if not is_skipped(record.value)]
        assert len({e.revision for e in parsed.entities if e.revision >= line.start}) >= len(
            expected
        ), line.start
        assert found or bad or not line.raw.strip(b"\xef\xbb\xbf \r")


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_entities_are_fit_for_the_database(path: Path) -> None:
    outcome = parse_bytes(path.read_bytes(), transcript(path))
    positions: Counter[tuple[str, int]] = Counter()
    for entity in outcome.raw:
        body = msgspec.json.encode(entity)
        assert b"\\u0000" not in body
        assert len(body) < 2_000_000
        assert 0 <= entity.revision < 2**63
    positions.update((m.session, m.position) for m in outcome.messages)
    assert all(count == 1 for count in positions.values())
    assert all(outcome.sessions[message.session].path for message in outcome.messages)
    kinds = {m.id: m.kind for m in outcome.messages}
    assert all(block.message in kinds for block in outcome.blocks())


def test_every_type_of_the_golden_files_is_seen() -> None:
    kinds = {m.kind for path in GOLDEN for m in parse_bytes(path.read_bytes()).messages}
    assert kinds == {"prompt", "answer", "injected", "compaction", "notice", "unknown"}


def naive_totals(path: Path) -> Counter[str]:
    """Count what a file bills in the plainest way: every response once, with its most output."""
    output: dict[tuple[Any, ...], int] = {}
    for line in lines_of(path.read_bytes()):
        for record in records(line, lambda _: True)[0]:
            kind = record.value.get("type")
            owner: dict[str, Any] = record.value if kind == "assistant" else {}
            if kind == "progress":
                owner = record.value["data"].get("message") or {}
            message: Any = owner.get("message")
            usage = message.get("usage") if isinstance(message, dict) else None
            if not usage or message["model"] == "<synthetic>":
                continue
            split = sum(
                count
                for name, count in (usage.get("cache_creation") or {}).items()
                if name.startswith("ephemeral")
            )
            written = max(usage.get("cache_creation_input_tokens") or 0, split)
            read = usage.get("cache_read_input_tokens") or 0
            key = (message.get("id") or owner["uuid"], usage["input_tokens"], read, written)
            output[key] = max(output.get(key, 0), usage["output_tokens"])
    totals: Counter[str] = Counter(calls=len(output), output=sum(output.values()))
    for _, fresh, read, written in output:
        totals.update(input=fresh, read=read, written=written)
    return totals


REAL = [path for path in CORPUS if "claude_code" in path.parts]


@pytest.mark.parametrize("path", REAL, ids=lambda path: "/".join(path.parts[-3:]))
def test_tokens_are_what_a_plain_count_says(path: Path) -> None:
    outcome = parse_bytes(path.read_bytes(), transcript(path))
    calls = [call for call in outcome.calls if call.input_tokens is not None]
    assert naive_totals(path) == Counter(
        calls=len(calls),
        input=sum(call.input_tokens or 0 for call in calls),
        output=sum(call.output_tokens or 0 for call in calls),
        read=sum(call.cache_read_tokens or 0 for call in calls),
        written=sum(
            (call.cache_write_5m_tokens or 0) + (call.cache_write_1h_tokens or 0) for call in calls
        ),
    )


def test_the_records_of_known_versions_are_all_known() -> None:
    unknown = Counter(
        str(block.data.get("type"))
        for path in REAL
        for block in parse_bytes(path.read_bytes(), transcript(path)).blocks()
        if block.kind == "unknown"
    )
    assert set(unknown) <= {"None"}  # a fixture has a line of another program


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["user", "text", "tool_use", "image", "", "Edit", "prompt", "base64"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        | st.fixed_dictionaries({"type": inner, "content": inner, "source": inner, "input": inner})
    ),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        found += [p for key, item in value.items() for p in places(item, (*path, key))]
    elif isinstance(value, list):
        found += [p for i, item in enumerate(value) for p in places(item, (*path, i))]
    return found


@cache
def golden_records() -> list[dict[str, Any]]:
    kept = []
    for path in GOLDEN:
        for line in lines_of(path.read_bytes()):
            kept += [record.value for record in records(line, lambda _: True)[0]]
    return kept


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_f21_nothing_raises_whatever_a_field_holds(data: st.DataObject) -> None:
    """F21: every field can be anything; the record still gives something or is skipped."""
    records = []
    for record in data.draw(st.lists(st.sampled_from(golden_records()), min_size=1, max_size=4)):
        changed = json.loads(json.dumps(record))
        for _ in range(data.draw(st.integers(1, 3))):
            *way, last = data.draw(st.sampled_from(places(changed)))
            target = changed
            for step in way:
                target = target[step]
            target[last] = data.draw(junk)
            if not places(changed):
                break
        records.append(changed)
    raw = [json.dumps(record).encode() for record in records]
    lines = [Line(i * 10_000, i * 10_000 + len(r), r) for i, r in enumerate(raw)]
    parsed = CLAUDE.parse(file_of(), lines, None)
    for entity in parsed.entities:
        msgspec.json.encode(entity)
    CLAUDE.parse(file_of(), lines, parsed.state)
