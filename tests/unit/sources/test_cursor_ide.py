"""What the IDE's databases become, read as the engine reads them."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sources.cursor_stores import row_lines, rows, transcript
from tests.unit.sources.parsing import Outcome

FILE = transcript(".config/Cursor/User/globalStorage/state.vscdb")
C = "composer-1"


class Ide:
    """The IDE's database, written as the IDE does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.vscdb"
        self._db = sqlite3.connect(self.path)
        for name in ("ItemTable", "cursorDiskKV"):
            self._db.execute(
                f"create table {name} (key text unique on conflict replace, value blob)"
            )

    def put(self, key: str, value: Any, table: str = "cursorDiskKV") -> None:
        data = value if isinstance(value, str | None) else json.dumps(value).encode()
        self._db.execute(f"insert into {table} values (?, ?)", (key, data))
        self._db.commit()

    def bubble(self, key: str, composer: str = C, **fields: Any) -> None:
        self.put(f"bubbleId:{composer}:{key}", {"_v": 3, "bubbleId": key, **fields})

    def tool(self, key: str, name: str, **fields: Any) -> None:
        texts = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in fields.items()}
        self.bubble(key, type=2, text="", toolFormerData={"name": name, **texts})

    def headers(self, **values: Any) -> None:
        self._db.execute(
            "create table composerHeaders (composerId text, createdAt integer, "
            "lastUpdatedAt integer, value text)"
        )
        for name, value in values.items():
            row = (name.replace("_", "-"), 1, 2, json.dumps(value))
            self._db.execute("insert into composerHeaders values (?, ?, ?, ?)", row)
        self._db.commit()

    def read(self) -> Outcome:
        return rows(FILE, row_lines(self.path, FILE.tables))


@pytest.fixture
def ide(tmp_path: Path) -> Ide:
    return Ide(tmp_path)


def test_bubbles_stand_in_the_order_they_were_made(ide: Ide) -> None:
    ide.bubble("b", type=2, text="Yes.", createdAt="2026-11-02T10:00:02.000Z")
    ide.bubble("a", type=1, text="Well?", createdAt="2026-11-02T10:00:01.000Z")
    outcome = ide.read()
    assert [(m.native_id, m.kind) for m in outcome.messages] == [("a", "prompt"), ("b", "answer")]
    assert outcome.messages[0].at == datetime(2026, 11, 2, 10, 0, 1, tzinfo=UTC)
    assert outcome.sessions[C].title == "Well?"


def test_bubbles_without_a_time_stand_in_the_order_of_the_rows(ide: Ide) -> None:
    for key in ("z", "y", "x"):
        ide.bubble(key, type=1, text=key, timingInfo={"clientStartTime": 1793610000000})
    messages = ide.read().messages
    assert [m.native_id for m in messages] == ["z", "y", "x"]
    assert messages[0].at == datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def test_a_bubble_that_is_written_again_is_the_same_message(ide: Ide) -> None:
    made = "2026-11-02T10:00:01.000Z"
    ide.bubble("a", type=2, text="Ye", createdAt=made)
    before = row_lines(ide.path, FILE.tables)
    ide.bubble("c", type=1, text="later", createdAt="2026-11-02T10:00:09.000Z")
    tokens = {"inputTokens": 5, "outputTokens": 7}
    ide.bubble("a", type=2, text="Yes.", createdAt=made, tokenCount=tokens)
    outcome = rows(FILE, [*before, *row_lines(ide.path, FILE.tables)], [len(before)])
    assert [outcome.texts(m) for m in outcome.messages] == [["Yes."], ["later"]]
    assert [(c.input_tokens, c.output_tokens) for c in outcome.calls] == [(5, 7)]


