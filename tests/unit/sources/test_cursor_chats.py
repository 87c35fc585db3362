"""What the databases and meta files of `cursor-agent` become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from claude_code_tracer.sources.source import Line
from tests.unit.sources.cursor_stores import CURSOR, SESSION, rows, transcript
from tests.unit.sources.parsing import Outcome

FILE = transcript(f".cursor/chats/0f/{SESSION}/store.db")


def row(table: str, mark: int, key: str, **columns: Any) -> Line:
    return Line(
        mark, mark, json.dumps({"table": table, "mark": mark, "key": key, **columns}).encode()
    )


def blobs(*values: Any, first: int = 1) -> list[Line]:
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return [row("blobs", i, f"sha{i}", data=text) for i, text in enumerate(texts, first)]


def meta(**fields: Any) -> Line:
    return row("meta", 9, "0", value=json.dumps(fields).encode().hex())


def chat(*values: Any) -> Outcome:
    return rows(FILE, blobs(*values))


def tool_result(call: str, text: str, **high: Any) -> dict[str, Any]:
    block = {"type": "tool-result", "toolCallId": call, "toolName": "X", "result": text}
    options = {"cursor": {"highLevelToolCallResult": high}}
    return {"role": "tool", "id": call, "content": [block], "providerOptions": options}


def calling(call: str, name: str, **arguments: Any) -> dict[str, Any]:
    block = {"type": "tool-call", "toolCallId": call, "toolName": name, "args": arguments}
    return {"role": "assistant", "content": [block]}


def test_messages_stand_in_the_order_of_the_rows() -> None:
    prompt = "<timestamp>Monday, Nov 2, 2026, 9:00 AM (UTC)</timestamp><user_query>Go</user_query>"
    said = {
        "role": "assistant",
        "content": [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "Yes."}],
        "createdAt": 1793610000000,
        "providerOptions": {"cursor": {"modelName": "composer-2.5"}},
    }
    outcome = chat(
        {"role": "system", "content": "You are"}, {"role": "user", "content": prompt}, said
    )
    first, second = outcome.messages
    assert (first.kind, first.position, first.native_id) == ("prompt", 2, "sha2")
    assert first.at == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert (second.model, second.at) == ("composer-2.5", datetime(2026, 11, 2, 9, 0, tzinfo=UTC))
    assert [b.kind for b in outcome.blocks(second)] == ["thinking", "text"]
    assert outcome.sessions[SESSION].title == "Go"
    assert outcome.calls == []


def test_a_result_goes_to_its_call() -> None:
    outcome = chat(
        calling("c1", "Shell", command="ls"),
        tool_result("c1", "a\n", output={"success": {}}, isError=False),
        calling("c2", "StrReplace", path="/a", old_string="x\n", new_string="y\n"),
        tool_result("c2", "Error", output={"error": {}}),
        calling("c3", "Task", description="look"),
        tool_result("c3", "found", output={"success": {"agentId": "child"}}),
        calling("c4", "Read", path="/b"),
    )
    shell, edit, task, read = outcome.tools
    assert (shell.native_id, shell.result, shell.is_error) == ("c1", "a\n", False)
    assert (edit.is_error, edit.lines_added, edit.lines_removed) == (True, 0, 0)
    assert (edit.file_path, task.agent_session) == ("/a", "child")
    assert (read.result, read.is_error) == (None, None)


def test_a_failed_edit_counts_nothing_after_a_restart_either() -> None:
    lines = blobs(
        calling("c", "Write", path="/a", contents="x"), tool_result("c", "no", isError=True)
    )
    for cuts in ([], [1]):
        (tool,) = rows(FILE, lines, cuts).tools
        assert (tool.lines_added, tool.lines_removed) == (0, 0)


def test_what_the_tool_put_in_is_no_prompt() -> None:
    summary = {
        "role": "user",
        "content": "So far",
        "providerOptions": {"cursor": {"isSummary": True}},
    }
    outcome = chat({"role": "user", "content": "<user_info>\nlinux\n</user_info>"}, summary)
    assert [m.kind for m in outcome.messages] == ["injected", "compaction"]


def test_the_chat_says_its_name_folder_and_parent() -> None:
    agent = {"parentAgentId": "p", "typeName": "explore"}
    lines = [meta(name="Sorting", workspacePath="/w", subagentInfo=agent)]
    outcome = rows(FILE, [*lines, *blobs({"role": "user", "content": "do it"}, first=10)])
    session = outcome.sessions[SESSION]
    assert (session.title, session.project_root, session.cwd) == ("Sorting", "/w", "/w")
    assert (session.parent, session.relation, session.agent_type) == ("p", "subagent", "explore")
    assert [m.kind for m in outcome.messages] == ["injected"]


def test_a_name_that_says_nothing_is_no_title() -> None:
    outcome = rows(FILE, [meta(name="New Agent"), *blobs({"role": "user", "content": "Go"})])
    assert outcome.sessions[SESSION].title == "Go"


@pytest.mark.parametrize("data", [None, "", "plain file", '{"a": 1}', '{"cut', "[1]", 7])
def test_blobs_that_are_no_messages_are_left_out(data: object) -> None:
    outcome = rows(FILE, [row("blobs", 1, "sha", data=data)])
    assert (outcome.entities, outcome.bad) == ([], [])


def test_an_unknown_role_is_kept() -> None:
    outcome = chat({"role": "oracle", "content": "?"})
    assert [m.kind for m in outcome.messages] == ["unknown"]


def test_the_meta_file_gives_title_and_folder() -> None:
    file = transcript(f".cursor/chats/0f/{SESSION}/meta.json")

    def read(**fields: Any) -> Outcome:
        raw = json.dumps(fields).encode()
        return Outcome([CURSOR.parse(file, [Line(0, len(raw), raw)], None)])

    outcome = read(hasConversation=True, title="T", cwd="/w", updatedAtMs=5)
    session = outcome.sessions[SESSION]
    assert (session.title, session.project_root, session.revision) == ("T", "/w", 5)
    assert read(hasConversation=False, title="T", cwd="/w").entities == []
    assert read(cwd="/w").entities == []
