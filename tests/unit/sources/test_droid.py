"""Droid: an Anthropic-like conversation, and a session's tokens in its settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.sources.droid import Droid
from claude_code_tracer.sources.source import Line, Shape, Transcript
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome, lines_of
from tests.unit.sources.pieces import assert_pieces_agree, jsonl, parse_file, tokens

DROID = Droid()
HOME = Path("/home/u")
ROOT = HOME / ".factory" / "sessions"
FILE = Transcript("droid", ROOT / "-w" / "one.jsonl", "one")
SETTINGS = Transcript("droid", ROOT / "-w" / "one.settings.json", "one", None, Shape.DOCUMENT)
CORPUS = sorted((SHARED / "corpus" / "misc").rglob("agents/droid/session_store*.jsonl"))
START = {"type": "session_start", "id": "one", "title": "T", "cwd": "/w", "version": "0.120.1"}

PATCH = "*** Begin Patch\n*** Update File: a.ts\n@@\n same\n-old\n+new\n+more\n*** End Patch"


def message(number: int, role: str, *content: Any, **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"m{number}",
        "timestamp": f"2026-06-01T10:00:{number:02}.000Z",
        "message": {"role": role, "content": list(content)},
        **fields,
    }


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def use(id: str, name: str, **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def result(id: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **fields}


def parse(*records: dict[str, Any]) -> Outcome:
    data = jsonl(*records)
    assert_pieces_agree(DROID, FILE, data)
    return parse_file(DROID, FILE, data)


def settings(**values: Any) -> Outcome:
    return parse_file(DROID, SETTINGS, json.dumps(values, indent=2).encode())


def test_roots_honour_the_variable() -> None:
    assert DROID.roots({}, HOME) == [ROOT]
    assert DROID.roots({"FACTORY_DIR": "/f"}, HOME) == [Path("/f/sessions")]
    assert DROID.roots({"FACTORY_DIR": "~/f/sessions"}, HOME) == [HOME / "f/sessions"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("-w/one.jsonl", ("one", Shape.LINES)),
        ("one.jsonl", ("one", Shape.LINES)),
        ("-w/one.settings.json", ("one", Shape.DOCUMENT)),
        ("-w/one.json", None),
        ("-w/deep/one.jsonl", None),
        ("-w/.one.jsonl", None),
    ],
)
def test_which_files_are_transcripts(name: str, expected: tuple[str, Shape] | None) -> None:
    found = DROID.transcript(ROOT, ROOT / name)
    assert (found and (found.session, found.shape)) == expected


def test_the_settings_are_one_call_for_the_session() -> None:
    usage = {"inputTokens": 10, "outputTokens": 20, "cacheReadTokens": 30}
    usage |= {"cacheCreationTokens": 40, "thinkingTokens": 5}
    locked = "2026-06-01T10:00:00.500Z"
    outcome = settings(model="gpt-5.1", providerLockTimestamp=locked, tokenUsage=usage)
    (call,) = outcome.calls
    assert tokens([call]) == (1, 10, 20, 30, 40)
    assert (call.usage_quality, call.model, call.reasoning_tokens) == (
        "session_total",
        "gpt-5.1",
        5,
    )
    assert call.at and call.at.second == 0


def test_a_later_version_of_the_settings_replaces_the_earlier() -> None:
    small = json.dumps({"model": "m", "tokenUsage": {"inputTokens": 1, "outputTokens": 2}})
    large = json.dumps({"model": "m", "tokenUsage": {"inputTokens": 90, "outputTokens": 2}})
    parsed = [
        DROID.parse(SETTINGS, [Line(0, len(raw), raw.encode())], None)
        for raw in (small, large, small)
    ]
    assert tokens(Outcome(parsed).calls) == (1, 90, 2, 0, 0)


@pytest.mark.parametrize(
    "values", [{}, {"tokenUsage": {}}, {"tokenUsage": {"inputTokens": 0}}, {"tokenUsage": [1]}]
)
def test_a_session_that_used_nothing_yet_is_no_call(values: dict[str, Any]) -> None:
    assert settings(**values).entities == []


@pytest.mark.parametrize(
    ("written", "model"),
    [
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("custom:GLM-4.6-[Z.AI]-0", "GLM-4.6"),
        ("custom:Claude-Opus-4.5-[Anthropic]-12", "Claude-Opus-4.5"),
        ("custom:claude-opus-4.5[1m]", "claude-opus-4.5[1m]"),
        ("custom:gpt-5-1", "gpt-5-1"),
        (None, None),
        (7, None),
    ],
)
def test_own_models_are_known_by_their_name(written: object, model: str | None) -> None:
    (call,) = settings(model=written, tokenUsage={"inputTokens": 1}).calls
    assert call.model == model


def test_damaged_settings_are_a_bad_span() -> None:
    outcome = parse_file(DROID, SETTINGS, b'{"model": "m", "tokenUsage": {"inputTo')
    assert outcome.entities == []
    assert len(outcome.bad) == 1


def test_a_conversation_with_tools() -> None:
    outcome = parse(
        START,
        message(1, "user", text("<system-reminder>\nBe brief.\n</system-reminder>\n\nDo it")),
        message(
            2,
            "assistant",
            {"type": "thinking", "thinking": "Hm.", "signature": "x"},
            {"type": "redacted_thinking", "data": "x"},
            text("I look."),
            use("t1", "Execute", command="ls"),
        ),
        message(3, "user", result("t1", [text("a"), text("b")], is_error=False)),
    )
    prompt, answer = outcome.messages
    assert (prompt.kind, answer.kind) == ("prompt", "answer")
    assert [block.data for block in outcome.blocks(prompt)] == [
        {"injected": "system-reminder"},
        None,
    ]
    assert [block.kind for block in outcome.blocks(answer)] == ["thinking", "text", "tool_call"]
    (tool,) = outcome.tools
    assert (tool.name, tool.result, tool.is_error) == ("Execute", "a\nb", False)
    assert tool.message == answer.id
    assert tool.started_at and tool.ended_at
    session = outcome.sessions["one"]
    assert (session.title, session.cwd, session.tool_version) == ("T", "/w", "0.120.1")


@pytest.mark.parametrize(
    ("call", "answer", "lines"),
    [
        (use("t", "Edit", file_path="a", old_str="x", new_str="y\nz"), {"is_error": False}, (2, 1)),
        (use("t", "Edit", file_path="a", old_str="x", new_str="y"), {"is_error": True}, (0, 0)),
        (use("t", "Create", file_path="a", content="1\n2\n3"), {}, (3, 0)),
        (
            use("t", "MultiEdit", file_path="a", changes=[{"old_str": "x", "new_str": ""}] * 2),
            {},
            (0, 2),
        ),
        (use("t", "ApplyPatch", input=PATCH), {"is_error": False}, (2, 1)),
        (use("t", "ApplyPatch", input=PATCH), {"is_error": True}, (0, 0)),
        (use("t", "ApplyPatch", input="no patch"), {}, (None, None)),
        (use("t", "Read", file_path="a"), {}, (None, None)),
    ],
)
def test_lines_of_edits(
    call: dict[str, Any], answer: dict[str, Any], lines: tuple[int | None, int | None]
) -> None:
    outcome = parse(
        START, message(1, "assistant", call), message(2, "user", result("t", "", **answer))
    )
    (tool,) = outcome.tools
    assert (tool.lines_added, tool.lines_removed) == lines


def test_whether_a_tool_failed_is_unknown_when_it_is_not_written() -> None:
    outcome = parse(
        START,
        message(1, "assistant", use("t", "Execute", command="ls")),
        message(2, "user", result("t", "Error: Command failed (exit code: 1)")),
    )
    assert outcome.tools[0].is_error is None


@pytest.mark.parametrize(
    "record",
    [
        message(1, "user", text("<system-reminder>\nonly this\n</system-reminder>")),
        message(1, "user", text("stop hook"), hookOrder=1),
        message(1, "user", text("<system-notification>\nSkills\n</system-notification>")),
        message(1, "user", text("nightly run"), userMessageSource="automation"),
        message(1, "user", text("for the model"), visibility="llm_only"),
        message(1, "system", text("rules")),
    ],
)
def test_what_a_person_did_not_type_is_injected(record: dict[str, Any]) -> None:
    assert parse(START, record).messages[0].kind == "injected"


def test_a_called_session_is_a_subagent_and_has_no_prompts() -> None:
    outcome = parse({**START, "callingSessionId": "main"}, message(1, "user", text("Review")))
    session = outcome.sessions["one"]
    assert (session.parent, session.relation, session.agent_id) == ("main", "subagent", "one")
    assert outcome.messages[0].kind == "injected"


@pytest.mark.parametrize("place", ["record", "message"])
def test_what_only_the_person_sees_is_no_prompt(place: str) -> None:
    record = message(1, "user", text("Error: Connection error."))
    (record if place == "record" else record["message"])["visibility"] = "user_only"
    outcome = parse(START, record)
    assert outcome.messages[0].kind == "notice"
    assert outcome.sessions["one"].title == "T"


def test_a_mission_s_worker_has_no_prompts() -> None:
    outcome = parse({**START, "decompSessionType": "worker"}, message(1, "user", text("Feature 1")))
    assert outcome.messages[0].kind == "injected"
    assert outcome.sessions["one"].relation is None


def test_the_call_that_started_a_session_knows_it() -> None:
    outcome = parse({**START, "callingSessionId": "main", "callingToolUseId": "toolu_1"})
    (tool,) = outcome.tools
    assert (tool.session, tool.native_id, tool.agent_session) == ("main", "toolu_1", "one")


@pytest.mark.parametrize(
    ("fields", "title", "rank"),
    [
        ({"title": "Fix it", "sessionTitle": "New Session"}, "Fix it", 4),
        ({"title": "New Session"}, "Do it", 1),
        ({"title": "Fix it", "isSessionTitleManuallySet": True}, "Fix it", 5),
    ],
)
def test_titles(fields: dict[str, Any], title: str, rank: int) -> None:
    session = parse({**START, **fields}, message(1, "user", text("Do it"))).sessions["one"]
    assert (session.title, session.title_rank) == (title, rank)


def test_a_session_may_have_moved() -> None:
    session = parse({**START, "lastCwd": "/w/sub"}).sessions["one"]
    assert (session.project_root, session.cwd) == ("/w", "/w/sub")


def test_settings_without_a_time_are_dated_by_the_first_message() -> None:
    said = DROID.parse(FILE, lines_of(jsonl(START, message(1, "user", text("Do it")))), None)
    raw = json.dumps({"model": "m", "tokenUsage": {"inputTokens": 3}}).encode()
    used = DROID.parse(SETTINGS, [Line(0, len(raw), raw)], None)
    for order in ([said, used], [used, said]):
        (call,) = Outcome(order).calls
        assert (call.model, call.input_tokens) == ("m", 3)
        assert call.at and call.at.isoformat() == "2026-06-01T10:00:01+00:00"


def test_compaction_housekeeping_and_the_unknown() -> None:
    at = "2026-06-01T10:00:09.000Z"
    outcome = parse(
        START,
        {"type": "todo_state", "id": "a", "timestamp": at, "todos": {}},
        {"type": "compaction_state", "id": "b", "timestamp": at, "summaryText": "So far."},
        {"type": "hologram", "id": "c", "timestamp": at},
    )
    assert [message.kind for message in outcome.messages] == ["compaction", "unknown"]
    assert outcome.texts(outcome.messages[0]) == ["So far."]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_real_files(path: Path) -> None:
    data = path.read_bytes()
    outcome = parse_file(DROID, FILE, data)
    assert_pieces_agree(DROID, FILE, data)
    assert outcome.bad == []
    assert all(message.kind != "unknown" for message in outcome.messages)
    records = [json.loads(line) for line in data.splitlines() if line.strip()]
    said = [r for r in records if r["type"] == "message" and "tool_result" not in json.dumps(r)]
    assert len(outcome.messages) == len(said)