def test_tokens_are_what_the_tool_wrote_and_zero_is_nothing(ide: Ide) -> None:
    ide.put(f"composerData:{C}", {"modelConfig": {"modelName": "default"}})
    own = {"modelName": "claude-4.5-sonnet"}
    ide.bubble("a", type=2, text="a", tokenCount={"inputTokens": 0, "outputTokens": 0})
    ide.bubble(
        "b", type=2, text="b", modelInfo=own, tokenCount={"inputTokens": 2, "outputTokens": 9}
    )
    ide.bubble("c", type=2, text="", tokenCount={"inputTokens": 3, "outputTokens": 0})
    ide.bubble("d", type=2, text="d", tokenCount={"inputTokens": -3, "outputTokens": "x"})
    calls = {call.native_id: call for call in ide.read().calls}
    assert set(calls) == {"b", "c"}
    assert (calls["b"].model, calls["b"].output_tokens) == ("claude-4.5-sonnet", 9)
    assert (calls["c"].model, calls["c"].input_tokens, calls["c"].output_tokens) == (
        "default",
        3,
        None,
    )
    assert {call.usage_quality for call in calls.values()} == {"lower_bound"}
    assert calls["b"].cache_read_tokens is None


def test_the_same_bubble_name_in_two_composers_is_two_calls(ide: Ide) -> None:
    for composer in (C, "composer-2"):
        ide.bubble(
            "b", composer, type=2, text="b", tokenCount={"inputTokens": 1, "outputTokens": 1}
        )
    assert len(ide.read().calls) == 2


def test_a_tool_call_holds_its_result(ide: Ide) -> None:
    ide.tool(
        "a",
        "run_terminal_command_v2",
        toolCallId="t1",
        params={"command": "ls"},
        status="completed",
        result="x",
    )
    ide.tool("b", "read_file", toolCallId="t2", params={"path": "p"}, status="loading")
    ide.tool("c", "web_search", toolCallId="t3", status="error", error="offline", rawArgs={"q": 1})
    ide.tool("d", "task_v2", toolCallId="t4", status="completed", result={"agentId": "child"})
    done, open_, failed, task = ide.read().tools
    assert (done.native_id, done.result, done.is_error) == ("t1", "x", False)
    assert done.input == {"command": "ls"}
    assert (open_.result, open_.is_error) == (None, None)
    assert (failed.result, failed.is_error, failed.input) == ("offline", True, {"q": 1})
    assert task.agent_session == "child"


EDIT = {"relativeWorkspacePath": "/a", "noCodeblock": True}
IDS = {"beforeContentId": "composer.content.1", "afterContentId": "composer.content.2"}
NEW = {
    "beforeContentId": "composer.content."
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
}


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"result": IDS}, (2, 1)),
        ({"result": {**IDS, **NEW}}, (3, 0)),
        ({"result": {**IDS, "afterContentId": "composer.content.gone"}}, (None, None)),
        ({"result": {**IDS, "afterContentId": "cursorAuth/accessToken"}}, (None, None)),
        ({"result": {"contentsBeforeEdit": "a\n", "contentsAfterEdit": "b\n"}}, (1, 1)),
        ({"result": {"diff": {"chunks": [{"diffString": "-a\n+b\n c"}]}}}, (1, 1)),
        ({"result": {"diff": {"chunks": [{"linesAdded": 4, "linesRemoved": 2}]}}}, (4, 2)),
        ({"result": {"diff": {"chunks": [{}]}}}, (None, None)),
        ({"rawArgs": {"old_string": "a\n", "new_string": "b\n"}}, (None, None)),
        ({"result": IDS, "userDecision": "rejected"}, (0, 0)),
        ({"result": "not JSON"}, (None, None)),
    ],
)
def test_an_edit_counts_what_the_file_became(
    ide: Ide, fields: dict[str, Any], lines: tuple[int | None, int | None]
) -> None:
    ide.put("composer.content.1", "a\nb\n")
    ide.put("composer.content.2", "a\nc\nd\n")
    ide.put("cursorAuth/accessToken", "must not leave")
    ide.tool("e", "edit_file_v2", params=EDIT, status="completed", **fields)
    outcome = ide.read()
    (tool,) = outcome.tools
    assert (tool.lines_added, tool.lines_removed) == lines
    assert tool.file_path == "/a"
    assert "must not leave" not in repr(outcome.entities)


