"""Files beside a transcript: whole outputs of tools, facts about subagents, titles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_code_tracer.sources.source import Line, Parsed, Transcript
from claude_code_tracer.sources.values import MAX_TEXT_BYTES
from tests.unit.sources.parsing import CLAUDE, SESSION, Outcome, file_of, lines_of

ROOT = Path("/home/u/.claude/projects")
BESIDE = ROOT / "-p" / SESSION
META = "subagents/agent-a1.meta.json"
AGENT = f"{SESSION}/a1"


def document(name: str, raw: bytes) -> Parsed:
    """Parse a file beside the transcript of SESSION as the engine does."""
    file = CLAUDE.transcript(ROOT, BESIDE / name)
    assert file
    return CLAUDE.parse(file, [Line(0, len(raw), raw)], None)


def told(name: str, value: object) -> Outcome:
    return Outcome([document(name, json.dumps(value).encode())])


def transcript(*records: dict[str, Any], file: Transcript | None = None) -> Parsed:
    stamped = ({"timestamp": "2026-11-01T10:00:00Z", "uuid": str(n)} | r for n, r in
               enumerate(records))  # fmt: skip
    data = b"".join(json.dumps(record).encode() + b"\n" for record in stamped)
    return CLAUDE.parse(file or file_of(), lines_of(data), None)


def use(name: str, id: str) -> dict[str, Any]:
    block = {"type": "tool_use", "id": id, "name": name, "input": {}}
    return {"type": "assistant", "message": {"id": f"m{id}", "content": [block]}}


def result(text: str, id: str) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": id, "content": text}
    return {"type": "user", "message": {"content": [block]}}


BASH = [use("Bash", "toolu_1"), result("<persisted-output> first lines", "toolu_1")]


@pytest.mark.parametrize("is_file_first", [True, False])
def test_the_whole_output_replaces_its_preview(is_file_first: bool) -> None:
    parsed = [transcript(*BASH), document("tool-results/toolu_1.txt", b"all\nof it\n")]
    [tool] = Outcome(parsed[::-1] if is_file_first else parsed).tools
    assert (tool.name, tool.result, tool.is_error) == ("Bash", "all\nof it\n", False)
    assert tool.position == 0


def test_an_output_of_blocks_is_its_text() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "image", "source": {"data": ""}}]
    [tool] = told("tool-results/toolu_1.json", blocks).tools
    assert tool.result == "a\n[image: None, 0 bytes]"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"5", b'{"content": null}'])
def test_an_output_that_says_nothing_leaves_the_preview(raw: bytes) -> None:
    parsed = document("tool-results/toolu_1.json", raw)
    assert parsed.entities == []
    assert [span.reason for span in parsed.bad] == (["not JSON"] if raw in (b"", b"{") else [])


def test_an_output_is_cut_and_cleaned() -> None:
    [tool] = Outcome([document("tool-results/toolu_1.txt", b"a\0b\xff" + b"x" * 300_000)]).tools
    assert tool.result is not None
    assert tool.result.startswith("a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}x")
    assert len(tool.result.encode()) < MAX_TEXT_BYTES + 100


META_FACTS = {
    "agentType": "Explore",
    "description": "find doubles",
    "toolUseId": "toolu_9",
    "spawnDepth": 1,
    "worktreePath": "/p/.trees/a",
}


@pytest.mark.parametrize("is_file_first", [True, False])
def test_a_subagent_is_described_beside_its_file(is_file_first: bool) -> None:
    own = transcript(
        {"type": "user", "message": {"content": "Look around"}, "cwd": "/p"},
        file=file_of(AGENT, parent=SESSION),
    )
    parsed = [transcript(use("Agent", "toolu_9")), own, document(META, _json(META_FACTS))]
    outcome = Outcome(parsed[::-1] if is_file_first else parsed)
    session = outcome.sessions[AGENT]
    assert (session.parent, session.relation, session.agent_id) == (SESSION, "subagent", "a1")
    assert (session.agent_type, session.title) == ("Explore", "find doubles")
    assert (session.cwd, session.path) == ("/p", f"/home/u/{AGENT}.jsonl")
    [tool] = outcome.tools
    assert (tool.name, tool.agent_session) == ("Agent", AGENT)


def test_a_name_is_a_better_title_than_a_description() -> None:
    assert told(META, {"name": "scout", "description": "x"}).sessions[AGENT].title == "scout"


def test_the_call_of_a_nested_subagent_stands_in_its_parent() -> None:
    outcome = told(META, {**META_FACTS, "parentAgentId": "b2"})
    assert [tool.session for tool in outcome.tools] == [f"{SESSION}/b2"]
    assert outcome.sessions[AGENT].parent == SESSION


def test_a_title_beside_the_transcript_is_a_person_s() -> None:
    generated = transcript({"type": "ai-title", "aiTitle": "by a model"})
    sidecar = document("custom-title.json", b'{"customTitle": "by hand"}')
    for parsed in ([generated, sidecar], [sidecar, generated]):
        assert Outcome(parsed).sessions[SESSION].title == "by hand"


def test_a_newer_title_in_the_transcript_wins() -> None:
    lines = [{"type": "mode"}, {"type": "custom-title", "customTitle": "newer"}]
    sidecar = document("custom-title.json", b'{"customTitle": "older"}')
    for parsed in ([transcript(*lines), sidecar], [sidecar, transcript(*lines)]):
        assert Outcome(parsed).sessions[SESSION].title == "newer"


@pytest.mark.parametrize("name", ["custom-title.json", META])
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff", b'{"customTitle": "\\u0000"}'])
def test_a_damaged_document_is_a_bad_span(name: str, raw: bytes) -> None:
    parsed = document(name, raw)
    assert parsed.entities == []
    assert [(s.start, s.end, s.reason) for s in parsed.bad] == [(0, len(raw), "not a JSON object")]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["custom-title.json", META, "tool-results/toolu_1.json"]),
    st.dictionaries(
        st.sampled_from([*META_FACTS, "name", "parentAgentId", "customTitle", "content"]), anything
    ),
)
def test_a_document_may_say_anything_and_twice(name: str, value: dict[str, Any]) -> None:
    raw = json.dumps(value).encode()
    once, twice = document(name, raw), document(name, raw)
    assert Outcome([once, twice]).entities == Outcome([once]).entities
    assert all(entity.revision in (0, 2**52) for entity in once.entities)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
