"""Gemini CLI: one session in documents and lines, whatever is written again, rewound or damaged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.model import Message
from claude_code_tracer.sources.gemini import Gemini
from claude_code_tracer.sources.source import Line, Shape, Transcript
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome
from tests.unit.sources.pieces import assert_pieces_agree, by_key, jsonl, parse_file, tokens

SOURCE = Gemini()
ROOT = Path("/home/ann/.gemini/tmp")
SESSION = "0f1e2d3c-1111-4111-8111-000000000001"
HEADER = {"sessionId": SESSION, "projectHash": "ab12", "startTime": "2026-11-01T10:00:00.000Z"}


def file_at(name: str) -> Transcript:
    found = SOURCE.transcript(ROOT, ROOT / name)
    assert found
    return found


LINES = file_at("shop/chats/session-2026-11-01T10-00-0f1e2d3c.jsonl")
DOCUMENT = file_at("shop/chats/session-2026-11-01T10-00-0f1e2d3c.json")


def at(second: int) -> str:
    return f"2026-11-01T10:00:{second:02}.000Z"


def user(id: str, content: Any, second: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": id, "timestamp": at(second), "type": "user", "content": content, **more}


def answer(id: str, second: int = 2, **more: Any) -> dict[str, Any]:
    common = {
        "id": id,
        "timestamp": at(second),
        "type": "gemini",
        "content": "",
        "model": "gemini-x",
    }
    return {**common, **more}


def counts(*numbers: int) -> dict[str, int]:
    return dict(zip(("input", "output", "cached", "thoughts", "tool"), numbers, strict=True))


def read(*values: dict[str, Any]) -> Outcome:
    data = jsonl(HEADER, *values)
    assert_pieces_agree(SOURCE, LINES, data)
    return parse_file(SOURCE, LINES, data)


def read_document(*messages: Any, **header: Any) -> Outcome:
    value = {**HEADER, "lastUpdated": at(50), "messages": messages, **header}
    return parse_file(SOURCE, DOCUMENT, json.dumps(value, indent=2).encode())


def only(outcome: Outcome) -> Message:
    (message,) = outcome.messages
    return message


# Where files are -------------------------------------------------------------------------------


def test_roots_are_below_the_home_that_the_cli_uses() -> None:
    home = Path("/home/ann")
    assert SOURCE.roots({}, home) == [home / ".gemini/tmp"]
    assert SOURCE.roots({"GEMINI_CLI_HOME": "/data/g"}, home) == [Path("/data/g/.gemini/tmp")]


def test_the_name_says_shape_and_parent() -> None:
    assert LINES.shape is Shape.LINES
    assert DOCUMENT.shape is Shape.DOCUMENT
    agent = file_at(f"shop/chats/{SESSION}/22222222-agent.jsonl")
    assert (agent.session, agent.parent) == ("22222222-agent", SESSION)


@pytest.mark.parametrize(
    "name",
    [
        "shop/logs.json",
        "shop/.project_root",
        "shop/chats/notes.txt",
        "shop/chats/checkpoint-one.json",
        "shop/chats/.session-x.json",
        "shop/checkpoints/session-1.json",
        "session-1.json",
        f"shop/chats/{SESSION}/deep/er.jsonl",
        "shop/chats/.hidden/1.jsonl",
        "shop/chats/session-" + "x" * 300 + ".json",
    ],
)
def test_other_files_are_no_transcripts(name: str) -> None:
    assert SOURCE.transcript(ROOT, ROOT / name) is None


def test_a_file_elsewhere_is_no_transcript() -> None:
    assert SOURCE.transcript(ROOT, Path("/tmp/shop/chats/session-1.json")) is None


# Which session ---------------------------------------------------------------------------------


def test_the_session_is_the_one_named_inside() -> None:
    outcome = read(user("u", "Hello"))
    assert set(outcome.sessions) == {SESSION}
    assert outcome.sessions[SESSION].path == str(LINES.path)


def test_without_a_header_the_name_of_the_file_stands() -> None:
    outcome = parse_file(SOURCE, LINES, jsonl(user("u", "Hello")))
    assert set(outcome.sessions) == {LINES.session}


def test_one_session_in_both_formats_gives_the_same_rows() -> None:
    messages = [
        user("u", "Hello"),
        answer("g", content="Hi", tokens=counts(10, 2, 4, 1, 0)),
        answer("same-ms", content="Again"),
    ]
    lines, document = by_key(read(*messages)), by_key(read_document(*messages))
    assert set(lines) == set(document)
    for key, row in lines.items():
        if key[0] != "Session":
            other = document[key]
            assert row.revision > other.revision  # what is resumed is newer
            for name in set(row.__struct_fields__) - {"revision"}:
                assert getattr(row, name) == getattr(other, name), name


def test_content_decides_not_the_name() -> None:
    values = [HEADER, user("u", "Hello"), answer("g", tokens=counts(10, 2, 0, 0, 0))]
    as_lines = parse_file(SOURCE, LINES, jsonl(*values))
    in_json = parse_file(SOURCE, DOCUMENT, jsonl(*values))
    assert {k for k in by_key(in_json)} == {k for k in by_key(as_lines)}
    assert not in_json.bad
    one_line = jsonl({**HEADER, "messages": values[1:]})
    assert {k for k in by_key(parse_file(SOURCE, LINES, one_line))} == set(by_key(as_lines))


def test_directories_say_the_project() -> None:
    outcome = read({"$set": {"directories": ["/home/ann/shop", "/home/ann/lib"]}})
    session = outcome.sessions[SESSION]
    assert (session.project_root, session.cwd) == ("/home/ann/shop", "/home/ann/shop")
    assert read(user("u", "Hello")).sessions[SESSION].project_root is None


def test_the_summary_is_a_better_title_than_the_first_prompt() -> None:
    outcome = read(user("u0", "/model"), user("u", "Hello there"))
    assert outcome.sessions[SESSION].title == "Hello there"
    outcome = read(user("u", "Hello there"), {"$set": {"summary": "Greeting"}})
    assert outcome.sessions[SESSION].title == "Greeting"


def test_facts_are_told_once() -> None:
    same = {"$set": {"summary": "Greeting", "directories": ["/a"]}}
    outcome = read(same, same, same)
    assert sum(type(entity).__name__ == "Session" for entity in outcome.raw) == 3


# Messages --------------------------------------------------------------------------------------


def test_a_message_written_again_is_the_same_and_keeps_its_place() -> None:
    first = answer("g", content="Let me look", tokens=None)
    later = {**first, "tokens": counts(100, 5, 40, 7, 0), "toolCalls": [{"id": "t", "name": "ls"}]}
    outcome = read(user("u", "Hello"), first, user("u2", "More", 3), later)
    assert [m.native_id for m in outcome.messages] == ["u", "g", "u2"]
    assert tokens(outcome.calls) == (1, 60, 12, 40, 0)
    assert [b.kind for b in outcome.blocks(outcome.messages[1])] == ["text", "tool_call"]


def test_messages_of_one_moment_keep_their_order() -> None:
    values = [user(f"u{n}", "Hello", 1) for n in range(5)]
    assert [m.native_id for m in read(*values).messages] == ["u0", "u1", "u2", "u3", "u4"]
    undated = [{**value, "timestamp": None} for value in values]
    assert [m.native_id for m in read(*undated).messages] == ["u0", "u1", "u2", "u3", "u4"]
    assert only(read(undated[0])).flags == ["no_timestamp"]


@pytest.mark.parametrize(
    "text",
    [
        "<session_context>\nToday is Sunday",
        "Here is the user's editor context as a JSON object",
        "System: Please continue.",
        "Please continue.",
        "<hook_context>from a hook</hook_context>",
    ],
)
def test_what_the_cli_put_in_is_no_prompt(text: str) -> None:
    outcome = read(user("u", [{"text": text}]))
    assert only(outcome).kind == "injected"
    assert outcome.sessions[SESSION].title is None


def test_referenced_files_are_not_typed() -> None:
    text = "Explain @a.py\n--- Content from referenced files ---\nContent from @a.py:\npass"
    parts = [{"text": "Explain @a.py"}, {"text": "\n--- Content from referenced files ---"}]
    for content in (text, [*parts, {"text": "pass"}]):
        outcome = read(user("u", content))
        assert only(outcome).kind == "prompt"
        typed = [block.text for block in outcome.blocks() if not block.data]
        assert typed == ["Explain @a.py"]


def test_display_content_is_what_was_typed() -> None:
    outcome = read(user("u", [{"text": "Do as the file says: ..."}], displayContent="@task.md"))
    blocks = outcome.blocks(only(outcome))
    assert [(b.text, b.data) for b in blocks] == [
        ("@task.md", None),
        ("Do as the file says: ...", {"injected": "expanded"}),
    ]
    assert outcome.sessions[SESSION].title == "@task.md"


def test_an_image_is_its_type_and_size() -> None:
    outcome = read(user("u", [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]))
    assert only(outcome).kind == "prompt"
    (block,) = outcome.blocks()
    assert (block.kind, block.data) == ("image", {"media_type": "image/png", "bytes": 3})


def test_a_snapshot_is_a_compaction() -> None:
    outcome = read(user("u", [{"text": "<state_snapshot>So far</state_snapshot>"}]))
    assert only(outcome).kind == "compaction"


def test_notices_say_what_happened() -> None:
    def notice(kind: str, text: str) -> dict[str, Any]:
        return {"id": text, "timestamp": at(1), "type": kind, "content": text}

    outcome = read(
        notice("info", "Request cancelled."),
        notice("error", "[API Error: quota]"),
        notice("error", "Unknown command"),
        notice("warning", "Careful"),
    )
    assert {m.kind for m in outcome.messages} == {"notice"}
    assert [m.flags for m in outcome.messages] == [["interrupted"], ["api_error"], ["error"], None]


def test_thoughts_come_before_the_text() -> None:
    thoughts = [{"subject": "Plan", "description": "First this"}, {"description": "Then that"}]
    content = [{"text": "long thought", "thought": True}, {"text": "Done"}]
    outcome = read(answer("g", content=content, thoughts=thoughts))
    assert [(b.kind, b.text) for b in outcome.blocks()] == [
        ("thinking", "Plan\nFirst this"),
        ("thinking", "Then that"),
        ("text", "Done"),
    ]


def test_an_unknown_type_is_kept_raw() -> None:
    outcome = read({"id": "x", "timestamp": at(1), "type": "poll", "content": 7}, {"odd": True})
    assert [m.kind for m in outcome.messages] == ["unknown", "unknown"]
    assert outcome.blocks()[1].data == {"odd": True}


# Replay ----------------------------------------------------------------------------------------


def test_rewound_messages_stay_and_say_so() -> None:
    outcome = read(
        user("u1", "One"),
        answer("g1", tokens=counts(10, 1, 0, 0, 0)),
        user("u2", "Two", 3),
        answer("g2", 4, tokens=counts(20, 2, 0, 0, 0)),
        {"$rewindTo": "u2"},
        user("u3", "Three", 5),
    )
    flags = {m.native_id: m.flags for m in outcome.messages}
    assert flags == {"u1": None, "g1": None, "u2": ["rewound"], "g2": ["rewound"], "u3": None}
    assert tokens(outcome.calls) == (2, 30, 3, 0, 0)
    assert outcome.texts(outcome.messages[2]) == ["Two"]


def test_a_rewind_to_an_unknown_message_clears_all() -> None:
    outcome = read(user("u1", "One"), answer("g1"), {"$rewindTo": "nowhere"})
    assert [m.flags for m in outcome.messages] == [["rewound"], ["rewound"]]


def test_a_rewind_to_the_results_of_tools_spares_what_was_before() -> None:
    result = {"functionResponse": {"id": "t", "name": "ls", "response": {"output": "a"}}}
    outcome = read(
        user("u1", "One"), answer("g1"), user("r", [result], 3), answer("g2", 4), {"$rewindTo": "r"}
    )
    assert [m.flags for m in outcome.messages] == [None, None, ["rewound"]]


def test_a_checkpoint_replaces_the_list_and_nothing_is_lost() -> None:
    outcome = read(
        user("u1", "One"),
        answer("g1", tokens=counts(10, 1, 0, 0, 0)),
        {
            "$set": {
                "messages": [
                    user("sum", "<state_snapshot>One was said</state_snapshot>", 9),
                    answer("g1", tokens=counts(10, 1, 0, 0, 0), content=[{"text": "Masked"}]),
                ]
            }
        },
        user("u2", "Two", 10),
        {"$rewindTo": "g1"},
    )
    kinds = {m.native_id: (m.kind, m.flags) for m in outcome.messages}
    assert kinds["u1"] == ("prompt", None)  # it was compacted, not rewound
    assert kinds["sum"] == ("compaction", None)
    assert kinds["g1"] == ("answer", ["rewound"])
    assert kinds["u2"] == ("prompt", ["rewound"])
    assert tokens(outcome.calls)[0] == 1
    assert outcome.texts(outcome.messages[1]) == ["Masked"]


def test_masking_an_old_result_does_not_lose_it() -> None:
    def response(text: str) -> list[dict[str, Any]]:
        return [{"functionResponse": {"id": "t", "name": "ls", "response": {"output": text}}}]

    called = answer("g", toolCalls=[{"id": "t", "name": "ls", "result": response("a b")}])
    masked = response("<tool_output_masked>1 line</tool_output_masked>")
    later = answer("g", toolCalls=[{"id": "t", "name": "ls", "result": masked}])
    outcome = read(
        called,
        {"$set": {"messages": [later]}},
        {"$patch": {"updates": [{"id": "g", "toolCalls": [{"id": "t", "result": masked}]}]}},
    )
    assert [tool.result for tool in outcome.tools] == ["a b"]
    assert len(outcome.messages) == 1


# Tokens ----------------------------------------------------------------------------------------


def test_input_excludes_the_cache_and_output_includes_thoughts() -> None:
    (call,) = read(answer("g", tokens=counts(12034, 38, 8192, 120, 5))).calls
    assert call.input_tokens == 12034 - 8192 + 5
    assert call.output_tokens == 38 + 120
    assert (call.cache_read_tokens, call.reasoning_tokens) == (8192, 120)
    assert (call.model, call.native_id, call.usage_quality) == ("gemini-x", "g", "exact")


def test_input_is_never_negative() -> None:
    (call,) = read(answer("g", tokens=counts(10, 1, 30, 0, 0))).calls
    assert (call.input_tokens, call.cache_read_tokens) == (0, 30)


@pytest.mark.parametrize("odd", [None, {}, [], 7, {"input": "12"}])
def test_no_tokens_no_call(odd: Any) -> None:
    assert read(answer("g", tokens=odd)).calls == []


def test_what_is_not_written_is_unknown() -> None:
    (call,) = read(answer("g", tokens={"output": 5})).calls
    assert (call.input_tokens, call.output_tokens, call.cache_read_tokens) == (None, 5, None)


def test_a_message_without_id_is_counted_once_in_every_version() -> None:
    one = {"type": "gemini", "content": "Hi", "tokens": counts(10, 1, 0, 0, 0)}
    first, second = read_document(one), read_document(one, {**one, "content": "Ho"})
    assert {c.id for c in first.calls} < {c.id for c in second.calls}
    assert len(second.calls) == 2


# Tools -----------------------------------------------------------------------------------------


def tool(**more: Any) -> Outcome:
    call = {"id": "t1", "name": "replace", "args": {}, "status": "success", "timestamp": at(5)}
    return read(answer("g", toolCalls=[{**call, **more}]))


def result(text: str) -> list[dict[str, Any]]:
    return [{"functionResponse": {"id": "t1", "name": "x", "response": {"output": text}}}]


def test_a_call_stands_in_its_answer_with_what_came_back() -> None:
    outcome = tool(name="read_file", args={"file_path": "a"}, result=result("text"))
    (call,) = outcome.tools
    assert (call.name, call.input, call.result, call.is_error) == (
        "read_file",
        {"file_path": "a"},
        "text",
        False,
    )
    assert call.message == only(outcome).id
    assert call.started_at and call.ended_at and call.started_at < call.ended_at
    assert (call.file_path, call.lines_added) == (None, None)


def test_a_running_call_has_no_end() -> None:
    (call,) = tool(status="executing", resultDisplay="so far").tools
    assert (call.is_error, call.ended_at, call.result) == (None, None, "so far")


def test_an_edit_says_its_lines() -> None:
    diff = "--- a\tCurrent\n+++ a\tProposed\n@@ -1,2 +1,3 @@\n one\n-two\n+2\n+3\n"
    (call,) = tool(resultDisplay={"fileDiff": diff, "fileName": "a", "filePath": "/p/a"}).tools
    assert (call.lines_added, call.lines_removed, call.file_path) == (2, 1, "/p/a")
    assert call.diff[0]["lines"] == [" one", "-two", "+2", "+3"]


@pytest.mark.parametrize("status", ["error", "cancelled"])
def test_a_failed_edit_changed_nothing(status: str) -> None:
    shown = {"fileDiff": "@@ -1 +1 @@\n-a\n+b\n", "fileName": "a"}
    (call,) = tool(status=status, resultDisplay=shown).tools
    assert (call.is_error, call.lines_added, call.lines_removed, call.diff) == (True, 0, 0, None)


def test_lines_are_known_without_a_diff_when_something_else_says_them() -> None:
    texts = {"originalContent": "a\nb\n", "newContent": "a\nc\nd\n", "fileName": "x"}
    (call,) = tool(resultDisplay={"fileDiff": "", **texts}).tools
    assert (call.lines_added, call.lines_removed) == (2, 1)
    stat = {"model_added_lines": 4, "model_removed_lines": 1, "user_added_lines": 1}
    (call,) = tool(resultDisplay={"fileDiff": "", "diffStat": stat}).tools
    assert (call.lines_added, call.lines_removed, call.diff) == (5, 1, None)
    (call,) = tool(
        args={"file_path": "a", "old_string": "x", "new_string": "y\nz"}, result=result("ok")
    ).tools
    assert (call.lines_added, call.lines_removed, call.file_path) == (2, 1, "a")
    created = result("Successfully created and wrote to new file: a")
    (call,) = tool(name="write_file", args={"content": "1\n2\n"}, result=created).tools
    assert (call.lines_added, call.lines_removed) == (2, 0)
    overwritten = result("Successfully overwrote file: a")
    (call,) = tool(name="write_file", args={"content": "1\n2\n"}, result=overwritten).tools
    assert (call.lines_added, call.lines_removed) == (None, None)


def test_a_call_in_the_content_only_is_joined_with_its_result() -> None:
    asked = {"functionCall": {"id": "t1", "name": "ls", "args": {"p": 1}}}
    failed = {"functionResponse": {"id": "t1", "response": {"error": "no such folder"}}}
    outcome = read(answer("g", content=[asked]), user("r", [failed], 3))
    (call,) = outcome.tools
    assert (call.name, call.result, call.is_error) == ("ls", "no such folder", True)
    assert len(outcome.messages) == 1


def test_a_subagent_belongs_to_the_call_that_started_it() -> None:
    outcome = tool(name="codebase_investigator", agentId="agent-7", result=result("Two modules"))
    (call,) = outcome.tools
    assert call.agent_session == "agent-7"
    agent = outcome.sessions["agent-7"]
    assert (agent.parent, agent.relation) == (SESSION, "subagent")
    assert agent.agent_type == "codebase_investigator"


def test_a_subagents_prompts_are_not_typed() -> None:
    file = file_at(f"shop/chats/{SESSION}/agent-7.jsonl")
    header = {**HEADER, "sessionId": "agent-7", "kind": "subagent", "directories": ["/home/ann"]}
    outcome = parse_file(SOURCE, file, jsonl(header, user("s", "Look around")))
    session = outcome.sessions["agent-7"]
    assert (session.parent, session.relation, session.agent_id) == (SESSION, "subagent", "agent-7")
    assert (session.title, session.project_root) == ("Look around", "/home/ann")
    assert only(outcome).kind == "injected"


# Damage ----------------------------------------------------------------------------------------


def test_a_document_cut_off_keeps_its_whole_messages() -> None:
    value = {**HEADER, "messages": [user("u", "Hello"), answer("g", tokens=counts(9, 1, 0, 0, 0))]}
    data = json.dumps(value, indent=2).encode()
    whole = parse_file(SOURCE, DOCUMENT, data)
    cut = parse_file(SOURCE, DOCUMENT, data[:-12])
    assert len(whole.calls) == 1 and not whole.bad
    assert set(cut.sessions) == {SESSION}
    assert [m.native_id for m in cut.messages] == ["u"]
    assert cut.messages[0].flags == ["salvaged"]
    (span,) = cut.bad
    assert 0 < span.start < span.end == len(data) - 12


def test_every_prefix_of_a_document_is_read_without_fear() -> None:
    value = {**HEADER, "messages": [user("u", "Grüße\ud83d\ude00"), answer("g")]}
    data = json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for end in range(0, len(data), 3):
        SOURCE.parse(DOCUMENT, [Line(0, end, data[:end])], None)


def test_a_damaged_line_costs_no_neighbour() -> None:
    data = jsonl(HEADER, user("u", "One")) + b'{"id": "g", "ty\n' + jsonl(user("u2", "Two", 3))
    assert_pieces_agree(SOURCE, LINES, data)
    outcome = parse_file(SOURCE, LINES, data)
    assert [m.native_id for m in outcome.messages] == ["u", "u2"]
    assert len(outcome.bad) == 1


@pytest.mark.parametrize("odd", [None, True, 7, "x", [], {}, [[1]], {"a": {}}])
@pytest.mark.parametrize(
    "field", ["type", "content", "timestamp", "tokens", "toolCalls", "thoughts", "model", "id"]
)
def test_a_field_may_be_anything(field: str, odd: Any) -> None:
    call = {"id": "t", "name": "replace", "status": "success", "resultDisplay": {"fileDiff": "x"}}
    read_document({**answer("g", toolCalls=[call]), field: odd}, odd)
    read({**answer("g", toolCalls=[call]), field: odd})
    for name in ("id", "name", "args", "result", "status", "timestamp", "resultDisplay", "agentId"):
        tool(**{name: odd})


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"messages": 3}, {"messages": [1, None]}])
def test_a_document_may_be_anything(odd: Any) -> None:
    parse_file(SOURCE, DOCUMENT, json.dumps(odd).encode())
    read({"$set": odd}, {"$rewindTo": odd}, {"$patch": odd}, {**HEADER, "directories": odd})


def test_the_state_is_bounded_and_holds_no_text() -> None:
    values = [user(f"id-{n}", f"secret {n}", 1) for n in range(600)]
    state = parse_file(SOURCE, LINES, jsonl(HEADER, *values)).state
    assert len(state) < 64 * 1024
    assert b"secret" not in state
    assert SOURCE.parse(LINES, [], b"\xff").entities == []


# Real ones -------------------------------------------------------------------------------------

CORPUS = SHARED / "corpus"
REAL = [
    *sorted((CORPUS / "gemini_cli").rglob("full.jsonl")),
    *sorted((CORPUS / "misc").glob("*/**/gemini/**/*.json*")),
]

if REAL:

    def naive(path: Path) -> tuple[int, int, int, int]:
        """Count without the code under test: the last version of every message."""
        text = path.read_text("utf-8")
        try:
            messages = json.loads(text).get("messages", [])
        except ValueError:
            messages = [json.loads(line) for line in text.splitlines() if line.strip()]
        found = {m["id"]: m["tokens"] for m in messages if m.get("tokens")}
        rows = found.values()
        return (
            len(found),
            sum(max(0, t["input"] - t["cached"]) + t["tool"] for t in rows),
            sum(t["output"] + t["thoughts"] for t in rows),
            sum(t["cached"] for t in rows),
        )

    @pytest.mark.parametrize("path", REAL, ids=lambda path: "/".join(path.parts[-3:]))
    def test_real_chats_are_read_to_the_token(path: Path) -> None:
        is_lines = path.name == "jsonl_v040.jsonl"
        file = Transcript("gemini", path, path.stem, shape=(LINES if is_lines else DOCUMENT).shape)
        outcome = parse_file(SOURCE, file, path.read_bytes())
        assert not outcome.bad
        assert tokens(outcome.calls)[:4] == naive(path)
        unknown = [m for m in outcome.messages if m.kind == "unknown"]
        assert len(unknown) == (path.name == "schema_drift.json")  # no chat of this tool


# Which project it is of ------------------------------------------------------------------------

FOLDER = "/home/ann/shop"
DIGEST = hashlib.sha256(FOLDER.encode()).hexdigest()
NOWHERE = {"projectHash": hashlib.sha256(b"/elsewhere").hexdigest()}


def reading_of(path: Any, name: str = "file_path") -> dict[str, Any]:
    call = {"id": "c1", "name": "read_file", "args": {name: path}, "status": "success"}
    return answer("m2", toolCalls=[call])


@pytest.mark.parametrize(
    "message",
    [
        reading_of(f"{FOLDER}/src/cart.py"),
        reading_of(FOLDER, "dir_path"),
        reading_of(["/tmp/x", f"{FOLDER}/a"], "paths"),
        user("m1", f"<session_context>\n- **Workspace Directories:**\n  - {FOLDER}\n- **More:**\n"),
        user(
            "m1",
            "This is the Gemini CLI. We are setting up the context for our chat.\n"
            f"I'm currently working in the directory: {FOLDER}\nHere is the folder structure",
        ),
    ],
)
def test_the_project_is_the_folder_that_has_its_digest(message: dict[str, Any]) -> None:
    header = {**HEADER, "projectHash": DIGEST}
    data = jsonl(header, user("m0", "hi"), message, reading_of("/tmp/y"))
    assert_pieces_agree(SOURCE, LINES, data)
    for outcome in (
        parse_file(SOURCE, LINES, data),
        read_document(user("m0", "hi"), message, projectHash=DIGEST),
    ):
        session = outcome.sessions[SESSION]
        assert (session.project_root, session.cwd) == (FOLDER, FOLDER)


@pytest.mark.parametrize(
    ("header", "path"),
    [
        (NOWHERE, f"{FOLDER}/a"),
        ({"projectHash": DIGEST}, "src/cart.py"),
        ({"projectHash": DIGEST}, "/" * 5000),
        ({"projectHash": DIGEST}, "/\ud800"),
        ({"projectHash": 7}, f"{FOLDER}/a"),
    ],
)
def test_a_project_that_no_path_tells_is_not_guessed(header: dict[str, Any], path: str) -> None:
    outcome = read_document(reading_of(path), **header)
    assert outcome.sessions[SESSION].project_root is None


def test_a_message_that_holds_several_responses_has_the_tokens_of_one() -> None:
    calls = [{"id": f"c{n}", "name": "ls", "status": "success", "timestamp": at(n)} for n in (3, 9)]
    for some, quality in ((calls[:1], "exact"), (calls, "lower_bound")):
        outcome = read_document(answer("m2", tokens=counts(9, 1, 0, 0, 0), toolCalls=some))
        assert outcome.calls[0].usage_quality == quality