def test_a_replacement_that_was_only_asked_for_counts_as_asked(ide: Ide) -> None:
    given = {"file_path": "/a", "old_string": "x\n", "new_string": "y\nz\n"}
    ide.tool("e", "search_replace", rawArgs=given, params={}, status="completed")
    ide.tool("f", "search_replace", rawArgs=given, status="error")
    kept, failed = ide.read().tools
    assert (kept.lines_added, kept.lines_removed, kept.input) == (2, 1, given)
    assert (failed.lines_added, failed.lines_removed) == (0, 0)


def test_thoughts_errors_images_and_odd_bubbles(ide: Ide) -> None:
    ide.bubble("a", type=2, thinking={"text": "", "signature": "s"}, text="")
    ide.bubble("b", type=2, thinking={"text": "Hm.", "signature": "s"}, text="")
    ide.bubble("c", type=2, text="", errorDetails={"message": "Premature close"})
    ide.bubble("d", type=1, text="", images=[{"mimeType": "image/png"}])
    ide.bubble("e", type=1, text="simulated", isSimulatedMsg=True)
    ide.bubble("f", type=99, message="?")
    ide.put(f"bubbleId:{C}:g", None)
    ide.put(f"bubbleId:{C}:h", "null")
    ide.put(f"bubbleId:{C}:i", '{"type": 1, "te')
    outcome = ide.read()
    kinds = ["answer", "notice", "prompt", "injected", "unknown"]
    assert [m.kind for m in outcome.messages] == kinds
    assert outcome.messages[1].flags == ["api_error", "no_timestamp"]
    assert [span.reason for span in outcome.bad] == ["not JSON"]


def test_a_typed_tag_is_no_wrapper(ide: Ide) -> None:
    ide.bubble("a", type=1, text="<my_tag>why</my_tag>")
    (message,) = ide.read().messages
    assert message.kind == "prompt"


def test_a_composer_says_what_its_session_is(ide: Ide) -> None:
    repository = {"repoPath": "/w", "branches": [{"branchName": "dev"}]}
    ide.put(
        f"composerData:{C}",
        {
            "name": "A name",
            "lastUpdatedAt": 7,
            "workspaceIdentifier": {"uri": {"fsPath": "/w"}},
            "trackedGitRepos": [repository],
        },
    )
    ide.put("composerData:draft", {"name": "Never sent"})
    ide.bubble("a", type=1, text="x")
    sessions = ide.read().sessions
    assert set(sessions) == {C}
    found = sessions[C]
    assert (found.title, found.project_root, found.cwd, found.branch) == (
        "A name",
        "/w",
        "/w",
        "dev",
    )
    assert found.path == str(FILE.path)


@pytest.mark.parametrize(
    ("composer", "folder"),
    [
        ({"workspaceIdentifier": {"uri": "file:///home/u/my%20p"}}, "/home/u/my p"),
        ({"workspaceIdentifier": {"uri": {"path": "/p"}}}, "/p"),
        ({"workspaceIdentifier": {"configPath": {"fsPath": "/p/team.code-workspace"}}}, "/p"),
        ({"workspaceUri": "vscode-remote://ssh-remote%2Bx/srv/app"}, "/srv/app"),
        ({"workspaceUri": "file:///c%3A/Users/u"}, "c:/Users/u"),
        ({"trackedGitRepos": [{"repoPath": "/r"}]}, "/r"),
        ({"workspaceIdentifier": {"id": "empty-window"}}, None),
        ({"workspaceIdentifier": 7, "workspaceUri": "http://[bad", "trackedGitRepos": 1}, None),
    ],
)
def test_the_folder_is_named_in_many_ways(ide: Ide, composer: Any, folder: str | None) -> None:
    ide.put(f"composerData:{C}", composer)
    ide.bubble("a", type=1, text="x")
    assert ide.read().sessions[C].project_root == folder


