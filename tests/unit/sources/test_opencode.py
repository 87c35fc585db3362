"""OpenCode: rows and files of the same session agree, and every request is counted once."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.opencode import OpenCode
from claude_code_tracer.sources.opencode.ids import is_copy, message_position, part_position
from claude_code_tracer.sources.source import Line, Shape, Transcript
from tests.golden.homes import build_home
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome
from tests.unit.sources.store_checks import (
    check_any_pieces_agree,
    check_hostile_fields,
    lines_below,
)
from tests.unit.sources.store_reading import build_database, parse_home, row_lines

SOURCE = OpenCode()
ROOT = Path("/home/u/.local/share/opencode")
DATABASE = Transcript("opencode", ROOT / "opencode.db", "opencode", shape=Shape.ROWS)
AT = 1_782_900_000_000
TOKENS = {"input": 10, "output": 20, "reasoning": 0, "cache": {"read": 30, "write": 40}}


def row(table: str, id: str, data: Any = None, *, mark: int = AT, **columns: Any) -> Line:
    columns |= {"table": table, "key": id, "mark": mark, "id": id}
    if data is not None:
        columns["data"] = data if isinstance(data, str) else json.dumps(data)
    return Line(mark, mark, json.dumps({"session_id": "ses_1", **columns}).encode())


def message(id: str, data: dict[str, Any], kinds: str | None = "text", **columns: Any) -> Line:
    return row("message", id, data, **{"time_created": AT, "kinds": kinds, **columns})


def part(id: str, data: Any, **columns: Any) -> Line:
    known = {"message_id": "msg_1", "message_created": AT, "role": "assistant", "model": "m"}
    return row("part", id, data, **{**known, "provider": "anthropic", **columns})


def answer(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "modelID": "m", "providerID": "anthropic", **fields}


def step(tokens: dict[str, Any] = TOKENS, cost: float = 0.5) -> dict[str, Any]:
    return {"type": "step-finish", "reason": "stop", "tokens": tokens, "cost": cost}


def tool(status: str, name: str = "bash", **state: Any) -> dict[str, Any]:
    return {"type": "tool", "tool": name, "callID": "c" * 20, "state": {"status": status, **state}}


def parse(*lines: Line) -> Outcome:
    return Outcome([SOURCE.parse(DATABASE, lines, None)])


def parse_document(path: str, data: Any) -> Outcome:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    file = SOURCE.transcript(ROOT, ROOT / path)
    assert file and file.shape is Shape.DOCUMENT
    return Outcome([SOURCE.parse(file, [Line(0, len(raw), raw)], None)])


# Layout ------------------------------------------------------------------------------------------


def test_folders_follow_the_environment() -> None:
    home = Path("/home/u")
    assert SOURCE.roots({}, home) == [ROOT]
    assert SOURCE.roots({"XDG_DATA_HOME": "/data"}, home) == [Path("/data/opencode")]
    assert SOURCE.roots({"XDG_DATA_HOME": "data", "OPENCODE_DB": "x.db"}, home) == [ROOT]
    assert SOURCE.roots({"OPENCODE_DB": "/elsewhere/my.db"}, home) == [ROOT, Path("/elsewhere")]


@pytest.mark.parametrize(
    ("path", "session"),
    [
        ("opencode.db", "opencode"),
        ("opencode-dev.db", "opencode-dev"),
        ("storage/session/prj/ses_1.json", "ses_1"),
        ("storage/message/ses_1/msg_1.json", "ses_1"),
        ("storage/part/msg_1/prt_1.json", "msg_1"),
        ("project/home-u/storage/session/info/ses_1.json", "ses_1"),
        ("project/home-u/storage/session/message/ses_1/msg_1.json", "ses_1"),
        ("project/home-u/storage/session/part/ses_1/msg_1/prt_1.json", "ses_1"),
    ],
)
def test_what_a_path_holds(path: str, session: str) -> None:
    file = SOURCE.transcript(ROOT, ROOT / path)
    assert file and file.session == session


@pytest.mark.parametrize(
    "path",
    [
        "auth.json",
        "opencode.db-wal",
        "log/x.db",
        "storage/migration",
        "storage/project/prj.json",
        "storage/session_diff/ses_1.json",
        "storage/session/share/ses_1.json",
        "storage/part/msg_1/.oc-prt_1.json",
        "snapshot/ab/cd",
    ],
)
def test_what_is_no_transcript(path: str) -> None:
    assert SOURCE.transcript(ROOT, ROOT / path) is None


# Sessions ----------------------------------------------------------------------------------------


def test_a_session_s_facts() -> None:
    facts: dict[str, Any] = {
        "directory": "/w",
        "title": "Fix it",
        "version": "1.2.3",
        "parent_id": "ses_0",
    }
    session = parse(row("session", "ses_1", **facts)).sessions["ses_1"]
    assert (session.project_root, session.cwd, session.tool_version) == ("/w", "/w", "1.2.3")
    assert (session.parent, session.relation, session.title) == ("ses_0", "subagent", "Fix it")
    assert session.path == str(ROOT / "opencode.db")


def test_a_title_that_is_only_a_time_gives_way_to_the_first_prompt() -> None:
    title = "New session - 2026-01-01T00:00:00.000Z"
    typed = {"type": "text", "text": "Round it"}
    outcome = parse(
        row("session", "ses_1", title=title),
        part("prt_1", typed, role="user", title=title, message_created=AT + 1),
        part("prt_2", {**typed, "text": "Later"}, role="user", title=title, message_created=AT + 9),
        part("prt_3", {**typed, "synthetic": True}, role="user", title=title),
    )
    assert outcome.sessions["ses_1"].title == "Round it"


def test_a_fork_knows_its_origin_since_version_2() -> None:
    session = parse(row("fork", "ses_1", fork_session_id="ses_0")).sessions["ses_1"]
    assert (session.parent, session.relation) == ("ses_0", "fork")


# Messages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "columns", "kind"),
    [
        ("text", {}, "prompt"),
        ("synthetic,text", {}, "prompt"),
        ("file", {}, "prompt"),
        ("subtask", {}, "prompt"),
        ("synthetic", {}, "injected"),
        ("compaction", {}, "notice"),
        ("text", {"parent_id": "ses_0"}, "injected"),
    ],
)
def test_who_wrote_in_the_user_s_role(kinds: str, columns: dict[str, Any], kind: str) -> None:
    [found] = parse(message("msg_1", {"role": "user"}, kinds, **columns)).messages
    assert (found.kind, found.role, found.native_id) == (kind, "user", "msg_1")


def test_a_message_whose_pieces_are_not_written_yet_waits_for_them() -> None:
    assert parse(message("msg_1", {"role": "user"}, None)).messages == []


@pytest.mark.parametrize(
    ("fields", "kind", "flags"),
    [
        ({}, "answer", None),
        ({"summary": True}, "compaction", None),
        ({"error": {"name": "MessageAbortedError"}}, "answer", ["interrupted"]),
        ({"error": {"name": "APIError", "data": {"message": "529"}}}, "notice", ["api_error"]),
    ],
)
def test_kinds_of_answers(fields: dict[str, Any], kind: str, flags: list[str] | None) -> None:
    outcome = parse(message("msg_1", answer(**fields)))
    [found] = outcome.messages
    assert (found.kind, found.flags, found.model) == (kind, flags, "m")
    if kind == "notice":
        assert outcome.texts(found) == ["APIError: 529"]


def test_an_unknown_role_is_kept() -> None:
    outcome = parse(message("msg_1", {"role": "referee", "x": 1}))
    [found] = outcome.messages
    assert found.kind == "unknown"
    assert outcome.blocks(found)[0].data == {"role": "referee", "x": 1}


def test_pieces_stand_in_the_order_of_their_ids() -> None:
    outcome = parse(
        part("prt_0197000000030abcdefgh", {"type": "text", "text": "three"}, mark=AT + 1),
        part("prt_0197000000010abcdefgh", {"type": "reasoning", "text": "one"}, mark=AT + 3),
        part("prt_0197000000020abcdefgh", {"type": "text", "text": "two", "synthetic": True}),
        message("msg_1", answer()),
    )
    [found] = outcome.messages
    blocks = outcome.blocks(found)
    assert [(b.kind, b.text) for b in blocks] == [
        ("thinking", "one"),
        ("text", "two"),
        ("text", "three"),
    ]
    assert blocks[1].data == {"injected": "synthetic"}


def test_a_piece_that_is_written_again_is_the_same_piece() -> None:
    outcome = parse(
        part("prt_1", {"type": "text", "text": "Hel", "time": {"start": AT}}),
        part("prt_1", {"type": "text", "text": "Hello", "time": {"start": AT}}, mark=AT + 5),
    )
    assert [block.text for block in outcome.blocks()] == ["Hello"]


@pytest.mark.parametrize("kind", ["step-start", "snapshot", "patch", "agent"])
def test_marks_in_the_repository_say_nothing(kind: str) -> None:
    assert parse(part("prt_1", {"type": kind, "snapshot": "0" * 40})).entities == []


def test_files_are_told_without_their_content() -> None:
    outcome = parse(
        part("prt_1", {"type": "file", "mime": "image/png", "url": "data:image/png;base64,AAAA"}),
        part(
            "prt_2", {"type": "file", "mime": "text/plain", "url": "file:///w/a", "filename": "a"}
        ),
    )
    image, text = sorted(outcome.blocks(), key=lambda block: block.kind, reverse=True)
    assert (image.kind, image.data["bytes"]) == ("image", 3)
    assert (text.kind, text.data["path"], text.data["name"]) == ("document", "file:///w/a", "a")


def test_a_retry_is_a_notice_and_an_unknown_piece_is_kept() -> None:
    error = {"name": "APIError", "data": {"message": "overloaded"}}
    retry = {"type": "retry", "attempt": 1, "error": error, "time": {"created": AT + 5}}
    outcome = parse(part("prt_1", retry), part("prt_2", {"type": "dance"}))
    [notice] = outcome.messages
    assert (notice.kind, notice.flags) == ("notice", ["api_error"])
    assert {b.kind for b in outcome.blocks()} == {"text", "unknown"}


# Tools -------------------------------------------------------------------------------------------


def test_a_call_from_its_request_to_its_result() -> None:
    running = tool("running", input={"command": "ls"}, time={"start": AT + 1})
    time = {"start": AT + 1, "end": AT + 5}
    done = tool("completed", input={"command": "ls"}, output="a", metadata={"exit": 0}, time=time)
    [asked] = parse(part("prt_1", running)).tools
    assert (asked.result, asked.is_error, asked.ended_at) == (None, None, None)
    [call] = parse(part("prt_1", running), part("prt_1", done, mark=AT + 9)).tools
    assert (call.name, call.input, call.result, call.is_error) == (
        "bash",
        {"command": "ls"},
        "a",
        False,
    )
    assert (
        call.started_at and call.ended_at and (call.ended_at - call.started_at).microseconds == 4000
    )
    assert call.message == record_id("message", "msg_1")


@pytest.mark.parametrize(
    ("data", "is_error", "result"),
    [
        (tool("error", error="no"), True, "no"),
        (tool("completed", output="x", metadata={"exit": 2}), True, "x"),
        (tool("completed", "grep", output="x", metadata={"exit": 2}), False, "x"),
        (tool("completed", "invalid", output="no such tool"), True, "no such tool"),
        (tool("completed", "read"), False, ""),
        (tool("pending"), None, None),
    ],
)
def test_what_failed(data: dict[str, Any], is_error: bool | None, result: str | None) -> None:
    [call] = parse(part("prt_1", data)).tools
    assert (call.is_error, call.result) == (is_error, result)


DIFF = "--- a\n+++ a\n@@ -1,2 +1,3 @@\n same\n-old\n+new\n+newer\n"


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (tool("completed", "edit", output="", metadata={"diff": DIFF}), (2, 1)),
        (
            tool("completed", "edit", metadata={"filediff": {"before": "a\n", "after": "b\nc\n"}}),
            (2, 1),
        ),
        (
            tool("completed", "multiedit", metadata={"results": [{"diff": DIFF}, {"diff": DIFF}]}),
            (4, 2),
        ),
        (tool("completed", "apply_patch", metadata={"files": [{"patch": DIFF}]}), (2, 1)),
        (tool("completed", "edit", input={"oldString": "a", "newString": "b\nc"}), (2, 1)),
        (
            tool(
                "completed", "edit", input={"oldString": "a", "newString": "b", "replaceAll": True}
            ),
            (None, None),
        ),
        (
            tool("completed", "write", input={"content": "a\nb\n"}, metadata={"exists": False}),
            (2, 0),
        ),
        (
            tool("completed", "write", input={"content": "a\nb\n"}, metadata={"exists": True}),
            (None, None),
        ),
        (tool("error", "edit", error="not found", input={"oldString": "a"}), (0, 0)),
        (tool("running", "edit", input={"oldString": "a", "newString": "b"}), (None, None)),
        (tool("completed", "read", metadata={"diff": DIFF}), (None, None)),
    ],
)
def test_lines_an_edit_changed(data: dict[str, Any], lines: tuple[int | None, int | None]) -> None:
    [call] = parse(part("prt_1", data)).tools
    assert (call.lines_added, call.lines_removed) == lines


def test_a_task_names_the_subagent_s_session() -> None:
    data = tool("completed", "task", output="", metadata={"sessionId": "ses_child"})
    assert parse(part("prt_1", data)).tools[0].agent_session == "ses_child"


def test_short_ids_that_a_model_gives_to_every_call_stay_apart() -> None:
    short = {**tool("completed"), "callID": "call_0"}
    assert len(parse(part("prt_1", short), part("prt_2", short)).tools) == 2


# Usage -------------------------------------------------------------------------------------------


def test_every_step_of_a_message_is_a_call() -> None:
    outcome = parse(
        part("prt_1", step({**TOKENS, "input": 1})),
        part("prt_2", step({**TOKENS, "input": 2})),
        message("msg_1", answer(tokens={**TOKENS, "input": 2}, cost=1.0), "step-finish,text"),
    )
    assert sorted(call.input_tokens or 0 for call in outcome.calls) == [1, 2]
    assert {call.reported_cost_usd for call in outcome.calls} == {Decimal("0.5")}
    first = outcome.calls[0]
    assert (first.output_tokens, first.cache_read_tokens, first.cache_write_5m_tokens) == (
        20,
        30,
        40,
    )
    assert (first.model, first.usage_quality, first.message) == (
        "m",
        "exact",
        record_id("message", "msg_1"),
    )


def test_steps_that_used_just_as_much_are_two_calls() -> None:
    assert len(parse(part("prt_1", step()), part("prt_2", step(), repeats=1)).calls) == 2


def test_a_message_without_steps_tells_its_call_itself() -> None:
    [call] = parse(message("msg_1", answer(tokens=TOKENS, cost=0.25))).calls
    assert (call.input_tokens, call.reported_cost_usd) == (10, Decimal("0.25"))


def test_before_its_end_a_request_used_nothing() -> None:
    none = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    assert parse(message("msg_1", answer(tokens=none, cost=0))).calls == []


def test_a_copy_in_a_fork_is_the_same_call() -> None:
    original, copy = (
        f"msg_{AT * 4096 % 2**48:012x}AAAAAA",
        f"msg_{(AT + 10**7) * 4096 % 2**48:012x}AAAAAA",
    )
    lines = [
        part("prt_9", step(), message_id=copy, session_id="ses_0"),
        part("prt_1", step(), message_id=original, session_id="ses_1"),
    ]
    [call] = parse(*lines).calls
    assert (call.session, call.attribution) == ("ses_1", 0)
    [alone] = parse(lines[0]).calls
    assert alone.attribution == 2


@pytest.mark.parametrize(
    ("tokens", "provider", "output"),
    [
        ({"output": 20, "reasoning": 5, "total": 35}, "openai", 25),
        ({"output": 20, "reasoning": 5, "total": 30}, "openai", 20),
        ({"output": 20, "reasoning": 5}, "openai", 20),
        ({"output": 20, "reasoning": 5}, "google", 25),
        ({"output": 0, "reasoning": 5, "total": 15}, "anthropic", 5),
    ],
)
def test_reasoning_is_billed_as_output_once(
    tokens: dict[str, Any], provider: str, output: int
) -> None:
    [call] = parse(part("prt_1", step({"input": 10, **tokens}), provider=provider)).calls
    assert (call.output_tokens, call.reasoning_tokens) == (output, 5)


# Version 2 ---------------------------------------------------------------------------------------


def projected(id: str, type: Any, **data: Any) -> Line:
    return row("session_message", id, data, type=type, time_created=AT)


def test_version_2_keeps_a_message_whole() -> None:
    state = {
        "status": "completed",
        "input": {"filePath": "/w/a", "oldString": "a", "newString": "b"},
    }
    use = {
        "type": "tool",
        "id": "t" * 20,
        "name": "edit",
        "time": {"created": AT, "completed": AT + 1},
    }
    content = [
        {"type": "reasoning", "text": "hm"},
        {**use, "state": {**state, "content": [{"type": "text", "text": "ok"}]}},
        {"type": "text", "text": "Done."},
    ]
    model = {"id": "m", "providerID": "anthropic"}
    outcome = parse(
        projected(
            "msg_1",
            "user",
            text="Go",
            files=[{"uri": "data:image/png;base64,AAAA", "mime": "image/png"}],
        ),
        projected(
            "msg_2",
            "assistant",
            model=model,
            content=content,
            tokens={**TOKENS, "reasoning": 3},
            cost=0.1,
        ),
        projected("msg_3", "compaction", summary="All done", model=model, tokens=TOKENS),
        projected("msg_4", "shell", command="ls", output="a"),
        projected("msg_5", "idle", outcome="succeeded"),
        projected("msg_6", "novelty"),
        projected("msg_7", ["odd"]),
    )
    kinds = {m.native_id: m.kind for m in outcome.messages}
    assert kinds == {
        "msg_1": "prompt",
        "msg_2": "answer",
        "msg_3": "compaction",
        "msg_4": "injected",
        "msg_6": "unknown",
        "msg_7": "unknown",
    }
    [tool_call] = outcome.tools
    assert (tool_call.result, tool_call.lines_added, tool_call.file_path) == ("ok", 1, "/w/a")
    assert sorted(call.output_tokens or 0 for call in outcome.calls) == [20, 23]


def test_a_row_that_a_fork_copied_is_not_older_than_its_session(tmp_path: Path) -> None:
    """It keeps its times, so it would stand before what was read last."""
    script = f"""
        create table session (id, parent_id, directory, title, version, time_created, time_updated);
        create table message (id, session_id, time_created, time_updated, data);
        create table session_message (id, session_id, type, time_created, time_updated, data);
        insert into session values ('ses_2', null, '/w', 'T', '2.0', {AT + 9000}, {AT + 9000});
        insert into session_message values ('msg_a_1', 'ses_2', 'user', {AT}, {AT}, '{{}}');
        insert into session_message
          values ('msg_b', 'ses_2', 'user', {AT + 9500}, {AT + 9500}, '{{}}');
    """
    file = SOURCE.transcript(tmp_path, build_database(tmp_path / "opencode.db", script))
    assert file
    marks = [line.start for line in row_lines(file) if b"session_message" in line.raw]
    assert marks == [AT + 9000, AT + 9500]


def test_version_2_errors() -> None:
    state = {"status": "error", "input": {}, "error": {"message": "denied"}}
    content = [{"type": "tool", "id": "t" * 20, "name": "bash", "state": state}]
    outcome = parse(
        projected("msg_1", "assistant", content=content, error={"type": "aborted", "message": "x"}),
        projected("msg_2", "assistant", content=[], error={"type": "api", "message": "529"}),
        projected("msg_3", "user", text="hi", parent_id="ses_0"),
        projected("msg_4", "compaction", status="failed", error={"type": "api", "message": "x"}),
    )
    assert [(m.kind, m.flags) for m in outcome.messages if m.native_id != "msg_3"] == [
        ("answer", ["interrupted"]),
        ("notice", ["api_error"]),
        ("notice", ["api_error"]),
    ]
    assert outcome.texts(outcome.messages[-1]) == ["api: x"]
    assert (outcome.tools[0].is_error, outcome.tools[0].result) == (True, "denied")


# Files -------------------------------------------------------------------------------------------


def test_files_give_the_same_ids_as_rows() -> None:
    data = answer(tokens=TOKENS, cost=0.5, time={"created": AT}, finish="stop")
    from_file = parse_document("storage/message/ses_1/msg_1.json", {"id": "msg_1", **data})
    from_row = parse(message("msg_1", data, "step-finish"), part("prt_1", step()))
    assert from_file.messages[0].id == from_row.messages[0].id
    assert from_file.messages[0].position == from_row.messages[0].position
    assert from_file.calls[0].id == from_row.calls[0].id
    text = {"type": "text", "text": "x"}
    piece = {"id": "prt_2", "sessionID": "ses_1", "messageID": "msg_1", **text}
    one = parse_document("storage/part/msg_1/prt_2.json", piece).blocks()[0]
    other = parse(part("prt_2", text)).blocks()[0]
    assert (one.id, one.session, one.position) == (other.id, other.session, other.position)


def test_a_file_of_a_subagent_s_task_is_known_by_what_it_forbids() -> None:
    data = {"id": "msg_1", "role": "user", "time": {"created": AT}}
    for tools, kind in (({"todowrite": False}, "injected"), ({}, "prompt"), ([1], "prompt")):
        found = parse_document("storage/message/ses_1/msg_1.json", {**data, "tools": tools})
        assert [message.kind for message in found.messages] == [kind]


def test_the_end_of_a_step_in_a_file_leaves_the_call_to_its_message() -> None:
    data = {"id": "prt_1", "sessionID": "ses_1", "messageID": "msg_1", **step()}
    assert parse_document("storage/part/msg_1/prt_1.json", data).entities == []


def test_a_message_of_2025_may_have_had_more_steps_than_it_tells() -> None:
    data = answer(tokens=TOKENS, cost=0.5, system=["You are"], time={"created": AT})
    [call] = parse_document("storage/message/ses_1/msg_1.json", data).calls
    assert (call.usage_quality, call.reported_cost_usd) == ("lower_bound", None)
    [call] = parse_document("storage/message/ses_1/m.json", {**data, "finish": "stop"}).calls
    assert (call.usage_quality, call.reported_cost_usd) == ("exact", Decimal("0.5"))


def test_ids_come_from_the_path_where_the_file_has_none() -> None:
    path = "project/p/storage/session/part/ses_7/msg_8/prt_9.json"
    [block] = parse_document(path, {"type": "text", "text": "x"}).blocks()
    assert (block.session, block.message) == ("ses_7", record_id("message", "msg_8"))
    [session] = parse_document("storage/session/p/ses_7.json", {"title": "T"}).sessions.values()
    assert (session.session, session.title) == ("ses_7", "T")


def test_a_piece_that_names_no_session_is_reported() -> None:
    outcome = parse_document("storage/part/msg_1/prt_1.json", {"type": "text", "text": "x"})
    assert [span.reason for span in outcome.bad] == ["names no session"]


def test_the_oldest_messages_hold_everything() -> None:
    use = {"toolCallId": "t" * 20, "toolName": "bash", "args": {"command": "ls"}}
    data = {
        "id": "msg_1",
        "role": "assistant",
        "parts": [
            {"type": "step-start"},
            {"type": "text", "text": "Looking."},
            {
                "type": "tool-invocation",
                "toolInvocation": {**use, "state": "result", "result": "a"},
            },
        ],
        "metadata": {
            "time": {"created": AT, "completed": AT + 5},
            "sessionID": "ses_1",
            "tool": {"t" * 20: {"title": "ls", "time": {"start": AT, "end": AT + 2}}},
            "assistant": {"modelID": "m", "providerID": "p", "cost": 0.5, "tokens": TOKENS},
        },
    }
    outcome = parse_document("project/p/storage/session/message/ses_1/msg_1.json", data)
    [found] = outcome.messages
    assert (found.kind, found.model, [b.kind for b in outcome.blocks(found)]) == (
        "answer",
        "m",
        ["text", "tool_call"],
    )
    assert (outcome.tools[0].result, outcome.calls[0].usage_quality) == ("a", "lower_bound")


# Damage ------------------------------------------------------------------------------------------


def test_damaged_rows_are_reported_and_stop_nobody() -> None:
    outcome = parse(
        part("prt_1", '{"type":"text","te'),
        row("part", "prt_2"),
        Line(AT, AT, b'{"table": "part"}'),
        part("prt_3", {"type": "text", "text": "still here"}),
    )
    assert [span.reason for span in outcome.bad] == [
        "not JSON",
        "row without data",
        "row without id",
    ]
    assert [block.text for block in outcome.blocks()] == ["still here"]


def test_damage_inside_the_database_does_not_keep_rows_back(tmp_path: Path) -> None:
    home = build_home("opencode", tmp_path / "home")
    outcome = parse_home(SOURCE, home)
    assert len(outcome.bad) == 1
    assert len(outcome.messages) == 21


def test_ids_tell_when_they_were_made() -> None:
    id = f"msg_{(AT * 4096 + 7) % 2**48:012x}AbCdEf"
    assert not is_copy(id, AT) and is_copy(id, AT - 10**6) and not is_copy(id, None)
    assert is_copy("msg_0197abc_12", AT) and not is_copy("msg_test1", AT)
    assert message_position(id, AT) == AT * 4096 + 7
    assert part_position("p_text_1", None) == 0
    assert message_position(id, AT) < 2**53, "the dashboard pages by it"


def test_any_pieces_agree(tmp_path: Path) -> None:
    check_any_pieces_agree(SOURCE, build_home("opencode", tmp_path / "home"))


def test_nothing_raises(tmp_path: Path) -> None:
    check_hostile_fields(SOURCE, build_home("opencode", tmp_path / "home"), 60)


if SHARED.is_dir():

    def test_the_corpus_is_read_whole(tmp_path: Path) -> None:
        """Files of other projects' tests; pieces that do not name their session are theirs."""
        for number, folder in enumerate(
            [
                "jazzyalex+agent-sessions/Resources/Fixtures/stage0/agents/opencode/storage_v2",
                "jazzyalex+agent-sessions/Resources/Fixtures/stage0/agents/opencode/storage_legacy",
                "Dicklesworthstone+coding_agent_session_search/tests/fixtures/opencode_json",
            ]
        ):
            home = tmp_path / str(number)
            store = home / ".local" / "share" / "opencode" / "storage"
            store.parent.mkdir(parents=True)
            shutil.copytree(SHARED / "corpus" / "misc" / folder, store)
            found = lines_below(SOURCE, home)
            outcome = parse_home(SOURCE, home)
            values = [json.loads(line.raw) for _, lines in found for line in lines]
            used = [v["tokens"]["input"] for v in values if v.get("role") and v.get("tokens")]
            assert sum(call.input_tokens or 0 for call in outcome.calls) == sum(used)
            assert all(m.kind != "unknown" for m in outcome.messages)
            assert all(b.kind != "unknown" for b in outcome.blocks())
            homeless = [v for v in values if "type" in v and "sessionID" not in v]
            assert len(outcome.bad) == len(homeless)
