"""Kimi CLI's wire messages and Kimi Code's records: steps, tools, tokens, subagents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.sources.kimi import Kimi
from claude_code_tracer.sources.source import Shape, Transcript
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome
from tests.unit.sources.pieces import assert_pieces_agree, jsonl, parse_file, tokens

KIMI = Kimi()
HOME = Path("/home/u")
OLD, NEW = KIMI.roots({}, HOME)
FILE = Transcript("kimi", OLD / "d1" / "s1" / "wire.jsonl", "s1")
AGENT = Transcript("kimi", OLD / "d1/s1/subagents/a1/wire.jsonl", "s1/a1", "s1")
STATE = Transcript("kimi", OLD / "d1" / "s1" / "state.json", "s1", None, Shape.DOCUMENT)
CORPUS = [
    path
    for name in ("agents/kimi/*.jsonl", "kimi-*.jsonl")
    for path in sorted((SHARED / "corpus" / "misc").rglob(name))
]
T0 = 1780394400.5
MS = 1780480800000
USER = {"kind": "user"}


def wire(second: float, kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": T0 + second, "message": {"type": kind, "payload": payload}}


def status(second: float, id: str | None, **usage: int) -> dict[str, Any]:
    return wire(second, "StatusUpdate", token_usage=usage, message_id=id)


def record(ms: int, type_: str, **fields: Any) -> dict[str, Any]:
    return {"type": type_, **fields, "time": MS + ms}


def event(ms: int, type_: str, **fields: Any) -> dict[str, Any]:
    return record(ms, "context.append_loop_event", event={"type": type_, **fields})


def used(ms: int, other: int, output: int, read: int = 0, scope: str = "turn") -> dict[str, Any]:
    usage = {"inputOther": other, "output": output, "inputCacheRead": read, "inputCacheCreation": 0}
    return record(ms, "usage.record", model="moon/kimi-k2", usage=usage, usageScope=scope)


def text(said: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": said}]


def parse(*records: dict[str, Any], file: Transcript = FILE) -> Outcome:
    data = jsonl(*records)
    assert_pieces_agree(KIMI, file, data)
    return parse_file(KIMI, file, data)


def test_roots_honour_the_variables() -> None:
    assert [OLD, NEW] == [HOME / ".kimi/sessions", HOME / ".kimi-code/sessions"]
    env = {"KIMI_SHARE_DIR": "/k", "KIMI_CODE_HOME": "~/kc"}
    assert KIMI.roots(env, HOME) == [Path("/k/sessions"), HOME / "kc/sessions"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("d1/s1/wire.jsonl", ("s1", None, Shape.LINES)),
        ("d1/s1/state.json", ("s1", None, Shape.DOCUMENT)),
        ("d1/s1/subagents/a1/wire.jsonl", ("s1/a1", "s1", Shape.LINES)),
        ("wd/s1/agents/main/wire.jsonl", ("s1", None, Shape.LINES)),
        ("wd/s1/agents/agent-0/wire.jsonl", ("s1/agent-0", "s1", Shape.LINES)),
        ("d1/s1/context.jsonl", None),
        ("d1/s1/subagents/a1/context.jsonl", None),
        ("d1/s1.jsonl", None),
        ("d1/.s1/wire.jsonl", None),
        (f"d1/{'x' * 300}/wire.jsonl", None),
    ],
)
def test_which_files_are_transcripts(name: str, expected: object) -> None:
    found = KIMI.transcript(OLD, OLD / name)
    assert (found and (found.session, found.parent, found.shape)) == expected


# Kimi CLI --------------------------------------------------------------------------------------


def test_a_step_is_one_answer() -> None:
    arguments = '{"command": "ls\\u0000"}'
    outcome = parse(
        {"type": "metadata", "protocol_version": "1.5"},
        wire(0, "TurnBegin", user_input="List the files"),
        wire(1, "StepBegin", n=1),
        wire(2, "ContentPart", type="think", think="Easy."),
        wire(3, "ContentPart", type="text", text="I list."),
        wire(4, "ToolCall", id="tool_x", function={"name": "Shell", "arguments": arguments}),
        status(5, "chatcmpl-1", input_other=10, output=20, input_cache_read=30),
        wire(
            6, "ToolResult", tool_call_id="tool_x", return_value={"output": "a", "is_error": False}
        ),
        wire(7, "StepBegin", n=2),
        wire(8, "ContentPart", type="text", text="One file."),
        wire(9, "TurnEnd"),
    )
    prompt, first, second = outcome.messages
    assert (prompt.kind, first.kind, second.kind) == ("prompt", "answer", "answer")
    assert [block.kind for block in outcome.blocks(first)] == ["thinking", "text", "tool_call"]
    assert first.at and first.at.microsecond == 500_000
    (tool,), (call,) = outcome.tools, outcome.calls
    assert (tool.name, tool.result, tool.is_error) == ("Shell", "a", False)
    assert tool.input == {"command": "ls\N{REPLACEMENT CHARACTER}"}
    assert tool.message == first.id == call.message
    assert tokens([call]) == (1, 10, 20, 30, 0)
    assert (call.model, call.native_id) == (None, "chatcmpl-1")


def test_a_copied_file_counts_its_calls_once() -> None:
    lines = [status(1, "chatcmpl-1", input_other=5, output=1), status(2, None, output=7)]
    copy = Transcript("kimi", FILE.path, "s2")
    ids = [{call.id for call in parse(*lines, file=file).calls} for file in (FILE, copy)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2


def test_a_repeated_status_is_one_call_and_an_empty_one_none() -> None:
    again = status(1, "chatcmpl-1", input_other=5, output=1)
    nothing = wire(3, "StatusUpdate", token_usage=None, context_usage=0.5)
    assert tokens(parse(again, again, nothing).calls) == (1, 5, 1, 0, 0)


def test_a_diff_is_taken_from_what_the_result_shows() -> None:
    shown = [{"type": "diff", "path": "/w/a", "old_text": "x\ny\n", "new_text": "x\nz\nw\n"}]
    arguments = '{"path": "a", "edit": {"old": "y", "new": "z\\nw"}}'
    outcome = parse(
        wire(1, "ToolCall", id="t", function={"name": "StrReplaceFile", "arguments": arguments}),
        wire(2, "ToolResult", tool_call_id="t", return_value={"output": "", "display": shown}),
    )
    (tool,) = outcome.tools
    assert (tool.file_path, tool.lines_added, tool.lines_removed) == ("/w/a", 2, 1)


def test_interruptions_compactions_and_notices() -> None:
    outcome = parse(
        wire(1, "StepInterrupted"),
        wire(2, "CompactionBegin"),
        wire(3, "CompactionEnd"),
        wire(4, "Notification", title="Task", body="done"),
        wire(5, "PlanDisplay", content="1. Do it"),
        wire(6, "SteerInput", user_input="faster"),
        wire(7, "ApprovalRequest", id="a"),
        wire(8, "Hologram", depth=3),
    )
    kinds = [message.kind for message in outcome.messages]
    assert kinds == ["notice", "compaction", "notice", "injected", "prompt", "unknown"]
    assert outcome.messages[0].flags == ["interrupted"]
    assert outcome.texts(outcome.messages[2]) == ["Task\ndone"]


def test_counted_tool_ids_that_come_again_are_different_calls() -> None:
    records = []
    for step in (0, 10):
        records += [
            wire(step, "StepBegin", n=1),
            wire(step + 1, "ToolCall", id="Shell:0", function={"name": "Shell"}),
            wire(
                step + 2, "ToolResult", tool_call_id="Shell:0", return_value={"output": f"{step}"}
            ),
        ]
    tools = parse(*records).tools
    assert [tool.result for tool in tools] == ["0", "10"]


def test_a_subagent_has_its_own_session_and_no_prompts_of_a_person() -> None:
    outcome = parse(wire(1, "TurnBegin", user_input="Look"), status(2, "c9", output=3), file=AGENT)
    assert outcome.messages[0].kind == "injected"
    session = outcome.sessions["s1/a1"]
    assert (session.parent, session.relation, session.agent_id) == ("s1", "subagent", "a1")


def test_a_subagent_without_a_file_counts_in_its_parent() -> None:
    inner = {"type": "StatusUpdate", "payload": {"token_usage": {"output": 3}, "message_id": "c9"}}
    legacy = wire(1, "SubagentEvent", task_tool_call_id="t", event=inner)
    modern = wire(2, "SubagentEvent", parent_tool_call_id="t", agent_id="a1", event=inner)
    assert tokens(parse(legacy).calls) == (1, 0, 3, 0, 0)
    assert parse(modern).calls == []


def test_images_are_named_by_type_and_size() -> None:
    url = {"url": "data:image/png;base64,aGVsbG8="}
    outcome = parse(
        wire(1, "TurnBegin", user_input=[*text("see"), {"type": "image_url", "image_url": url}])
    )
    blocks = outcome.blocks(outcome.messages[0])
    assert [block.kind for block in blocks] == ["text", "image"]
    assert blocks[1].data == {"media_type": "image/png", "bytes": 5}


# Kimi Code -------------------------------------------------------------------------------------


def test_records_of_kimi_code() -> None:
    injected = {"kind": "injection", "variant": "plan_mode"}
    outcome = parse(
        {"type": "metadata", "protocol_version": "1.4", "created_at": MS},
        record(1, "config.update", cwd="/w", modelAlias="moon/kimi-k2"),
        record(2, "turn.prompt", input=text("Do it"), origin=USER),
        record(
            3,
            "context.append_message",
            message={"role": "user", "content": text("Do it"), "origin": USER},
        ),
        record(
            4,
            "context.append_message",
            message={"role": "user", "content": text("Plan!"), "origin": injected},
        ),
        event(5, "step.begin", uuid="st1"),
        event(6, "content.part", part={"type": "think", "think": "Hm."}),
        event(7, "content.part", part={"type": "text", "text": "I do."}),
        event(
            8,
            "tool.call",
            toolCallId="Write_0",
            name="Write",
            args={"path": "a", "content": "1\n2"},
        ),
        event(9, "tool.result", toolCallId="Write_0", result={"output": "ok"}),
        event(10, "step.end", usage={"inputOther": 9, "output": 9}),
        used(11, 90, 12, 7),
        used(12, 40, 5, 3, scope="session"),
    )
    assert [message.kind for message in outcome.messages] == ["prompt", "injected", "answer"]
    answer = outcome.messages[2]
    assert answer.model == "moon/kimi-k2"
    assert [block.kind for block in outcome.blocks(answer)] == ["thinking", "text", "tool_call"]
    (tool,) = outcome.tools
    assert (tool.result, tool.is_error, tool.lines_added, tool.file_path) == ("ok", False, 2, "a")
    assert tokens(outcome.calls) == (2, 130, 17, 10, 0)
    assert {call.model for call in outcome.calls} == {"moon/kimi-k2"}
    assert outcome.sessions["s1"].cwd == "/w"
    assert outcome.blocks(outcome.messages[1])[0].data == {"injected": "plan_mode"}


def test_a_prompt_that_only_the_context_has_is_a_prompt() -> None:
    only = record(1, "context.append_message", message={"role": "user", "content": text("hi")})
    outcome = parse(only, only)
    assert [message.kind for message in outcome.messages] == ["prompt", "prompt"]


def test_events_of_kimi_code() -> None:
    outcome = parse(
        record(1, "turn.cancel"),
        record(2, "turn.ended", reason="failed"),
        record(3, "turn.ended", reason="completed"),
        record(4, "context.apply_compaction", summary="So far.", tokensBefore=10, tokensAfter=2),
        record(5, "plan_mode.enter", id="p"),
        record(6, "forked"),
        record(7, "permission.set_mode", mode="auto"),
        record(8, "turn.prompt", input=text("Go"), origin={"kind": "system_trigger"}),
        record(9, "hologram"),
    )
    kinds = [message.kind for message in outcome.messages]
    assert kinds == ["notice", "notice", "compaction", "notice", "injected", "unknown"]
    assert [message.flags for message in outcome.messages[:2]] == [["interrupted"], ["api_error"]]
    assert outcome.blocks(outcome.messages[2])[0].data == {"tokensBefore": 10, "tokensAfter": 2}
    assert outcome.sessions["s1"].relation == "fork"


def message(ms: int, role: str, said: str, **fields: Any) -> dict[str, Any]:
    whole = {"role": role, "content": text(said), **fields}
    return record(ms, "context.append_message", message=whole)


def test_the_journal_of_the_engine_says_nothing_new() -> None:
    entry = {"message": {"role": "assistant", "content": text("Yes."), "toolCalls": []}}
    outcome = parse(
        record(1, "turn.prompt", input=text("Do it"), origin=USER),
        record(2, "agent.message.appended", kind="event", message=entry),
        event(3, "content.part", part={"type": "text", "text": "Yes."}),
        record(4, "human.agent.message.appended", message=entry),
        record(5, "agent.turn.ended", turnId=0, outcome="done"),
        record(6, "file_history.tracked", path="a"),
        record(7, "prompt.completed", promptId="p"),
        record(8, "turn.step.retrying", errorName="APIStatusError", errorMessage="429"),
    )
    assert [message.kind for message in outcome.messages] == ["prompt", "answer", "notice"]
    assert outcome.messages[2].flags == ["api_error"]
    assert not outcome.bad


def test_prompts_steered_together_are_no_third_prompt() -> None:
    outcome = parse(
        record(1, "turn.steer", input=text("one"), origin=USER),
        record(2, "turn.steer", input=text("two"), origin=USER),
        record(
            3,
            "context.append_message",
            message={"role": "user", "content": text("one") + text("two"), "origin": USER},
        ),
        message(4, "user", "one", origin=USER),
    )
    assert [message.kind for message in outcome.messages] == ["prompt"] * 3


@pytest.mark.parametrize(
    ("origin", "kind", "said"),
    [
        (
            {
                "kind": "skill_activation",
                "trigger": "user-slash",
                "skillName": "tidy",
                "skillArgs": "src",
            },
            "prompt",
            ["/tidy src", "BODY", "tail"],
        ),
        (
            {"kind": "plugin_command", "trigger": "user-slash", "commandName": "go"},
            "prompt",
            ["/go", "BODY", "tail"],
        ),
        ({"kind": "skill_activation", "trigger": "model-tool"}, "injected", ["BODY", "tail"]),
        ({"kind": "user", "skillActivations": [{"skillName": "a"}]}, "prompt", ["tail", "BODY"]),
        ({"kind": "shell_command", "phase": "output"}, "injected", ["BODY", "tail"]),
    ],
)
def test_a_skill_that_a_person_names_is_a_prompt(
    origin: dict[str, Any], kind: str, said: list[str]
) -> None:
    content = text("BODY") + text("tail")
    outcome = parse(
        record(1, "turn.prompt", input=content, origin=origin),
        record(
            2,
            "context.append_message",
            message={"role": "user", "content": content, "origin": origin},
        ),
    )
    (only,) = outcome.messages
    assert only.kind == kind
    assert [block.text for block in outcome.blocks(only)] == said
    if kind == "prompt":
        assert outcome.sessions["s1"].title == said[0]


@pytest.mark.parametrize("is_nested", [True, False])
def test_a_session_taken_over_from_the_older_program(is_nested: bool) -> None:
    function = {"name": "Bash", "arguments": '{"command": "ls"}'}
    call = {"type": "function", "id": "c1"}
    asked = {**call, "function": function} if is_nested else call | function
    outcome = parse(
        message(1, "user", "List"),
        message(2, "assistant", "I list.", toolCalls=[asked]),
        message(3, "tool", "a b", toolCallId="c1"),
    )
    assert [message.kind for message in outcome.messages] == ["prompt", "answer"]
    blocks = outcome.blocks(outcome.messages[1])
    assert [block.kind for block in blocks] == ["text", "tool_call"]
    (tool,) = outcome.tools
    assert (tool.name, tool.input, tool.result) == ("Bash", {"command": "ls"}, "a b")
    assert tool.message == outcome.messages[1].id


@pytest.mark.parametrize(
    ("values", "title", "rank"),
    [
        ({"version": 1, "custom_title": "Mine", "title_generated": False}, "Mine", 5),
        ({"version": 1, "custom_title": "Made", "title_generated": True}, "Made", 4),
        ({"title": "hi", "isCustomTitle": False, "workDir": "/w", "lastPrompt": "no"}, "hi", 4),
        ({"title": "Own", "isCustomTitle": True, "workDir": "/w"}, "Own", 5),
        ({"lastPrompt": "last", "workDir": "/w"}, "last", 3),
    ],
)
def test_the_title_is_in_the_state(values: dict[str, Any], title: str, rank: int) -> None:
    session = parse_file(KIMI, STATE, json.dumps(values, indent=2).encode()).sessions["s1"]
    assert (session.title, session.title_rank) == (title, rank)
    assert session.cwd == values.get("workDir")


def test_the_state_of_newer_versions() -> None:
    values = {
        "id": "s1",
        "version": 2,
        "cwd": "/w",
        "createdAt": MS,
        "updatedAt": MS + 5,
        "title": "Own",
        "titleKind": "custom",
        "forkedFrom": "s0",
    }
    session = parse_file(KIMI, STATE, json.dumps(values).encode()).sessions["s1"]
    assert (session.cwd, session.title_rank, session.revision) == ("/w", 5, MS + 5)
    assert (session.parent, session.relation) == ("s0", "fork")


def test_a_damaged_state_says_nothing() -> None:
    outcome = parse_file(KIMI, STATE, b'{"version": 1, "custom_ti')
    assert outcome.entities == []
    assert outcome.bad


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_real_files(path: Path) -> None:
    data = path.read_bytes()
    outcome = parse_file(KIMI, FILE, data)
    assert_pieces_agree(KIMI, FILE, data)
    assert outcome.bad == []
    assert all(message.kind != "unknown" for message in outcome.messages)
    records = [json.loads(line) for line in data.splitlines()]
    usages = [r["usage"] for r in records if r["type"] == "usage.record"]
    names = ("inputOther", "output", "inputCacheRead", "inputCacheCreation")
    expected = [sum(usage[name] for usage in usages) for name in names]
    assert tokens(outcome.calls) == (len(usages), *expected)
    asked = [r for r in records if r.get("event", {}).get("type") == "tool.call"]
    assert len(outcome.tools) == len(asked)
    assert all(tool.result is not None for tool in outcome.tools)