def test_bubbles_of_some_versions_name_the_folder_themselves(ide: Ide) -> None:
    ide.bubble("a", type=1, text="x", workspaceUris=["file:///p/q"])
    ide.bubble("b", "composer-2", type=1, text="x", workspaceProjectDir="/r")
    sessions = ide.read().sessions
    assert [sessions[c].project_root for c in (C, "composer-2")] == ["/p/q", "/r"]


def test_the_table_of_headers_names_composers(ide: Ide) -> None:
    info = {"parentComposerId": "p", "subagentTypeName": "explore"}
    ide.headers(
        composer_1={"name": "From the header"}, child={"subagentInfo": info}, draft={"name": "-"}
    )
    ide.bubble("a", type=1, text="x")
    ide.bubble("a", "child", type=2, text="y")
    sessions = ide.read().sessions
    assert set(sessions) == {C, "child"}
    assert sessions[C].title == "From the header"
    assert (sessions["child"].parent, sessions["child"].agent_type) == ("p", "explore")


def test_a_subagents_instructions_are_no_prompt(ide: Ide) -> None:
    ide.put("composerData:child", {"subagentInfo": {"parentComposerId": C}})
    ide.bubble("a", "child", type=1, text="search")
    ide.bubble("a", "task-call_1\nfc_2", type=1, text="search")
    outcome = ide.read()
    assert {m.kind for m in outcome.messages} == {"injected"}
    assert (outcome.sessions["child"].parent, outcome.sessions["child"].relation) == (C, "subagent")


def test_old_composers_keep_their_bubbles_themselves(ide: Ide) -> None:
    said = [{"type": 1, "text": "a", "bubbleId": "u"}, {"type": 2, "text": "b"}, {"type": 2}]
    ide.put(f"composerData:{C}", {"conversation": said, "name": "Old"})
    old = {"composerId": "w", "conversation": said}
    ide.put("composer.composerData", {"allComposers": [old, {"composerId": "head"}]}, "ItemTable")
    tab = {
        "tabId": "t",
        "chatTitle": "Tab",
        "bubbles": [{"type": "user", "text": "c"}, {"type": "ai", "rawText": "d"}],
    }
    fallback = {
        "id": "s",
        "messages": [{"role": "user", "content": "e", "timestamp": 1793610000000}],
    }
    panel = "workbench.panel.aichat.view.aichat.chatdata"
    ide.put(panel, {"tabs": [tab, fallback]}, "ItemTable")
    ide.put("cursorAuth/accessToken", "secret", "ItemTable")
    outcome = ide.read()
    found = {(m.session, outcome.texts(m)[0]): m.kind for m in outcome.messages}
    assert found == {
        (C, "a"): "prompt",
        (C, "b"): "answer",
        ("w", "a"): "prompt",
        ("w", "b"): "answer",
        ("t", "c"): "prompt",
        ("t", "d"): "answer",
        ("s", "e"): "prompt",
    }
    assert (outcome.sessions[C].title, outcome.sessions["t"].title) == ("Old", "Tab")


def test_a_database_of_something_else_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.vscdb"
    sqlite3.connect(path).close()
    assert row_lines(path, FILE.tables) == []


def test_facts_are_told_once(ide: Ide) -> None:
    ide.put(f"composerData:{C}", {"name": "N", "workspaceIdentifier": {"uri": {"fsPath": "/w"}}})
    for i in range(20):
        ide.bubble(f"b{i}", type=1, text=str(i), workspaceUris=["file:///w"])
    lines = row_lines(ide.path, FILE.tables)
    outcome = rows(FILE, lines, range(1, len(lines)))
    told = [entity for entity in outcome.raw if type(entity).__name__ == "Session"]
    assert len(told) <= 6
    marks = [line.start for line in lines if b'"bubbles"' in line.raw[:40]]
    assert all(a < b for a, b in pairwise(marks))
