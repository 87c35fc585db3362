"""Our golden history and real files: what is in them, in any pieces, damaged or not."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_code_tracer.model import Entity, Session
from claude_code_tracer.sources.source import Line, Transcript
from tests.transcripts import SHARED
from tests.unit.sources.cursor_stores import (
    CURSOR,
    document,
    read_home,
    row_lines,
    rows,
    transcript,
)
from tests.unit.sources.parsing import Outcome

GOLDEN = Path(__file__).parents[2] / "golden" / "sources" / "cursor"
HOME = GOLDEN / "home"
CORPUS = SHARED / "corpus"


def by_key(entities: list[Entity]) -> dict[tuple[str, ...], Entity]:
    return {
        (type(e).__name__, e.session, "" if isinstance(e, Session) else e.id): e for e in entities
    }


@cache
def databases() -> list[tuple[Transcript, list[Line]]]:
    found = []
    for path in sorted(HOME.rglob("*.sql")):
        database = Path(mkdtemp()) / path.stem
        connection = sqlite3.connect(database)
        connection.executescript(path.read_text())
        connection.close()
        file = transcript(str(path.with_suffix("").relative_to(HOME)))
        found.append((file, row_lines(database, file.tables)))
    return found


def test_the_golden_history_says_what_its_author_knows(tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / "expected.json").read_text())
    outcome = read_home(HOME, tmp_path)
    for name, facts in expected["sessions"].items():
        session = outcome.sessions[name]
        assert {fact: getattr(session, fact) for fact in facts} == facts
    assert set(outcome.sessions) == set(expected["sessions"])
    assert Counter(m.kind for m in outcome.messages) == expected["messages"]
    prompts = sorted(
        (m for m in outcome.messages if m.kind == "prompt"), key=lambda m: (m.session, m.position)
    )
    typed = [[b.text or "" for b in outcome.blocks(m) if not b.data] for m in prompts]
    assert ["".join(texts) for texts in typed] == expected["prompts"]
    calls = Counter(tool.name for tool in outcome.tools)
    errors = Counter(tool.name for tool in outcome.tools if tool.is_error)
    assert {n: {"calls": calls[n], "errors": errors[n]} for n in calls} == expected["tools"]
    lines = {"added": 0, "removed": 0}
    for tool in outcome.tools:
        lines["added"] += tool.lines_added or 0
        lines["removed"] += tool.lines_removed or 0
    assert lines == expected["lines"]
    tokens = {c.model: (c.input_tokens, c.output_tokens) for c in outcome.calls}
    assert tokens == {n: (c["input"], c["output"]) for n, c in expected["calls"].items()}
    assert len(outcome.bad) == expected["bad"]


@pytest.mark.parametrize("index", range(3))
def test_any_pieces_of_a_database_give_the_same(index: int) -> None:
    file, lines = databases()[index]
    whole = by_key(rows(file, lines).entities)
    assert whole
    assert by_key(rows(file, lines, range(1, len(lines))).entities) == whole
    random = Random(index)
    for _ in range(20):
        cuts = sorted(random.sample(range(1, len(lines) + 1), min(3, len(lines))))
        assert by_key(rows(file, lines, cuts).entities) == whole


def test_rows_that_are_read_again_change_nothing() -> None:
    for file, lines in databases():
        parsed = CURSOR.parse(file, lines, None)
        again = CURSOR.parse(file, lines, parsed.state)
        assert by_key(Outcome([parsed, again]).entities) == by_key(Outcome([parsed]).entities)


def test_the_state_is_small_and_holds_no_words() -> None:
    for file, lines in databases():
        state = CURSOR.parse(file, lines, None).state
        assert b"gate" not in state and b"harbour" not in state
    file, _ = databases()[0]
    many = [
        Line(
            i,
            i,
            json.dumps({"table": "bubbles", "key": f"bubbleId:{i}:b", "value": "[1]"}).encode(),
        )
        for i in range(3000)
    ]
    assert len(CURSOR.parse(file, many, None).state) < 50_000


ODD: list[Any] = [None, True, -1, 0, 10**30, 1.5, "", "x", "\x00\ud800", [], [[]], {}, {"type": []}]


def mutated(value: Any, random: Random) -> Any:
    """Put something odd into a JSON value, also into JSON that stands in a text."""
    if random.random() < 0.08:
        return random.choice(ODD)
    if isinstance(value, dict):
        return {k: mutated(v, random) for k, v in value.items() if random.random() > 0.03}
    if isinstance(value, list):
        return [mutated(v, random) for v in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.dumps(mutated(json.loads(value), random))
        except ValueError:
            return value
    return value


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_odd_values_never_raise(seed: int) -> None:
    random = Random(seed)
    file, lines = databases()[seed % 3]
    odd = [
        Line(line.start, line.end, json.dumps(mutated(json.loads(line.raw), random)).encode())
        for line in lines
    ]
    rows(file, odd)
    path = random.choice(sorted(HOME.rglob("*.json*")))
    records = [mutated(json.loads(raw), random) for raw in texts_of(path)]
    raw = b"\n".join(json.dumps(record).encode() for record in records)
    document(raw, name=f"x{path.suffix}")


def texts_of(path: Path) -> list[str]:
    text = path.read_text()
    return [text] if path.suffix == ".json" else text.split("\n")[:-2]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_damaged_bytes_never_raise(seed: int) -> None:
    random = Random(seed)
    path = random.choice(
        [p for p in sorted(HOME.rglob("*")) if p.suffix in (".jsonl", ".txt", ".json")]
    )
    raw = bytearray(path.read_bytes())
    for _ in range(random.randrange(1, 30)):
        at = random.randrange(len(raw))
        raw[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
    document(bytes(raw[: random.randrange(len(raw))]), name=f"x{path.suffix}")


if CORPUS.is_dir():
    OTHERS = ("cursor_refactoring.jsonl", "cursor_session.jsonl")
    """Files that other programs wrote in formats of their own."""
    REAL = sorted(
        path
        for path in {*(CORPUS / "cursor").rglob("*.jsonl"), *(CORPUS / "misc").rglob("*.jsonl")}
        if "cursor" in str(path.relative_to(CORPUS)).lower() and path.name not in OTHERS
    )

    @pytest.mark.parametrize("path", REAL, ids=lambda path: "/".join(path.parts[-3:]))
    def test_real_transcripts_are_understood(path: Path) -> None:
        raw = path.read_bytes()
        records = [json.loads(line) for line in raw.splitlines()]
        blocks = [
            block
            for record in records
            if record.get("role") == "assistant"
            for block in record["message"]["content"]
        ]
        outcome = document(raw)
        assert outcome.bad == []
        assert not [m for m in outcome.messages if m.kind == "unknown"]
        assert len(outcome.tools) == sum(b["type"] in ("tool_use", "tool_call") for b in blocks)
        asked = [r for r in records if r.get("role") == "user" and "tool" not in json.dumps(r)]
        assert sum(m.kind == "prompt" for m in outcome.messages) <= len(asked) + 1
        assert outcome.calls == []

    def test_a_real_database_is_understood(tmp_path: Path) -> None:
        (path,) = (CORPUS / "cursor").rglob("*.vscdb")
        copy = tmp_path / "state.vscdb"
        copy.write_bytes(path.read_bytes())
        file = transcript(".config/Cursor/User/globalStorage/state.vscdb")
        outcome = rows(file, row_lines(copy, file.tables))
        (session,) = outcome.sessions.values()
        assert session.title and session.project_root == "/fixture/v016/project"
        assert Counter(m.kind for m in outcome.messages) == {"prompt": 2, "answer": 4}
        assert [tool.is_error for tool in outcome.tools] == [False, False]
        assert outcome.bad == [] and outcome.calls == []

    def test_a_chat_without_a_message_is_no_session(tmp_path: Path) -> None:
        (path,) = (CORPUS / "misc").rglob("Cursor/test-store.db")
        copy = tmp_path / "store.db"
        copy.write_bytes(path.read_bytes())
        file = transcript(".cursor/chats/0f/x/store.db")
        assert row_lines(copy, file.tables) == []

    def test_bubbles_as_another_reader_saw_them() -> None:
        """Fields of versions that name text, time and folder in another way."""
        for path in sorted((CORPUS / "misc").rglob("fixtures/cursor/headers_only_*.json")):
            case = json.loads(path.read_text())
            database = Path(mkdtemp()) / "state.vscdb"
            connection = sqlite3.connect(database)
            connection.execute("create table cursorDiskKV (key text unique, value blob)")
            pairs = [(row["key"], json.dumps(row["value"])) for row in case["bubble_rows"]]
            pairs.append((case["composer_key"], json.dumps(case["composer_data"])))
            connection.executemany("insert into cursorDiskKV values (?, ?)", pairs)
            connection.commit()
            connection.close()
            file = transcript(".config/Cursor/User/globalStorage/state.vscdb")
            outcome = rows(file, row_lines(database, file.tables))
            (session,) = outcome.sessions.values()
            assert (session.title, session.project_root) == (
                case["expected_title"],
                case["expected_workspace"],
            )
            assert len(outcome.messages) == len(case["expected_messages"])
            assert all(m.at for m in outcome.messages)
