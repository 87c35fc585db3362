"""Qwen Code: records with uuids, telemetry that tells calls a second time, branches, subagents."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.merge import merge
from claude_code_tracer.model import ModelCall
from claude_code_tracer.sources.genai import counts_of, usage_of
from claude_code_tracer.sources.qwen import Qwen
from claude_code_tracer.sources.qwen.events import SKIPPED_SUBTYPES
from claude_code_tracer.sources.source import Shape, Transcript
from claude_code_tracer.sources.unified_diff import from_unified_diff
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome
from tests.unit.sources.pieces import assert_pieces_agree, jsonl, parse_file, tokens

SOURCE = Qwen()
ROOT = Path("/home/ann/.qwen/projects")
SESSION = "0f1e2d3c-1111-4111-8111-000000000001"
FORK = "0f1e2d3c-2222-4222-8222-000000000002"
UUIDS = count(1)


def file_at(name: str, root: Path = ROOT) -> Transcript:
    found = SOURCE.transcript(root, root / name)
    assert found
    return found


FILE = file_at(f"-home-ann/chats/{SESSION}.jsonl")
AGENT = file_at(f"-home-ann/subagents/{SESSION}/agent-explore-1.jsonl")


def record(kind: str, parts: Any = None, **more: Any) -> dict[str, Any]:
    number = next(UUIDS)
    value: dict[str, Any] = {
        "uuid": f"00000000-0000-4000-8000-{number:012}",
        "sessionId": SESSION,
        "timestamp": f"2026-11-01T10:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "type": kind,
        "cwd": "/home/ann/shop",
        "version": "0.25.1",
        "gitBranch": "main",
    }
    if parts is not None:
        value["message"] = {"role": "user" if kind != "assistant" else "model", "parts": parts}
    return {**value, **more}


def user(text: str, **more: Any) -> dict[str, Any]:
    return record("user", [{"text": text}], **more)


def answer(parts: Any = None, usage: tuple[int, ...] | None = None, **more: Any) -> dict[str, Any]:
    value = record("assistant", parts or [{"text": "Done"}], model="qwen-x", **more)
    return {**value, "usageMetadata": metadata(*usage)} if usage else value


def metadata(prompt: int, output: int, cached: int = 0, thoughts: int = 0, total: int = 0) -> Any:
    return {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output,
        "cachedContentTokenCount": cached,
        "thoughtsTokenCount": thoughts,
        **({"totalTokenCount": total} if total else {}),
    }


def system(subtype: str, **payload: Any) -> dict[str, Any]:
    return record("system", subtype=subtype, systemPayload=payload)


def telemetry(prompt: int, output: int, cached: int = 0, **more: Any) -> dict[str, Any]:
    event = {
        "event.name": "qwen-code.api_response",
        "model": "qwen-y",
        "input_token_count": prompt,
        "output_token_count": output,
        "cached_content_token_count": cached,
        "thoughts_token_count": 0,
        "prompt_id": f"{SESSION}########0",
    }
    return system("ui_telemetry", uiEvent={**event, **more})


def read(*values: dict[str, Any], file: Transcript = FILE) -> Outcome:
    data = jsonl(*values)
    assert_pieces_agree(SOURCE, file, data)
    return parse_file(SOURCE, file, data)


def together(*outcomes: Outcome) -> list[ModelCall]:
    rows = [entity for outcome in outcomes for entity in outcome.raw]
    merged = merge(list(enumerate(rows)))
    return [row.entity for row in merged if isinstance(row.entity, ModelCall)]


# Where files are -------------------------------------------------------------------------------


def test_roots_follow_the_variables_of_the_tool() -> None:
    home = Path("/home/ann")
    assert SOURCE.roots({}, home) == [home / ".qwen/projects", home / ".qwen/tmp"]
    env = {"QWEN_HOME": "~/q", "QWEN_RUNTIME_DIR": "/run/q"}
    assert SOURCE.roots(env, home) == [
        Path("/run/q/projects"),
        Path("/run/q/tmp"),
        home / "q/projects",
        home / "q/tmp",
    ]


def test_the_path_says_shape_and_parent() -> None:
    assert (FILE.shape, FILE.session, FILE.parent) == (Shape.LINES, SESSION, None)
    assert file_at(f"-p/chats/archive/{SESSION}.jsonl").session == SESSION
    assert (AGENT.session, AGENT.parent) == (f"{SESSION}/explore-1", SESSION)
    assert file_at("0f/chats/session-2025-10-01-1.json").shape is Shape.DOCUMENT


@pytest.mark.parametrize(
    "name",
    [
        f"-p/chats/{SESSION}.worktree.json",
        f"-p/chats/{SESSION}.json",
        f"-p/subagents/{SESSION}/agent-1.meta.json",
        f"-p/subagents/{SESSION}/agent-1.jsonl.stream",
        f"-p/subagents/{SESSION}/notes.jsonl",
        f"{SESSION}.jsonl",
        "-p/logs.json",
    ],
)
def test_side_files_are_no_transcripts(name: str) -> None:
    assert SOURCE.transcript(ROOT, ROOT / name) is None


# Sessions --------------------------------------------------------------------------------------


def test_records_say_the_facts_of_a_session() -> None:
    outcome = read(user("Hello"), {**user("More"), "cwd": "/home/ann/shop/web"})
    session = outcome.sessions[SESSION]
    assert (session.project_root, session.cwd) == ("/home/ann/shop", "/home/ann/shop/web")
    assert (session.branch, session.tool_version, session.title) == ("main", "0.25.1", "Hello")


def test_the_session_is_the_one_named_inside() -> None:
    file = file_at("-p/chats/renamed.jsonl")
    assert set(read(user("Hello"), file=file).sessions) == {SESSION}


def test_the_last_title_counts() -> None:
    def title(text: str, source: str) -> dict[str, Any]:
        return system("custom_title", customTitle=text, titleSource=source)

    outcome = read(user("Hello"), title("Mine", "manual"), title("Its", "auto"))
    assert outcome.sessions[SESSION].title == "Its"
    again = read(user("Hello"), title("Mine", "manual"), title("Mine", "manual"))
    assert sum(getattr(entity, "title", None) == "Mine" for entity in again.raw) == 1


def test_a_session_may_have_a_parent_and_a_creator() -> None:
    outcome = read(
        user("Hello"),
        system("parent_session", parentSessionId="p-1"),
        system("session_source", sourceType="slack"),
    )
    session = outcome.sessions[SESSION]
    assert (session.parent, session.relation, session.entrypoint) == ("p-1", "subagent", "slack")


# Messages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, "prompt"),
        ({"provenance": "real_user"}, "prompt"),
        ({"subtype": "mid_turn_user_message"}, "prompt"),
        ({"subtype": "notification"}, "injected"),
        ({"subtype": "cron"}, "injected"),
        ({"subtype": "goal_runtime", "provenance": "goal_runtime"}, "injected"),
        ({"subtype": ["odd"]}, "injected"),
        ({"externalInputKind": "message"}, "injected"),
    ],
)
def test_a_prompt_is_what_a_person_typed(more: dict[str, Any], kind: str) -> None:
    (message,) = read(user("Hello", **more)).messages
    assert message.kind == kind


def test_what_a_hook_added_was_not_typed() -> None:
    hook = "<qwen:user-prompt-submit-context>\nfrom a hook\n</qwen:user-prompt-submit-context>"
    payload = {"displayText": "Hello", "hookContext": "from a hook"}
    outcome = read(record("user", [{"text": "Hello"}, {"text": hook}], systemPayload=payload))
    assert [(b.text, bool(b.data)) for b in outcome.blocks()] == [("Hello", False), (hook, True)]


def test_pieces_with_one_uuid_are_one_message() -> None:
    first = answer([{"text": "I think", "thought": True}])
    second = answer([{"functionCall": {"id": "c", "name": "ls", "args": {}}}], (12, 4))
    second["uuid"] = first["uuid"]
    outcome = read(user("Hello"), first, second, second)
    message = outcome.messages[1]
    assert [block.kind for block in outcome.blocks(message)] == ["thinking", "tool_call"]
    assert message.model == "qwen-x"
    assert tokens(outcome.calls) == (1, 12, 4, 0, 0)


def test_a_tool_call_is_joined_with_its_result() -> None:
    call = {"functionCall": {"id": "c", "name": "edit", "args": {"file_path": "/p/a"}}}
    response = {"functionResponse": {"id": "c", "name": "edit", "response": {"output": "ok"}}}
    shown = {"fileDiff": "@@ -1 +1,2 @@\n-a\n+b\n+c\n", "fileName": "a"}
    outcome = read(
        answer([call]),
        record(
            "tool_result",
            [response],
            toolCallResult={"callId": "c", "status": "success", "resultDisplay": shown},
        ),
    )
    (tool,) = outcome.tools
    assert (tool.name, tool.result, tool.is_error, tool.file_path) == ("edit", "ok", False, "/p/a")
    assert (tool.lines_added, tool.lines_removed) == (2, 1)
    assert tool.started_at and tool.ended_at
    assert len(outcome.messages) == 1


@pytest.mark.parametrize("status", ["error", "cancelled"])
def test_a_failed_edit_changed_nothing(status: str) -> None:
    response = {"functionResponse": {"id": "c", "name": "edit", "response": {"error": "no"}}}
    (tool,) = read(
        record("tool_result", [response], toolCallResult={"callId": "c", "status": status})
    ).tools
    assert (tool.is_error, tool.result, tool.lines_added, tool.lines_removed) == (True, "no", 0, 0)


def test_a_diff_that_was_left_out_is_not_counted() -> None:
    shown = {
        "fileDiff": "@@ -1 +1 @@\n-Full diff omitted\n+Preview only\n",
        "fileDiffTruncated": True,
        "truncatedForSession": True,
        "originalContent": "cut",
        "newContent": "cut too",
        "fileName": "a",
    }
    outcome = {"callId": "c", "status": "success", "resultDisplay": shown}
    (tool,) = read(record("tool_result", [], toolCallResult=outcome)).tools
    assert (tool.lines_added, tool.is_error) == (None, False)
    shown["diffStat"] = {"model_added_lines": 900, "model_removed_lines": 2}
    (tool,) = read(record("tool_result", [], toolCallResult=outcome)).tools
    assert (tool.lines_added, tool.lines_removed) == (900, 2)


def test_events_become_what_they_are() -> None:
    history = [{"role": "user", "parts": [{"text": "So far"}]}]
    outcome = read(
        system("slash_command", phase="invocation", rawCommand="/about"),
        system("slash_command", phase="result", outputHistoryItems=[{"text": "v1"}]),
        system("chat_compression", info={"newTokenCount": 3}, compressedHistory=history),
        system("at_command", filesRead=["a.py"], status="success"),
        system("background_task_completed", displayText="Ended"),
        system("turn_result", state="cancelled"),
        system("turn_result", state="error", error={"message": "broken"}),
        system("turn_result", state="completed"),
        system("ui_telemetry", uiEvent={"event.name": "qwen-code.api_error", "error": "busy"}),
        system("ui_telemetry", uiEvent={"event.name": "qwen-code.tool_call"}),
        system("managed_session_event_v1", x=1),
        *[system(name) for name in sorted(SKIPPED_SUBTYPES)],
    )
    assert [(m.kind, m.flags) for m in outcome.messages] == [
        ("injected", None),
        ("injected", None),
        ("compaction", None),
        ("injected", None),
        ("injected", None),
        ("notice", ["interrupted"]),
        ("notice", ["error"]),
        ("notice", ["api_error"]),
        ("unknown", None),
    ]


def test_rewound_messages_stay_and_say_so() -> None:
    kept, gone, lost = user("One"), user("Two"), answer(usage=(10, 1))
    rewind = {**system("rewind", truncatedCount=2), "parentUuid": kept["uuid"]}
    outcome = read(kept, gone, lost, rewind, user("Three"))
    assert [m.flags for m in outcome.messages] == [None, ["rewound"], ["rewound"], None, None]
    assert len(outcome.calls) == 1
    everything = {**rewind, "parentUuid": None}
    assert read(kept, everything).messages[0].flags == ["rewound"]
    elsewhere = {**rewind, "parentUuid": "unknown"}
    assert read(kept, elsewhere).messages[0].flags is None


# Tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (metadata(13472, 101, 0, 24, 13573), (13472, 101, 0, 24)),  # thoughts inside, by the total
        (metadata(100, 20, 10, 5, 125), (90, 25, 10, 5)),  # beside
        (metadata(100, 20, 10, 5), (90, 20, 10, 5)),  # no total: OpenAI's way
        (metadata(100, 2, 10, 5), (90, 7, 10, 5)),  # more thoughts than output: beside
        ({"input": 100, "output": 20, "cached": 150}, (0, 20, 150, None)),  # the first versions
        ({"input": 100, "output": 9, "tool": 7, "total": 116}, (107, 9, None, None)),
        ({"input": 100, "output": 9, "tool": 7, "total": 109}, (100, 9, None, None)),
        ({"output": 9}, (None, 9, None, None)),
    ],
)
def test_tokens_are_exclusive_of_the_cache(fields: Any, expected: tuple[Any, ...]) -> None:
    counts = counts_of(fields)
    assert counts
    usage = usage_of(counts, is_additive=False)
    assert expected == (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.reasoning_tokens,
    )


def test_telemetry_of_an_answer_is_not_a_second_call() -> None:
    outcome = read(
        user("Hello"),
        telemetry(500, 20, 100),
        answer(usage=(500, 20, 100)),
        telemetry(600, 5),
        answer(usage=(600, 5)),
    )
    assert tokens(outcome.calls) == (2, 1000, 25, 100, 0)
    assert all(call.message and call.model == "qwen-x" for call in outcome.calls)


def test_telemetry_behind_its_answer_is_not_a_second_call() -> None:
    outcome = read(
        answer(usage=(500, 20)), telemetry(500, 20), answer(usage=(600, 5)), telemetry(600, 5)
    )
    assert tokens(outcome.calls) == (2, 1100, 25, 0, 0)


def test_other_records_between_do_not_part_telemetry_and_answer() -> None:
    outcome = read(
        telemetry(500, 20), system("file_history_snapshot"), user("x"), answer(usage=(500, 20))
    )
    assert tokens(outcome.calls) == (1, 500, 20, 0, 0)


def test_an_answer_without_counts_takes_those_of_telemetry() -> None:
    outcome = read(telemetry(500, 20), answer())
    assert tokens(outcome.calls) == (1, 500, 20, 0, 0)


def test_a_call_that_only_telemetry_knows_is_counted() -> None:
    outcome = read(
        telemetry(400, 0),  # an answer that was thrown away, and tried again
        telemetry(400, 30),
        answer(usage=(400, 30)),
        telemetry(900, 70),
        system("chat_compression"),
    )
    assert tokens(outcome.calls) == (3, 1700, 100, 0, 0)
    assert [call.model for call in outcome.calls if not call.message] == ["qwen-y", "qwen-y"]


def test_a_subagents_calls_are_counted_once_over_both_files() -> None:
    main = read(
        user("Hello"),
        telemetry(3000, 20, prompt_id=f"{SESSION}#explore-1#0"),
        telemetry(3100, 30, 3000, subagent_name="explore", prompt_id="x"),
    )
    last = answer(usage=(3100, 30, 3000), agentId="explore-1")
    del last["model"]
    agent = read(user("Look", agentId="explore-1"), last, last, file=AGENT)
    assert tokens(main.calls) == (2, 3100, 50, 3000, 0)
    for calls in (together(main, agent), together(agent, main)):
        assert tokens(calls) == (2, 3100, 50, 3000, 0)
        assert {call.model for call in calls} == {"qwen-y"}
        assert {call.session for call in calls} == {SESSION, f"{SESSION}/explore-1"}


def test_equal_calls_of_subagents_are_as_many_as_there_were() -> None:
    calls = [telemetry(5, 1, prompt_id=f"{SESSION}#a#0") for _ in range(2)]
    assert tokens(read(*calls).calls)[0] == 2


def test_a_branch_counts_what_it_copied_once() -> None:
    original = [user("Hello"), telemetry(500, 20), answer(usage=(500, 20)), telemetry(9, 9)]
    copies = [
        {**value, "sessionId": FORK, "forkedFrom": {"sessionId": SESSION, "messageUuid": "x"}}
        for value in original
    ]
    own = {**answer(usage=(700, 7)), "sessionId": FORK}
    first = read(*original, system("chat_compression"))
    branch = read(*copies, own, file=file_at(f"-home-ann/chats/{FORK}.jsonl"))
    session = branch.sessions[FORK]
    assert (session.parent, session.relation) == (SESSION, "fork")
    assert {call.attribution for call in branch.calls} == {0, 2}
    for calls in (together(first, branch), together(branch, first)):
        assert tokens(calls) == (3, 1209, 36, 0, 0)
        assert [c.session for c in calls if c.output_tokens == 20] == [SESSION]


def test_an_id_that_is_no_uuid_counts_per_session() -> None:
    one = {**answer(usage=(5, 1)), "uuid": "a1"}
    other = {**one, "sessionId": FORK}
    file = file_at(f"-home-ann/chats/{FORK}.jsonl")
    assert len(together(read(one), read(other, file=file))) == 2


# The first versions, damage --------------------------------------------------------------------


def test_documents_are_read_like_geminis() -> None:
    file = file_at("0f/chats/session-2025-10-01-1.json")
    chat = {
        "sessionId": SESSION,
        "projectHash": "0f",
        "messages": [
            {"id": "u", "type": "user", "content": "Hello", "timestamp": "2025-10-01T07:00:00Z"},
            {"id": "a", "type": "qwen", "content": "Hi", "tokens": {"input": 9, "output": 2}},
        ],
    }
    outcome = parse_file(SOURCE, file, json.dumps(chat, indent=1).encode())
    assert [m.kind for m in outcome.messages] == ["prompt", "answer"]
    assert {entity.source for entity in outcome.entities} == {"qwen"}
    assert tokens(outcome.calls) == (1, 9, 2, 0, 0)
    lines = parse_file(SOURCE, file, jsonl(user("Hello"), answer(usage=(9, 2))))
    assert [m.kind for m in lines.messages] == ["prompt", "answer"]


def test_glued_records_are_both_read() -> None:
    data = jsonl(user("One")).rstrip() + jsonl(answer(usage=(5, 1))) + b'{"uuid": "x", \n'
    assert_pieces_agree(SOURCE, FILE, data)
    outcome = parse_file(SOURCE, FILE, data)
    assert [m.kind for m in outcome.messages] == ["prompt", "answer"]
    assert len(outcome.bad) == 1


@pytest.mark.parametrize("odd", [None, True, 7, "x", [], {}, [[1]], {"parts": [None, 3]}])
@pytest.mark.parametrize(
    "field",
    [
        *("type", "subtype", "message", "usageMetadata", "toolCallResult", "systemPayload"),
        *("uuid", "sessionId", "timestamp", "cwd", "forkedFrom", "parentUuid", "model"),
    ],
)
def test_a_field_may_be_anything(field: str, odd: Any) -> None:
    response = {"functionResponse": {"id": "c", "response": odd}}
    read(
        {**user("Hello"), field: odd},
        {**telemetry(5, 1), field: odd},
        {**answer([{"functionCall": odd}], (5, 1)), field: odd},
        {**record("tool_result", [response], toolCallResult={"status": odd}), field: odd},
        {**system("rewind"), field: odd},
        {**system("chat_compression", compressedHistory=odd, info=odd), field: odd},
        {**system("ui_telemetry", uiEvent={"event.name": odd}), field: odd},
    )


def test_the_state_is_bounded_and_holds_no_text() -> None:
    values = [telemetry(n + 1, 1, prompt_id="s#a#1") for n in range(300)]
    values += [user(f"secret {n}") for n in range(300)]
    state = parse_file(SOURCE, FILE, jsonl(*values)).state
    assert len(state) < 64 * 1024
    assert b"secret" not in state
    assert SOURCE.parse(FILE, [], b"\xff").entities == []


# Unified diffs ---------------------------------------------------------------------------------


def test_a_unified_diff_gives_hunks_and_counts() -> None:
    change = from_unified_diff(
        "Index: a\n--- a\n+++ a\n@@ -1,3 +1,2 @@\n x\n--- y\n-z\n+++ w\n"
        "@@ -9,0 +8 @@\n+end\n\\ No newline at end of file\n"
    )
    assert change
    assert (change.added, change.removed) == (2, 2)
    first, second = change.hunks
    assert first["lines"] == [" x", "--- y", "-z", "+++ w"]
    assert (second["old_start"], second["new_start"], second["lines"]) == (9, 8, ["+end"])


@pytest.mark.parametrize("text", ["", "no diff", "--- a\n+++ b\n", "@@ bad @@\n+x"])
def test_a_text_without_hunks_is_no_diff(text: str) -> None:
    assert from_unified_diff(text) is None


# Real ones -------------------------------------------------------------------------------------

REAL = [
    *sorted((SHARED / "corpus" / "misc").glob("*/**/agents/qwen/*.jsonl")),
    *sorted((SHARED / "corpus" / "misc").glob("*/**/qwen_code.jsonl")),
]

if REAL:

    def naive(path: Path) -> tuple[int, int, int, int]:
        """Count without the code under test: the usage of every answer's uuid."""
        found: dict[str, dict[str, int]] = {}
        for line in path.read_text("utf-8").splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if value.get("usageMetadata"):
                found[value["uuid"]] = value["usageMetadata"]
        rows = found.values()
        cached = [row.get("cachedContentTokenCount", 0) for row in rows]
        return (
            len(found),
            sum(row["promptTokenCount"] for row in rows) - sum(cached),
            sum(row["candidatesTokenCount"] for row in rows),
            sum(cached),
        )

    @pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
    def test_real_chats_are_read_to_the_token(path: Path) -> None:
        file = Transcript("qwen", path, path.stem)
        outcome = parse_file(SOURCE, file, path.read_bytes())
        assert not outcome.bad
        assert tokens(outcome.calls)[:4] == naive(path)
        assert not [m for m in outcome.messages if m.kind == "unknown"]
