"""pi: branches that copy their history, versions with and without entry ids, costs, tools."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.sources.pi import Pi
from claude_code_tracer.sources.source import Transcript
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome
from tests.unit.sources.pieces import assert_pieces_agree, jsonl, parse_file, tokens

PI = Pi()
HOME = Path("/home/u")
ROOT = HOME / ".pi" / "agent" / "sessions"
FILE = Transcript("pi", ROOT / "--w--" / "2026-06-01T10-00-00-000Z_one.jsonl", "one")
CORPUS = [
    *sorted((SHARED / "corpus" / "pi").rglob("*.jsonl")),
    *sorted((SHARED / "corpus" / "misc").rglob("agents/pi/*.jsonl")),
    *sorted((SHARED / "corpus" / "misc").rglob("pi_agent/sessions/*/*.jsonl")),
]


def header(**fields: Any) -> dict[str, Any]:
    return {
        "type": "session",
        "version": 3,
        "id": "one",
        "timestamp": "2026-06-01T10:00:00.000Z",
        "cwd": "/w",
        **fields,
    }


def entry(second: int, message: dict[str, Any], **fields: Any) -> dict[str, Any]:
    time = f"2026-06-01T10:00:{second:02}.000Z"
    return {"type": "message", "id": f"e{second}", "timestamp": time, "message": message, **fields}


def answer(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    usage = {"input": 3, "output": 5, "cacheRead": 7, "cacheWrite": 11, "cost": {"total": 0.25}}
    return {
        "role": "assistant",
        "content": list(content),
        "model": "claude-opus-4-5",
        "usage": usage,
        "stopReason": "stop",
        **fields,
    }


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def parse(*records: dict[str, Any], file: Transcript = FILE) -> Outcome:
    data = jsonl(*records)
    assert_pieces_agree(PI, file, data)
    return parse_file(PI, file, data)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, [ROOT, HOME / ".omp/agent/sessions"]),
        ({"PI_CODING_AGENT_DIR": "/pi"}, [Path("/pi/sessions")]),
        ({"PI_CODING_AGENT_DIR": "~/pi"}, [HOME / "pi/sessions"]),
        ({"PI_CODING_AGENT_SESSION_DIR": "/s", "PI_CODING_AGENT_DIR": "/pi"}, [Path("/s")]),
    ],
)
def test_roots_honour_the_variables(env: dict[str, str], expected: list[Path]) -> None:
    assert PI.roots(env, HOME) == expected


@pytest.mark.parametrize(
    ("name", "session", "parent"),
    [
        ("--w--/2026-06-01T10-00-00-000Z_0b1f.jsonl", "0b1f", None),
        ("2026-06-01T10-00-00-000Z_my_own_id.jsonl", "my_own_id", None),
        ("--w--/handmade.jsonl", "handmade", None),
        ("--w--/2026-06-01T10-00-00-000Z_0b1f/2-Review.jsonl", "0b1f/2-Review", "0b1f"),
    ],
)
def test_the_session_is_in_the_name(name: str, session: str, parent: str | None) -> None:
    found = PI.transcript(ROOT, ROOT / name)
    assert found and (found.session, found.parent) == (session, parent)


@pytest.mark.parametrize(
    "name",
    ["--w--/x.json", "a/b/c.jsonl", "a/b/c/d.jsonl", "--w--/.x.jsonl", f"--w--/{'x' * 300}.jsonl"],
)
def test_other_files_are_no_transcripts(name: str) -> None:
    assert PI.transcript(ROOT, ROOT / name) is None
    assert PI.transcript(ROOT, HOME / "x.jsonl") is None


def test_an_answer_is_billed_without_the_cached_input_and_with_its_cost() -> None:
    usage: dict[str, Any] = {"input": 3, "output": 5, "cacheRead": 7, "cacheWrite": 11}
    usage |= {"cacheWrite1h": 4, "reasoning": 2, "cost": {"total": 0.125}}
    outcome = parse(header(), entry(1, answer(text("hi"), usage=usage, responseId="resp_1")))
    (call,) = outcome.calls
    assert (call.input_tokens, call.output_tokens, call.cache_read_tokens) == (3, 5, 7)
    assert (call.cache_write_5m_tokens, call.cache_write_1h_tokens) == (7, 4)
    assert (call.reasoning_tokens, call.native_id) == (2, "resp_1")
    assert call.reported_cost_usd == Decimal("0.125")
    assert call.usage_quality == "exact"
    assert call.message == outcome.messages[0].id


def test_what_failed_before_it_cost_anything_is_no_call() -> None:
    nothing = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "cost": {"total": 0}}
    failed = answer(usage=nothing, stopReason="error", errorMessage="529 overloaded")
    outcome = parse(header(), entry(1, failed))
    (message,) = outcome.messages
    assert (message.kind, message.flags) == ("notice", ["api_error"])
    assert outcome.texts(message) == ["529 overloaded"]
    assert outcome.calls == []


def test_an_aborted_answer_was_billed() -> None:
    outcome = parse(header(), entry(1, answer(text("I was about"), stopReason="aborted")))
    assert (outcome.messages[0].kind, outcome.messages[0].flags) == ("answer", ["interrupted"])
    assert tokens(outcome.calls) == (1, 3, 5, 7, 11)


def test_a_branch_counts_its_copied_calls_once_and_as_copies() -> None:
    shared = [entry(1, {"role": "user", "content": "go"}), entry(2, answer(text("went")))]
    fork = Transcript("pi", FILE.path.with_name("2026-06-01T10-00-30-000Z_two.jsonl"), "two")
    parent = str(FILE.path)
    begun = header(id="two", timestamp="2026-06-01T10:00:30.000Z", parentSession=parent)
    own = entry(40, answer(text("again")))
    original, copy = parse(header(), *shared), parse(begun, *shared, own, file=fork)
    assert copy.sessions["two"].parent == "one"
    assert copy.sessions["two"].relation == "fork"
    assert [call.attribution for call in copy.calls] == [2, 0]
    assert original.calls[0].id == copy.calls[0].id
    assert original.calls[0].attribution == 0


@pytest.mark.parametrize("field", ["parentSession", "branchedFrom"])
def test_the_parent_is_named_by_its_path_of_any_system(field: str) -> None:
    name = r"C:\Users\u\.pi\agent\sessions\--w--\2026-06-01T09-00-00-000Z_old-id.jsonl"
    assert parse(header(**{field: name})).sessions["one"].parent == "old-id"


def test_a_file_that_pi_rewrites_with_new_entry_ids_stays_the_same() -> None:
    old = [
        {"type": "message", "timestamp": "2026-06-01T10:00:01.000Z", "message": message}
        for message in ({"role": "user", "content": "go"}, answer(text("went")))
    ]
    new = [{**record, "id": "made-up", "parentId": None} for record in old]
    before = parse(header(version=1), *old)
    after = parse(header(version=3), *new)
    assert {m.id for m in before.messages} == {m.id for m in after.messages}
    assert {c.id for c in before.calls} == {c.id for c in after.calls}


def test_an_edit_counts_what_its_result_says() -> None:
    arguments = {"path": "a.py", "oldText": "x", "newText": "y\nz"}
    call = {"type": "toolCall", "id": "t1", "name": "edit", "arguments": arguments}
    diff = "  10 def f():\n- 11     x\n+ 11     y\n+ 12     z\n     ..."
    result = {"role": "toolResult", "toolCallId": "t1", "toolName": "edit", "content": [text("ok")]}
    outcome = parse(
        header(), entry(1, answer(call)), entry(2, {**result, "details": {"diff": diff}})
    )
    (tool,) = outcome.tools
    assert (tool.file_path, tool.lines_added, tool.lines_removed) == ("a.py", 2, 1)
    assert tool.diff == [
        {
            "old_start": 10,
            "old_lines": 2,
            "new_start": 10,
            "new_lines": 3,
            "lines": [" def f():", "-    x", "+    y", "+    z"],
        }
    ]
    assert (tool.result, tool.is_error) == ("ok", False)
    assert tool.started_at and tool.ended_at


@pytest.mark.parametrize(
    ("arguments", "is_error", "lines"),
    [
        ({"path": "a", "oldText": "x", "newText": "y"}, True, (0, 0)),
        ({"path": "a", "oldText": "x", "newText": "y"}, False, (1, 1)),
        ({"path": "a", "edits": [{"oldText": "", "newText": "a\nb"}] * 2}, False, (4, 0)),
    ],
)
def test_an_edit_without_a_diff_counts_what_it_proposed(
    arguments: dict[str, Any], is_error: bool, lines: tuple[int, int]
) -> None:
    call = {"type": "toolCall", "id": "t1", "name": "edit", "arguments": arguments}
    result = {"role": "toolResult", "toolCallId": "t1", "content": "done", "isError": is_error}
    (tool,) = parse(header(), entry(1, answer(call)), entry(2, result)).tools
    assert (tool.lines_added, tool.lines_removed) == lines


def test_a_tool_that_never_ended_changed_nothing_that_is_known() -> None:
    call = {"type": "toolCall", "id": "t1", "name": "write", "arguments": {"content": "a\nb\n"}}
    (tool,) = parse(header(), entry(1, answer(call))).tools
    assert (tool.lines_added, tool.result, tool.is_error) == (None, None, None)


def test_a_command_of_the_person_is_injected_with_its_output() -> None:
    ran = {"role": "bashExecution", "command": "make", "output": "no rule\n", "exitCode": 2}
    outcome = parse(header(), entry(1, ran))
    (message,), (tool,) = outcome.messages, outcome.tools
    assert (message.role, message.kind) == ("user", "injected")
    assert (tool.name, tool.input, tool.result) == ("bash", {"command": "make"}, "no rule\n")
    assert tool.is_error is True
    assert tool.message == message.id
    assert outcome.blocks(message)[0].tool_call == tool.id


def test_summaries_names_and_model_changes() -> None:
    at = "2026-06-01T10:00:09.000Z"
    outcome = parse(
        header(),
        entry(1, {"role": "user", "content": [text("first prompt")]}),
        {"type": "compaction", "timestamp": at, "summary": "So far.", "tokensBefore": 900},
        {"type": "branch_summary", "timestamp": at, "summary": "Left a branch.", "fromId": "e1"},
        {"type": "model_change", "timestamp": at, "provider": "openai", "modelId": "gpt-5.1"},
        {"type": "session_info", "timestamp": at, "name": "My name for it"},
        {"type": "custom_message", "timestamp": at, "customType": "memo", "content": "Remember."},
        {"type": "thinking_level_change", "timestamp": at, "thinkingLevel": "high"},
        {"type": "label", "timestamp": at, "label": "x"},
        {"type": "hologram", "timestamp": at, "depth": 3},
    )
    kinds = [message.kind for message in outcome.messages]
    assert kinds == ["prompt", "compaction", "compaction", "notice", "injected", "unknown"]
    assert outcome.blocks(outcome.messages[1])[0].data == {"tokensBefore": 900}
    assert outcome.texts(outcome.messages[3]) == ["model: gpt-5.1"]
    assert outcome.blocks(outcome.messages[4])[0].data == {"injected": "memo"}
    session = outcome.sessions["one"]
    assert (session.title, session.title_rank, session.cwd) == ("My name for it", 5, "/w")


def test_thoughts_images_and_redacted_thoughts() -> None:
    picture = {"type": "image", "data": "aGVsbG8=", "mimeType": "image/png"}
    outcome = parse(
        header(),
        entry(1, {"role": "user", "content": [text("see"), picture]}),
        entry(
            2,
            answer(
                {"type": "thinking", "thinking": "Hm.", "thinkingSignature": "x"},
                {"type": "thinking", "thinking": "", "redacted": True},
                text("Seen."),
            ),
        ),
    )
    prompt, said = outcome.messages
    assert [block.kind for block in outcome.blocks(prompt)] == ["text", "image"]
    assert outcome.blocks(prompt)[1].data == {"media_type": "image/png", "bytes": 5}
    assert [block.kind for block in outcome.blocks(said)] == ["thinking", "text"]


def test_a_subagent_has_no_prompts_of_a_person() -> None:
    file = Transcript("pi", FILE.path, "one/2-Review", "one")
    outcome = parse(header(), entry(1, {"role": "user", "content": "Review it"}), file=file)
    assert outcome.messages[0].kind == "injected"
    session = outcome.sessions["one/2-Review"]
    assert (session.parent, session.relation, session.agent_id) == ("one", "subagent", "2-Review")
    assert session.title == "Review it"


def test_facts_are_told_once() -> None:
    data = jsonl(header(), *(entry(i, {"role": "user", "content": str(i)}) for i in range(9)))
    outcome = parse_file(PI, FILE, data, range(1, 10))
    assert sum(type(e).__name__ == "Session" for e in outcome.raw) == 2  # the header, the title


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name[:40])
def test_real_files(path: Path) -> None:
    data = path.read_bytes()
    outcome = parse_file(PI, FILE, data)
    assert_pieces_agree(PI, FILE, data)
    usages = [usage for usage in map(_usage, data.splitlines()) if usage and any(_four(usage))]
    expected = [sum(numbers) for numbers in zip(*map(_four, usages), strict=True)]
    assert tokens(outcome.calls) == (len(usages), *expected)
    cost = sum(call.reported_cost_usd or 0 for call in outcome.calls)
    assert float(cost) == pytest.approx(sum(usage["cost"]["total"] for usage in usages))
    if "testdata" not in path.parts:
        assert outcome.bad == []
        assert all(message.kind != "unknown" for message in outcome.messages)


def _usage(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    usage: dict[str, Any] = (value.get("message") or {}).get("usage") or {}
    return usage


def _four(usage: dict[str, Any]) -> tuple[int, ...]:
    return tuple(usage.get(name, 0) for name in ("input", "output", "cacheRead", "cacheWrite"))


# Newer versions --------------------------------------------------------------------------------

USED = {"input": 2, "output": 4, "cacheRead": 50, "cacheWrite": 0, "cost": {"total": 0.5}}


def aside(second: int, name: str, /, **fields: Any) -> dict[str, Any]:
    time = f"2026-06-01T10:00:{second:02}.000Z"
    return {"type": name, "id": f"x{second}", "timestamp": time, **fields}


def test_what_summaries_and_the_program_itself_used_counts() -> None:
    outcome = parse(
        header(),
        entry(1, answer(text("hi"))),
        aside(2, "usage", kind="cache_warm", model="claude-haiku-4-5", usage=USED),
        aside(3, "compaction", summary="So far.", tokensBefore=9, usage=USED),
        aside(4, "branch_summary", summary="Elsewhere.", usage=USED),
        aside(5, "model_usage", purpose="title", model="tiny", usage=USED),
        aside(6, "model_usage", purpose="title", model="tiny", usage={**USED, "output": 0}),
        aside(7, "usage", kind="odd", usage={"input": 0, "output": 0}),
        aside(8, "usage", kind="odd", usage=["no"]),
    )
    calls = sorted(outcome.calls, key=lambda call: str(call.at))
    opus = "claude-opus-4-5"
    assert [call.model for call in calls] == [opus, "claude-haiku-4-5", opus, opus, "tiny", "tiny"]
    assert tokens(calls) == (6, 3 + 5 * 2, 5 + 4 * 4, 7 + 5 * 50, 11)
    assert [call.reported_cost_usd for call in calls[1:]] == [Decimal("0.5")] * 5
    assert [message.kind for message in outcome.messages] == ["answer", "compaction", "compaction"]


def test_a_tool_that_asked_models_itself_is_billed() -> None:
    asked = answer({"type": "toolCall", "id": "t1", "name": "task", "arguments": {}})
    result = {"role": "toolResult", "toolCallId": "t1", "content": [text("ok")], "usage": USED}
    outcome = parse(header(), entry(1, asked), entry(2, result))
    assert tokens(outcome.calls) == (2, 5, 9, 57, 11)
    assert {call.model for call in outcome.calls} == {"claude-opus-4-5", None}
    assert outcome.tools[0].result == "ok"


def test_a_copied_summary_is_counted_once() -> None:
    summary = aside(3, "compaction", summary="So far.", usage=USED)
    branch = header(timestamp="2026-06-01T11:00:00.000Z", parentSession="/s/x_one.jsonl")
    (own,) = parse(header(), summary).calls
    other = Transcript("pi", ROOT / "--w--" / "2026-06-01T11-00-00-000Z_two.jsonl", "two")
    (copy,) = parse(branch, {**summary, "id": "y3"}, file=other).calls
    assert own.id == copy.id
    assert (own.attribution, copy.attribution) == (0, 2)


def test_system_prompts_are_injected_and_edits_of_the_context_are_nothing() -> None:
    first = {"role": "system", "content": "", "sections": {"preamble": "You are.", "gone": None}}
    outcome = parse(
        header(),
        entry(1, first),
        entry(2, {"role": "system", "content": "More.", "toolsAdded": []}),
        aside(3, "context_edit", targetId="e1", replacement=None),
        aside(4, "credential_pin", provider="anthropic", hash="00"),
        aside(5, "reset_boundary"),
    )
    assert [message.kind for message in outcome.messages] == ["injected", "injected", "notice"]
    assert [block.text for block in outcome.blocks()][:2] == ["You are.", "More."]


def test_what_was_sent_in_the_persons_place_is_no_prompt() -> None:
    outcome = parse(
        header(),
        entry(1, {"role": "user", "content": "go on", "synthetic": True}),
        entry(2, {"role": "user", "content": "go on", "attribution": "agent"}),
        entry(3, {"role": "user", "content": "stop", "attribution": "user", "steering": True}),
    )
    assert [message.kind for message in outcome.messages] == ["injected", "injected", "prompt"]


@pytest.mark.parametrize(
    ("records", "rank"),
    [
        ([{"type": "title", "v": 1, "title": "Sums", "source": "auto", "pad": "  "}, header()], 4),
        ([{"type": "title", "v": 1, "title": "Sums", "source": "user", "pad": "  "}, header()], 5),
        ([header(title="Sums", titleSource="auto")], 4),
        ([header(), aside(2, "title_change", title="Sums", source="user")], 5),
    ],
)
def test_titles_of_oh_my_pi(records: list[dict[str, Any]], rank: int) -> None:
    outcome = parse(*records)
    session = outcome.sessions["one"]
    assert (session.title, session.title_rank, outcome.messages) == ("Sums", rank, [])


def test_a_subagent_says_what_it_is() -> None:
    file = Transcript(
        "pi", ROOT / "--w--" / "2026-06-01T10-00-00-000Z_one" / "a.jsonl", "one/a", "one"
    )
    begun = aside(1, "session_init", systemPrompt="You are.", task="look", agent="scout")
    assert parse(header(), begun, file=file).sessions["one/a"].agent_type == "scout"
