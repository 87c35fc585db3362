"""Copilot CLI: events, subagents, and one total per session and model from three places."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.sources.copilot import Copilot
from claude_code_tracer.sources.copilot.events import SKIPPED
from claude_code_tracer.sources.source import Line, Parsed, Shape, Transcript
from claude_code_tracer.tail.rows import row_pages
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome, lines_of
from tests.unit.sources.pieces import assert_pieces_agree, jsonl, parse_file, tokens

COPILOT = Copilot()
HOME = Path("/home/u")
ROOT = HOME / ".copilot"
FILE = Transcript("copilot", ROOT / "session-state" / "one" / "events.jsonl", "one")
CORPUS = sorted((SHARED / "corpus" / "misc").rglob("agents/copilot/**/*.jsonl"))
MODEL = "claude-sonnet-4.5"


def event(second: int, kind: str, **data: Any) -> dict[str, Any]:
    at = f"2026-06-01T10:00:{second:02}.000Z"
    return {"type": kind, "data": data, "id": f"e{second}", "timestamp": at, "parentId": None}


def start(**data: Any) -> dict[str, Any]:
    context = {"cwd": "/w", "branch": "main"}
    return event(0, "session.start", copilotVersion="1.0.40", context=context, **data)


def said(second: int, output: int | None, **data: Any) -> dict[str, Any]:
    more = {} if output is None else {"outputTokens": output}
    return event(second, "assistant.message", content="x", messageId=f"m{second}", **more, **data)


def shutdown(second: int, **models: tuple[int, int, int, int]) -> dict[str, Any]:
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens")
    metrics = {
        name.replace("_", "-"): {"usage": dict(zip(names, numbers, strict=True))}
        for name, numbers in models.items()
    }
    return event(second, "session.shutdown", modelMetrics=metrics)


def parse(*records: dict[str, Any]) -> Outcome:
    data = jsonl(*records)
    assert_pieces_agree(COPILOT, FILE, data)
    return parse_file(COPILOT, FILE, data)


def test_roots_honour_the_variable() -> None:
    assert COPILOT.roots({}, HOME) == [ROOT]
    assert COPILOT.roots({"COPILOT_HOME": "/c"}, HOME) == [Path("/c")]
    assert COPILOT.roots({"COPILOT_HOME": "~/c"}, HOME) == [HOME / "c"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("session-state/one/events.jsonl", ("one", Shape.LINES)),
        ("session-state/one.jsonl", ("one", Shape.LINES)),
        ("session-store.db", ("session-store", Shape.ROWS)),
        ("session-state/one/workspace.yaml", None),
        ("session-state/one/files/events.jsonl", None),
        ("history-session-state/one.json", None),
        ("other.db", None),
        ("logs/one.jsonl", None),
    ],
)
def test_which_files_are_transcripts(name: str, expected: object) -> None:
    found = COPILOT.transcript(ROOT, ROOT / name)
    assert (found and (found.session, found.shape)) == expected


# The conversation ------------------------------------------------------------------------------


def test_a_turn_with_a_tool() -> None:
    request = {"toolCallId": "c1", "name": "bash", "arguments": '{"command": "ls"}'}
    outcome = parse(
        start(selectedModel=MODEL),
        event(
            1,
            "user.message",
            content="List",
            transformedContent="<now>List",
            attachments=[{"type": "file", "path": "/w/a", "displayName": "a"}],
        ),
        said(2, 12, toolRequests=[request], reasoningText="Easy.", encryptedContent="eA=="),
        event(3, "tool.execution_start", toolCallId="c1", toolName="bash"),
        event(4, "tool.execution_complete", toolCallId="c1", success=True, result={"content": "a"}),
    )
    prompt, answer = outcome.messages
    assert (prompt.kind, answer.kind, answer.model) == ("prompt", "answer", MODEL)
    assert [block.kind for block in outcome.blocks(prompt)] == ["text", "document"]
    assert [block.kind for block in outcome.blocks(answer)] == ["thinking", "text", "tool_call"]
    (tool,) = outcome.tools
    assert (tool.name, tool.input, tool.result) == ("bash", {"command": "ls"}, "a")
    assert tool.is_error is False
    assert tool.started_at and tool.started_at.second == 3
    session = outcome.sessions["one"]
    assert (session.cwd, session.branch, session.tool_version) == ("/w", "main", "1.0.40")
    assert session.title == "List"


def test_an_edit_takes_the_diff_of_its_result_or_what_it_proposed() -> None:
    diff = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -4 +4,2 @@\n-x\n+y\n+z\n"
    edit = {"path": "/w/a", "old_str": "x", "new_str": "y"}
    requests = [
        {"toolCallId": "c1", "name": "edit", "arguments": edit},
        {"toolCallId": "c2", "name": "edit", "arguments": edit},
        {
            "toolCallId": "c3",
            "name": "create",
            "arguments": {"path": "/w/b", "file_text": "1\n2\n"},
        },
        {"toolCallId": "c4", "name": "edit", "arguments": edit},
    ]
    outcome = parse(
        start(),
        said(1, 5, toolRequests=requests),
        event(
            2,
            "tool.execution_complete",
            toolCallId="c1",
            success=True,
            result={"detailedContent": diff},
        ),
        event(
            3, "tool.execution_complete", toolCallId="c2", success=True, result={"content": "ok"}
        ),
        event(4, "tool.execution_complete", toolCallId="c3", success=True, result="ok"),
        event(
            5, "tool.execution_complete", toolCallId="c4", success=False, error={"message": "no"}
        ),
    )
    lines = [(tool.lines_added, tool.lines_removed) for tool in outcome.tools]
    assert lines == [(2, 1), (1, 1), (2, 0), (0, 0)]
    assert outcome.tools[0].diff[0]["old_start"] == 4
    assert [tool.result for tool in outcome.tools] == ["", "ok", "ok", "no"]
    assert outcome.tools[3].is_error is True


def test_a_tool_that_a_person_asked_for_needs_no_answer() -> None:
    outcome = parse(
        start(),
        event(
            1, "tool.user_requested", toolCallId="c1", toolName="bash", arguments={"command": "ls"}
        ),
        event(2, "tool.execution_start", toolCallId="c1", toolName="bash"),
        event(3, "tool.execution_complete", toolCallId="c1", success=True, result={"content": "a"}),
    )
    (tool,) = outcome.tools
    assert (tool.name, tool.input, tool.result) == ("bash", {"command": "ls"}, "a")


@pytest.mark.parametrize("by", ["call", "agent"])
def test_a_subagent_is_a_session_of_its_own(by: str) -> None:
    inner = said(3, None, parentToolCallId="c1") if by == "call" else said(3, None)
    begun = event(2, "subagent.started", toolCallId="c1", agentName="explore")
    extra = {"agentId": "agent-1"} if by == "agent" else {}
    request = {"toolCallId": "c1", "name": "task", "arguments": {}}
    outcome = parse(start(), said(1, None, toolRequests=[request]), begun | extra, inner | extra)
    session = outcome.sessions["one/c1"]
    assert (session.parent, session.relation, session.agent_id) == ("one", "subagent", "c1")
    assert session.agent_type == "explore"
    assert [message.session for message in outcome.messages] == ["one", "one/c1"]
    assert outcome.tools[0].agent_session == "one/c1"


@pytest.mark.parametrize(
    "record",
    [
        event(1, "user.message", content="skill text", source="skill-pdf"),
        event(1, "user.message", content="go", isAutopilotContinuation=True),
        event(1, "user.message", content="go", source="agent-one"),
        event(1, "user.message", content="<system_notification>\nAgent done.", source=""),
        event(
            1,
            "user.message",
            content="hello",
            transformedContent="<cross_session_message>from_session_id: x</cross_session_message>",
        ),
        event(1, "user.message", content="go", parentToolCallId="c1"),
        event(1, "system.message", content="You are Copilot."),
        event(1, "system.notification", content="agent done"),
        event(1, "skill.invoked", name="pdf"),
    ],
)
def test_what_a_person_did_not_type_is_injected(record: dict[str, Any]) -> None:
    assert [message.kind for message in parse(start(), record).messages] == ["injected"]


def test_a_task_that_telemetry_knows_a_prompt_by_does_not_make_it_less_typed() -> None:
    """From 1.0.100 or so every prompt bears one."""
    prompt = event(1, "user.message", content="go", parentAgentTaskId="9d99", delivery="idle")
    outcome = parse(start(), prompt)
    assert [message.kind for message in outcome.messages] == ["prompt"]
    assert outcome.sessions["one"].title == "go"


def test_what_lives_only_while_it_runs_is_no_message() -> None:
    assert parse(start(), event(1, "session.hologram") | {"ephemeral": True}).messages == []


def test_notices_compaction_and_the_unknown() -> None:
    outcome = parse(
        start(),
        event(1, "session.error", errorType="query", message="Rate limited", statusCode=429),
        event(2, "abort", reason="user initiated"),
        event(3, "session.model_change", newModel="gpt-5"),
        event(4, "session.compaction_complete", success=True, summaryContent="So far."),
        event(5, "session.truncation", tokensRemovedDuringTruncation=3),
        event(6, "session.hologram", depth=3),
        *(event(7, kind) for kind in sorted(SKIPPED)),
    )
    kinds = [message.kind for message in outcome.messages]
    assert kinds == ["notice", "notice", "notice", "compaction", "notice", "unknown"]
    assert outcome.messages[0].flags == ["api_error"]
    assert outcome.messages[1].flags == ["interrupted"]
    assert outcome.blocks(outcome.messages[0])[0].data == {"errorType": "query", "statusCode": 429}


def test_a_thought_that_the_answer_repeats_is_told_once() -> None:
    thought = event(1, "assistant.reasoning", reasoningId="r", content="Hm.")
    outcome = parse(start(), thought, said(2, None, reasoningText="Hm."))
    kinds = [block.kind for message in outcome.messages for block in outcome.blocks(message)]
    assert kinds == ["thinking", "text"]


def test_a_patch_names_its_first_file() -> None:
    patch = (
        "*** Begin Patch\n*** Update File: /w/a.py\n@@\n-x\n+y\n*** Add File: b\n+z\n*** End Patch"
    )
    request = {"toolCallId": "c1", "name": "apply_patch", "arguments": patch}
    diff = "--- a/w/a.py\n+++ b/w/a.py\n@@ -1,1 +1,2 @@\n-x\n+y\n+z\n"
    outcome = parse(
        start(),
        said(1, None, toolRequests=[request]),
        event(
            2,
            "tool.execution_complete",
            toolCallId="c1",
            success=True,
            result={"content": "Modified 1 file(s)", "detailedContent": diff},
        ),
    )
    (tool,) = outcome.tools
    assert (tool.file_path, tool.lines_added, tool.lines_removed) == ("/w/a.py", 2, 1)


def test_titles_and_places_that_change() -> None:
    outcome = parse(
        start(),
        event(1, "session.title_changed", title="A better title"),
        event(2, "session.resume", context={"cwd": "/v", "branch": "fix"}),
    )
    session = outcome.sessions["one"]
    assert (session.title, session.title_rank) == ("A better title", 4)
    assert (session.project_root, session.cwd, session.branch) == ("/w", "/v", "fix")


# What it cost ----------------------------------------------------------------------------------


def test_answers_alone_are_a_lower_bound_without_an_input() -> None:
    (call,) = parse(start(selectedModel=MODEL), said(1, 40), said(2, 2)).calls
    assert (call.output_tokens, call.input_tokens, call.cache_read_tokens) == (42, None, None)
    assert (call.usage_quality, call.model) == ("lower_bound", MODEL)
    assert call.at and call.at.second == 1


def test_a_shutdown_says_all_of_it_and_replaces_the_answers() -> None:
    (call,) = parse(
        start(selectedModel="gpt-5"), said(1, 40), shutdown(2, gpt_5=(1000, 50, 700, 100))
    ).calls
    assert tokens([call]) == (1, 200, 50, 700, 100)
    assert call.usage_quality == "session_total"


def test_shutdowns_of_a_resumed_session_are_not_added() -> None:
    outcome = parse(
        start(selectedModel="gpt-5"),
        said(1, 40),
        shutdown(2, gpt_5=(1000, 50, 700, 100)),
        event(3, "session.resume"),
        said(4, 30),
        shutdown(5, gpt_5=(1800, 90, 1300, 150)),
    )
    assert tokens(outcome.calls) == (1, 350, 90, 1300, 150)


def test_counters_that_were_set_back_are_added() -> None:
    """Older versions count each run of a resumed session alone, and a compaction sets back."""
    first, second = shutdown(2, gpt_5=(1000, 50, 700, 0)), shutdown(5, gpt_5=(400, 20, 100, 0))
    outcome = parse(start(selectedModel="gpt-5"), said(1, 40), first, said(4, 20), second)
    assert tokens(outcome.calls) == (1, 600, 70, 800, 0)


def test_counters_that_cannot_hold_what_was_said_are_added() -> None:
    first, second = shutdown(2, gpt_5=(1000, 50, 700, 0)), shutdown(5, gpt_5=(1100, 60, 800, 0))
    outcome = parse(start(selectedModel="gpt-5"), said(1, 50), first, said(4, 60), second)
    assert tokens(outcome.calls) == (1, 600, 110, 1500, 0)


def test_what_was_said_since_the_last_shutdown_counts() -> None:
    outcome = parse(
        start(selectedModel="gpt-5"), shutdown(2, gpt_5=(100, 50, 0, 0)), said(3, 7), said(4, 5)
    )
    assert tokens(outcome.calls) == (1, 100, 62, 0, 0)


def test_an_answer_in_several_events_is_counted_once() -> None:
    chunk = {"chunkCount": 2, "messageId": "m", "model": MODEL}
    events = [event(s, "assistant.message", content="x", outputTokens=40, **chunk) for s in (1, 2)]
    assert tokens(parse(start(), *events).calls) == (1, 0, 40, 0, 0)


def test_the_model_is_what_answered_not_what_was_chosen() -> None:
    """With `auto` it shows only in the first result of a tool."""
    outcome = parse(
        start(selectedModel="auto"),
        said(1, 10),
        event(2, "tool.execution_complete", toolCallId="c", model="gpt-5-mini", success=True),
        said(3, 5),
        said(4, 2, model="gpt-5"),
    )
    outputs = {call.model: call.output_tokens for call in outcome.calls}
    assert outputs == {"gpt-5-mini": 15, "gpt-5": 2}


def test_a_session_that_names_no_model_has_tokens_without_one() -> None:
    (call,) = parse(start(), said(1, 12), said(2, 14)).calls
    assert (call.model, call.output_tokens) == (None, 26)


def test_a_subagents_answers_count_for_its_own_model() -> None:
    outcome = parse(
        start(selectedModel="gpt-5"),
        said(1, 10, parentToolCallId="c1"),
        event(
            2,
            "tool.execution_complete",
            parentToolCallId="c1",
            toolCallId="c2",
            model="haiku",
            success=True,
        ),
        said(3, 5, parentToolCallId="c1"),
        said(4, 7),
    )
    assert {call.model: call.output_tokens for call in outcome.calls} == {"haiku": 5, "gpt-5": 7}
    assert {call.session for call in outcome.calls} == {"one"}


def test_details_of_the_session_stand_in_for_those_of_its_only_model() -> None:
    details = {name: {"tokenCount": n} for n, name in enumerate(("cache_write", "input", "output"))}
    ended = event(2, "session.shutdown", modelMetrics={"m": {"requests": 2}}, tokenDetails=details)
    assert tokens(parse(start(), ended).calls) == (1, 1, 2, 0, 0)


def test_details_of_a_model_stand_in_for_its_usage() -> None:
    details = {"input": {"tokenCount": 10}, "cache_read": {"tokenCount": 20}}
    metrics = {
        "m": {"tokenDetails": {**details, "output": {"tokenCount": 5}}, "usage": {}},
        "n": {"usage": {"inputTokens": 3, "outputTokens": 1}},
    }
    outcome = parse(start(), event(2, "session.shutdown", modelMetrics=metrics))
    assert tokens(outcome.calls) == (2, 13, 6, 20, 0)


def noted(second: int, model: str, *counts: int, **more: Any) -> dict[str, Any]:
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens")
    usage = {"model": model, **dict(zip(names, counts, strict=True)), "apiCallId": f"r{second}"}
    return event(second, "session.usage_record", usage=usage) | more


def test_requests_that_are_noted_one_by_one_need_no_shutdown() -> None:
    (call,) = parse(
        start(selectedModel="gpt-5"),
        noted(1, "gpt-5", 1000, 50, 700, 100),
        said(2, 50, model="gpt-5"),
        noted(3, "gpt-5", 1200, 20, 900, 0, agentId="agent-1"),
    ).calls
    assert tokens([call]) == (1, 500, 70, 1600, 100)
    assert call.usage_quality == "session_total"


def test_a_shutdown_sums_up_the_requests_that_were_noted() -> None:
    outcome = parse(
        start(),
        noted(1, "gpt-5", 1000, 50, 700, 100),
        shutdown(2, gpt_5=(1000, 50, 700, 100)),
        event(3, "session.resume"),
        noted(4, "gpt-5", 500, 10, 400, 0),
        noted(5, "haiku", 30, 3, 0, 0),
        shutdown(6, gpt_5=(1500, 60, 1100, 100), haiku=(30, 3, 0, 0)),
        noted(7, "gpt-5", 10, 1, 0, 0),
    )
    assert tokens(outcome.calls) == (2, 340, 64, 1100, 100)


def test_requests_before_a_crash_stay_when_the_counters_begin_anew() -> None:
    outcome = parse(
        start(),
        noted(1, "gpt-5", 1000, 50, 700, 0),
        event(3, "session.resume"),
        noted(4, "gpt-5", 500, 10, 400, 0),
        shutdown(6, gpt_5=(500, 10, 400, 0)),
        shutdown(7, gpt_5=(500, 10, 400, 0)),
    )
    assert tokens(outcome.calls) == (1, 400, 60, 1100, 0)


def test_a_subagents_model_is_not_the_sessions() -> None:
    agent = {"agentId": "agent-1"}
    outcome = parse(
        start(selectedModel="gpt-5"),
        event(1, "subagent.started", toolCallId="c1", agentName="explore", model="mini") | agent,
        event(2, "subagent.configured", model="haiku") | agent,
        said(3, None) | agent,
        event(4, "session.model_change", newModel="nano") | agent,
        said(5, None) | agent,
        said(6, None),
    )
    answers = [message.model for message in outcome.messages if message.kind == "answer"]
    assert answers == ["haiku", "nano", "gpt-5"]


# The database ----------------------------------------------------------------------------------

COLUMNS = """id integer primary key, session_id text, model text, input_tokens integer,
  output_tokens integer, cache_read_tokens integer, cache_write_tokens integer,
  reasoning_tokens integer, created_at text"""
ROW = (1, "one", "gpt-5", 2000, 50, 1500, 100, 10, "2026-06-01 10:00:04")


def store(path: Path, rows: Iterable[tuple[Any, ...]], extra: str = "") -> Path:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"create table assistant_usage_events ({COLUMNS}{extra})")
        db.execute(
            "create table sessions (id text, cwd text, branch text, summary text, updated_at text)"
        )
        for row in rows:
            marks = ", ".join("?" * len(row))
            db.execute(f"insert into assistant_usage_events values ({marks})", row)
    return path


def read(path: Path) -> Parsed:
    file = COPILOT.transcript(path.parent, path)
    assert file
    pages = row_pages(str(path), file.tables, b"", rows=100, row_max=10_000)
    lines = [Line(row.mark, row.mark, row.raw) for page in pages for row in page.rows]
    return COPILOT.parse(file, lines, None)


def test_the_database_sums_a_model_of_a_session(tmp_path: Path) -> None:
    second = (2, "one", "gpt-5", 300, 5, None, None, None, "2026-06-01 10:00:09")
    other = (3, "two", "gpt-5", None, 7, None, None, None, "2026-06-01T11:00:00Z")
    outcome = Outcome([read(store(tmp_path / "session-store.db", [ROW, second, other]))])
    one, two = outcome.calls
    assert tokens([one]) == (1, 700, 55, 1500, 100)
    assert (one.reasoning_tokens, one.usage_quality) == (10, "session_total")
    assert one.at and one.at.second == 4
    assert (two.session, two.input_tokens, two.output_tokens) == ("two", None, 7)
    assert one.reported_cost_usd is None


def test_credits_are_a_cost_when_every_request_has_them(tmp_path: Path) -> None:
    extra = ", total_nano_aiu integer"
    rated = [(*ROW, 700_000_000), (2, *ROW[1:], 550_000_000)]
    half = [(*ROW, 700_000_000), (2, *ROW[1:], None)]
    (call,) = Outcome([read(store(tmp_path / "session-store.db", rated, extra))]).calls
    assert call.reported_cost_usd == Decimal("0.0125")
    (tmp_path / "half").mkdir()
    (call,) = Outcome([read(store(tmp_path / "half" / "session-store.db", half, extra))]).calls
    assert call.reported_cost_usd is None


def test_events_and_database_never_count_twice(tmp_path: Path) -> None:
    """Whatever of the two knows more counts, in any order of reading."""
    rows = read(store(tmp_path / "session-store.db", [ROW]))
    events = jsonl(start(selectedModel="gpt-5"), said(1, 40))
    ended = jsonl(
        start(selectedModel="gpt-5"), said(1, 40), shutdown(2, gpt_5=(2000, 50, 1500, 100))
    )
    for data in (events, ended):
        log = COPILOT.parse(FILE, lines_of(data), None)
        for order in ([rows, log], [log, rows], [log, rows, log]):
            assert tokens(Outcome(order).calls) == (1, 400, 50, 1500, 100)


def test_the_database_tells_facts_that_events_overrule(tmp_path: Path) -> None:
    path = store(tmp_path / "session-store.db", [])
    with closing(sqlite3.connect(path)) as db, db:
        row = ("one", "/old", "main", "What it is about", "2026-06-01 10:00:09")
        db.execute("insert into sessions values (?, ?, ?, ?, ?)", row)
    log = COPILOT.parse(FILE, lines_of(jsonl(start())), None)
    for order in ([read(path), log], [log, read(path)]):
        session = Outcome(order).sessions["one"]
        assert (session.cwd, session.title) == ("/w", "What it is about")


def test_a_database_without_the_table_of_requests_is_read_without_it(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "session-store.db")) as db, db:
        db.execute("create table turns (id integer)")
    assert read(tmp_path / "session-store.db").entities == []


def test_a_row_of_any_shape_does_not_raise() -> None:
    file = Transcript("copilot", ROOT / "session-store.db", "x", None, Shape.ROWS)
    odd: list[Any] = [None, "", -1, 2**70, [], {}, True, 1e308]
    names = ("table", "key", "session_id", "model", "output", "input", "nano", "created_at", "cwd")
    for value in odd:
        for name in names:
            row = {"table": "usage", "key": "k", "session_id": "s", "output": 1, name: value}
            raw = json.dumps(row).encode()
            COPILOT.parse(file, [Line(1, 1, raw)], None)
            raw = json.dumps({**row, "table": "sessions", name: value}).encode()
            COPILOT.parse(file, [Line(1, 1, raw)], None)


def test_the_state_stays_small_whatever_a_file_holds() -> None:
    records = [start()]
    for i in range(2000):
        request = {"toolCallId": f"call-{i}", "name": "bash"}
        records.append(said(i % 60, 3, model=f"model-{i}", toolRequests=[request]))
        records.append(event(i % 60, "subagent.started", toolCallId=f"c{i}", agentName="x"))
    assert len(parse_file(COPILOT, FILE, jsonl(*records)).state) < 32_000


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_files(path: Path) -> None:
    data = path.read_bytes()
    outcome = parse_file(COPILOT, FILE, data)
    assert_pieces_agree(COPILOT, FILE, data)
    assert outcome.bad == []
    assert all(message.kind != "unknown" for message in outcome.messages)
    records = [json.loads(line) for line in data.splitlines() if line.strip()]
    is_counted = any(record["type"] == "session.shutdown" for record in records)
    output = sum(
        record["data"].get("outputTokens") or 0
        for record in records
        if record["type"] == "assistant.message" and "parentToolCallId" not in record["data"]
    )
    if not is_counted:
        assert tokens(outcome.calls)[2] == output
