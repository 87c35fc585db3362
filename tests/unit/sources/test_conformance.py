"""What holds for every source, whatever its format: checked on its golden history."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_code_tracer.model import Block, Entity, Message, ModelCall, ToolCall
from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import BadSpan, Line, Shape, Source
from tests.golden.homes import File, as_dict, build_home, files_of, in_one_go, merged

BY_NAME = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
MAX_STATE_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[File]]:
    files = {}
    for source in SOURCES:
        home = build_home(source.name, tmp_path_factory.mktemp(source.name))
        files[source.name] = list(files_of(source, home))
    return files


def in_pieces(
    source: Source, file: File, sizes: Sequence[int]
) -> tuple[list[Entity], list[BadSpan], bytes]:
    """Parse a file with many calls, each knowing only the state of the one before."""
    if file.transcript.companions:
        sizes = [len(file.lines)]  # one version of a document comes with all its companions
    entities: list[Entity] = []
    bad: list[BadSpan] = []
    state: bytes | None = None
    at = index = 0
    while at < len(file.lines):
        size = sizes[index % len(sizes)]
        parsed = source.parse(file.transcript, file.lines[at : at + size], state)
        entities += parsed.entities
        bad += parsed.bad
        state = bytes(parsed.state)
        at, index = at + size, index + 1
    return entities, bad, state or b""


def rows(entities: Sequence[Entity]) -> list[str]:
    return sorted(json.dumps(as_dict(entity), sort_keys=True) for entity in merged(entities))


@BY_NAME
def test_any_pieces_give_the_same_rows(source: Source, homes: dict[str, list[File]]) -> None:
    rng = random.Random(source.name)
    for file in homes[source.name]:
        whole, bad = in_one_go(source, file)
        for sizes in ([1], [2], [rng.randint(1, 7) for _ in range(20)]):
            pieces, bad_pieces, _ = in_pieces(source, file, sizes)
            assert rows(pieces) == rows(whole), file.transcript.path
            assert bad_pieces == bad


@BY_NAME
def test_reading_again_gives_the_same_rows(source: Source, homes: dict[str, list[File]]) -> None:
    """A second machine, or a resync: nothing doubles."""
    for file in homes[source.name]:
        whole, _ = in_one_go(source, file)
        again, _ = in_one_go(source, file)
        assert rows([*whole, *again]) == rows(whole)


@BY_NAME
def test_state_is_small_and_holds_no_text(source: Source, homes: dict[str, list[File]]) -> None:
    """D10: it is kept unmasked."""
    for file in homes[source.name]:
        entities, _, state = in_pieces(source, file, [1])
        assert len(state) <= MAX_STATE_BYTES
        for entity in entities:
            texts = [entity.text] if isinstance(entity, Block) else []
            texts += [entity.result] if isinstance(entity, ToolCall) else []
            for text in filter(None, texts):
                assert len(text) < 12 or json.dumps(text)[1:-1].encode() not in state


@BY_NAME
def test_nothing_is_said_that_the_tool_does_not_know(
    source: Source, homes: dict[str, list[File]]
) -> None:
    entities = [entity for file in homes[source.name] for entity in in_one_go(source, file)[0]]
    calls = [entity for entity in entities if isinstance(entity, ModelCall)]
    tools = [entity for entity in entities if isinstance(entity, ToolCall)]
    said: dict[str, bool] = {
        "tokens": any(call.input_tokens is not None for call in calls),
        "cost": any(call.reported_cost_usd is not None for call in calls),
        "results": any(tool.result is not None for tool in tools),
        "diffs": any(tool.lines_added is not None for tool in tools),
        "model": any(call.model for call in calls)
        or any(isinstance(entity, Message) and entity.model for entity in entities),
        "times": any(isinstance(entity, Message) and entity.at for entity in entities),
    }
    assert {fact for fact, is_said in said.items() if is_said} == set(source.knows)


@BY_NAME
def test_every_row_belongs_to_something(source: Source, homes: dict[str, list[File]]) -> None:
    entities = merged(
        [entity for file in homes[source.name] for entity in in_one_go(source, file)[0]]
    )
    messages = {(e.session, e.id) for e in entities if isinstance(e, Message)}
    tools = {(e.session, e.id) for e in entities if isinstance(e, ToolCall)}
    for entity in entities:
        assert entity.source == source.name
        assert entity.session and len(entity.session) <= 200
        if isinstance(entity, Block):
            assert (entity.session, entity.message) in messages
            assert entity.tool_call is None or (entity.session, entity.tool_call) in tools


ODD: list[Any] = [None, True, -1, 1e308, 2**70, "", "x\0y", "\ud800", [], {}, [[]], {"": {}}]


def _mutations(raw: bytes, rng: random.Random) -> bytes:
    """Return a line damaged in one of the ways files get damaged, or odd in a value."""
    kind = rng.randrange(6)
    if kind == 0:
        return raw[: rng.randrange(len(raw) + 1)]
    if kind == 1:
        at = rng.randrange(len(raw) + 1)
        return raw[:at] + rng.randbytes(3).replace(b"\n", b" ") + raw[at + 2 :]
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return raw[::-1]
    places = _places(value)
    for _ in range(rng.randint(1, 3)):
        if not places:
            break
        container, key = rng.choice(places)
        try:
            if kind == 2 and isinstance(container, dict):
                container.pop(key, None)
            else:
                container[key] = rng.choice(ODD)
        except (IndexError, TypeError):
            continue
    return json.dumps(value, ensure_ascii=True).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value] if isinstance(value, dict | list) else []
    while waiting:
        container = waiting.pop()
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, item in items:
            found.append((container, key))
            if isinstance(item, dict | list):
                waiting.append(item)
    return found


@BY_NAME
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_damage_raises_nothing_and_costs_no_neighbour(
    source: Source, homes: dict[str, list[File]], seed: int
) -> None:
    rng = random.Random(seed)
    file = rng.choice(homes[source.name])
    index = rng.randrange(len(file.lines))
    line = file.lines[index]
    damaged = Line(line.start, line.end, _mutations(line.raw, rng))
    before, after = file.lines[:index], file.lines[index + 1 :]
    parsed = source.parse(file.transcript, [*before, damaged, *after], None)
    for span in parsed.bad:
        assert 0 <= span.start <= span.end
    if file.transcript.shape in (Shape.LINES, Shape.ARCHIVE):
        kept = source.parse(file.transcript, before, None).entities
        ids = {e.id for e in parsed.entities if isinstance(e, Message | ToolCall)}
        assert {e.id for e in kept if isinstance(e, Message | ToolCall)} <= ids
    pieces, _, _ = in_pieces(
        source, File(file.transcript, [*before, damaged, *after]), [rng.randint(1, 4)]
    )
    assert rows(pieces) == rows(parsed.entities)
