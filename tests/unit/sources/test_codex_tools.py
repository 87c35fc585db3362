"""Tool calls: what was asked, what came back in each of its forms, and what edits changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_code_tracer.model import ToolCall
from tests.unit.sources.codex_rollouts import OTHER, Rollout

TURN = "019f0000-0000-7000-8000-0000000000f1"
PATCH = """*** Begin Patch
*** Update File: a.py
@@ def f():
-    return 1
+    return 2
+    # why
 x
*** Add File: new.txt
+one
+two
*** End Patch
"""


def start() -> Rollout:
    return Rollout().meta().turn(TURN)


def call(r: Rollout, name: str = "shell", **fields: Any) -> Rollout:
    return r.item("function_call", name=name, call_id="c1", **{"arguments": "{}", **fields})


def output(r: Rollout, value: Any) -> Rollout:
    return r.item("function_call_output", call_id="c1", output=value)


def only(r: Rollout) -> ToolCall:
    (tool,) = r.parse().tools
    return tool


def test_a_call_and_its_output_are_one() -> None:
    r = call(start(), arguments='{"command": ["ls"]}')
    tool = only(output(r, "Exit code: 0\nWall time: 0.1 seconds\nOutput:\na"))
    assert (tool.name, tool.input, tool.native_id) == ("shell", {"command": ["ls"]}, "c1")
    assert tool.started_at and tool.ended_at and tool.started_at < tool.ended_at
    outcome = r.parse()
    assert [b.tool_call for b in outcome.blocks()] == [tool.id]
    assert tool.message == outcome.messages[0].id


@pytest.mark.parametrize(
    ("value", "text", "is_error"),
    [
        ("Exit code: 0\nWall time: 1 seconds\nOutput:\nx", None, False),
        ("Exit code: 2\nWall time: 1 seconds\nOutput:\nx", None, True),
        ("Chunk ID: a\nWall time: 1 s\nProcess exited with code 0\nOutput:\nx", None, False),
        ("Chunk ID: a\nWall time: 1 s\nProcess exited with code 127\nOutput:\nx", None, True),
        ("Command: ls\nChunk ID: a\nProcess running with session ID 7\nOutput:\n", None, None),
        ("Script running with cell ID 1\nWall time 10 seconds\nOutput:\n", None, None),
        ("Script completed\nWall time 1 seconds\nOutput:\n", None, False),
        ("Script failed\nWall time 1 seconds\nOutput:\n", None, True),
        ('{"output":"x\\n","metadata":{"exit_code":0,"duration_seconds":0.1}}', "x\n", False),
        ('{"output":"x","metadata":{"exit_code":1}}', "Exit code: 1\nx", True),
        ('{"agent_id":"a"}', None, False),
        ("{not json", None, False),
        ("Plan updated", None, False),
        ("apply_patch verification failed: no such line", None, True),
        ("failed in sandbox: denied", None, True),
        ("execution error: Io", None, True),
        ("error: invalid arguments", None, True),
        ("aborted by user after 3s", None, True),
        ("Wall time: 1.9 seconds\naborted by user", None, True),
        ("Wall time: 0.0536 seconds\nSleep completed.", None, False),
        ("unsupported custom tool call: apply_patch", None, True),
        ("unable to locate image at `/nope.png`: No such file or directory", None, True),
        ("request_user_input is unavailable in Default mode", None, True),
        ("invalid agent id x: Error(ParseChar)", None, True),
        ("live agent path `/lead/nobody` not found", None, True),
        ([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}], "a\nb", False),
        (
            [{"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="}],
            "[image: image/png, 5 bytes]",
            False,
        ),
        ({"type": "input_text", "text": "one"}, "one", False),
        ({"content": "no", "success": False}, "no", True),
        ({"content": "yes", "success": True}, "yes", False),
        (None, "", False),
        (7, "", False),
    ],
)
def test_each_form_of_an_output(value: Any, text: str | None, is_error: bool | None) -> None:
    tool = only(output(call(start()), value))
    assert tool.result == (value if text is None else text)
    assert tool.is_error is is_error


@pytest.mark.parametrize("event_first", [True, False])
def test_the_event_of_a_commands_end_knows_best(event_first: bool) -> None:
    end = {"call_id": "c1", "exit_code": 3, "aggregated_output": "all of it", "stdout": "some"}
    r = call(start())
    if event_first:
        output(r.event("exec_command_end", **end), "Exit code: 0\nOutput:\npart")
    else:
        output(r, "Exit code: 0\nOutput:\npart").event("exec_command_end", **end)
    tool = only(r)
    assert (tool.result, tool.is_error) == ("Exit code: 3\nall of it", True)


def test_an_operation_inside_a_script_is_a_call_of_its_own() -> None:
    r = start().item("custom_tool_call", name="exec", call_id="c1", input="await tools.x()")
    end = {"command": ["ls"], "cwd": "/x", "exit_code": 0, "duration": {"secs": 2, "nanos": 0}}
    r.done("CommandExecution", id="op1", status="completed", **end)
    r.item("custom_tool_call_output", call_id="c1", output=[{"type": "input_text", "text": "ok"}])
    outer, inner = r.parse().tools
    assert (outer.name, outer.input, outer.result) == ("exec", "await tools.x()", "ok")
    assert (inner.name, inner.input) == ("exec_command", {"command": ["ls"], "cwd": "/x"})
    assert inner.started_at and inner.ended_at
    assert (inner.ended_at - inner.started_at).total_seconds() == 2
    assert inner.message == outer.message


def test_an_item_of_a_known_call_is_its_end() -> None:
    r = call(start(), "exec_command", arguments='{"cmd": "ls"}')
    r.done("CommandExecution", id="c1", command=["ls"], exit_code=0, aggregated_output="a")
    tool = only(output(r, "Process exited with code 0"))
    assert (tool.name, tool.input, tool.result) == ("exec_command", {"cmd": "ls"}, "a")


def test_a_patch_is_a_diff_and_its_lines_count_when_it_succeeded() -> None:
    r = start().item("custom_tool_call", name="apply_patch", call_id="c1", input=PATCH)
    ok = '{"output":"Success. Updated the following files:","metadata":{"exit_code":0}}'
    tool = only(r.item("custom_tool_call_output", call_id="c1", output=ok))
    assert (tool.file_path, tool.lines_added, tool.lines_removed) == ("a.py", 4, 1)
    assert [hunk["path"] for hunk in tool.diff] == ["a.py", "new.txt"]
    assert tool.diff[0]["lines"] == ["-    return 1", "+    return 2", "+    # why", " x"]
    assert (tool.diff[0]["old_lines"], tool.diff[0]["new_lines"]) == (2, 3)


def test_a_patch_whose_end_is_not_known_has_no_lines_yet() -> None:
    tool = only(start().item("custom_tool_call", name="apply_patch", call_id="c1", input=PATCH))
    assert (tool.lines_added, tool.lines_removed) == (None, None)
    assert tool.diff


def test_a_failed_patch_changes_nothing() -> None:
    r = start().item("custom_tool_call", name="apply_patch", call_id="c1", input=PATCH)
    refused = "apply_patch verification failed: x"
    tool = only(r.item("custom_tool_call_output", call_id="c1", output=refused))
    assert (tool.is_error, tool.lines_added, tool.lines_removed) == (True, 0, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"command": ["apply_patch", PATCH]},
        {"command": ["bash", "-lc", f"apply_patch <<'EOF'\n{PATCH}EOF"]},
        {"cmd": f"apply_patch <<'EOF'\n{PATCH}EOF"},
    ],
)
def test_a_patch_in_a_command_counts(arguments: Any) -> None:
    tool = only(output(call(start(), arguments=json.dumps(arguments)), "Exit code: 0\n"))
    assert (tool.name, tool.lines_added, tool.lines_removed) == ("shell", 4, 1)


def test_how_much_a_deleted_file_held_is_not_known_from_a_patch() -> None:
    text = "*** Begin Patch\n*** Delete File: a.py\n*** End Patch"
    r = start().item("custom_tool_call", name="apply_patch", call_id="c1", input=text)
    tool = only(r.item("custom_tool_call_output", call_id="c1", output="Success."))
    assert (tool.file_path, tool.lines_added, tool.lines_removed) == ("a.py", 0, None)


CHANGES: dict[str, dict[str, Any]] = {
    "/x/a.py": {
        "type": "update",
        "unified_diff": "@@ -3,2 +3,2 @@\n a\n-b\n+c\n",
        "move_path": None,
    },
    "/x/b.py": {"type": "add", "content": "one\ntwo\n"},
    "/x/c.py": {"type": "delete", "content": "gone"},
}
OLD_CHANGES = {path: {str(change["type"]): change} for path, change in CHANGES.items()}


@pytest.mark.parametrize("changes", [CHANGES, OLD_CHANGES])
@pytest.mark.parametrize("is_item", [True, False])
def test_reported_changes_are_the_diff(changes: Any, is_item: bool) -> None:
    r = start().item("custom_tool_call", name="apply_patch", call_id="c1", input=PATCH)
    if is_item:
        r.done("FileChange", id="c1", changes=changes, status="completed", stdout="Success")
    else:
        r.event("patch_apply_end", call_id="c1", changes=changes, success=True, stdout="Success")
    tool = only(r.item("custom_tool_call_output", call_id="c1", output="whatever"))
    assert (tool.lines_added, tool.lines_removed, tool.is_error) == (3, 2, False)
    assert (tool.file_path, tool.result) == ("/x/a.py", "Success")
    assert [(h["old_start"], h["new_start"]) for h in tool.diff] == [(3, 3), (0, 1), (1, 0)]


def test_a_patch_inside_a_script_is_told_by_its_event() -> None:
    tool = only(start().event("patch_apply_end", call_id="op", changes=CHANGES, success=True))
    assert (tool.name, tool.lines_added, tool.message is not None) == ("apply_patch", 3, True)


def test_a_patch_that_was_declined_changes_nothing() -> None:
    r = start().done("FileChange", id="op", changes=CHANGES, status="declined")
    assert (only(r).is_error, only(r).lines_added, only(r).lines_removed) == (True, 0, 0)


@pytest.mark.parametrize(
    ("result", "text", "is_error"),
    [
        ({"Ok": {"content": [{"type": "text", "text": "x"}], "isError": False}}, "x", False),
        ({"Ok": {"content": [{"type": "text", "text": "x"}], "isError": True}}, "x", True),
        ({"Err": "no server"}, "no server", True),
        ({"content": [{"type": "text", "text": "x"}]}, "x", False),
    ],
)
def test_mcp_calls(result: Any, text: str, is_error: bool) -> None:
    asked = {"server": "github", "tool": "search", "arguments": {"q": "a"}}
    tool = only(start().event("mcp_tool_call_end", call_id="m", invocation=asked, result=result))
    assert (tool.name, tool.input) == ("mcp__github__search", {"q": "a"})
    assert (tool.result, tool.is_error) == (text, is_error)
    item = only(start().done("McpToolCall", id="m", result=result, **asked))
    assert (item.name, item.result, item.is_error) == (tool.name, tool.result, tool.is_error)


def test_a_namespace_is_part_of_the_name() -> None:
    assert only(call(start(), "search", namespace="mcp__github__")).name == "mcp__github__search"
    assert only(call(start(), "search", namespace="mcp__github")).name == "mcp__github__search"
    assert only(call(start(), "run", namespace="web")).name == "web.run"


@pytest.mark.parametrize("space", ["functions", "multi_agent_v1", "collaboration", "clock"])
def test_codexs_own_tools_have_the_same_names_in_every_version(space: str) -> None:
    assert only(call(start(), "spawn_agent", namespace=space)).name == "spawn_agent"


def test_a_patch_inside_a_script_is_not_counted_twice() -> None:
    r = start().item(
        "custom_tool_call",
        name="exec",
        namespace="functions",
        call_id="c1",
        input=f"await tools.apply_patch({json.dumps(PATCH)})",
    )
    r.done(
        "FileChange", id="op", changes={"n": {"type": "add", "content": "a\n"}}, status="completed"
    )
    r.item("custom_tool_call_output", call_id="c1", output="Script completed\nOutput:\n")
    tools = {tool.name: tool.lines_added for tool in r.parse().tools}
    assert tools == {"exec": None, "apply_patch": 1}


def test_what_a_script_notes_does_not_take_the_place_of_its_result() -> None:
    result = [{"type": "input_text", "text": "Script completed\nOutput:\n"}]
    for outputs in ((result, "a note"), ("a note", result)):
        r = start().item("custom_tool_call", name="exec", call_id="c1", input="notify('a note')")
        for value in outputs:
            r.item("custom_tool_call_output", call_id="c1", output=value)
        assert only(r).result == "Script completed\nOutput:\n"


def test_an_extension_of_a_call_leaves_it_its_output() -> None:
    r = call(start(), "sleep", namespace="clock")
    r.done("Extension", kind="clock.sleep", id="c1", durationMs=50)
    tool = only(output(r, "Wall time: 0.05 seconds\nSleep completed."))
    assert (tool.name, tool.is_error) == ("sleep", False)
    assert tool.result == "Wall time: 0.05 seconds\nSleep completed."


@pytest.mark.parametrize("is_item", [True, False])
def test_a_command_of_the_person_is_not_the_models(is_item: bool) -> None:
    end = {"source": "user_shell", "command": ["bash", "-lc", "make"], "exit_code": 2}
    r = start().prompt("hi").answer("hello")
    if is_item:
        r.done("CommandExecution", id="op1", aggregated_output="no rule", **end)
    else:
        r.event("exec_command_end", call_id="op1", aggregated_output="no rule", **end)
    outcome = r.parse()
    (tool,) = outcome.tools
    assert (tool.name, tool.result, tool.is_error) == (
        "exec_command",
        "Exit code: 2\nno rule",
        True,
    )
    ran = outcome.messages[-1]
    assert (ran.role, ran.kind, ran.id) == ("user", "injected", tool.message)
    assert [block.tool_call for block in outcome.blocks(ran)] == [tool.id]


def test_what_a_reviewer_did_stands_in_its_own_file() -> None:
    """Its items stand in the file of who asked for the review, too."""
    r = start()
    end = {"id": "op1", "command": ["ls"], "exit_code": 0}
    item = {"type": "CommandExecution", **end}
    r.event("item_completed", thread_id=OTHER, item=item)
    r.event("item_completed", thread_id=r.thread, item={**item, "id": "op2"})
    assert only(r).native_id == "op2"


@pytest.mark.parametrize("event_first", [True, False])
def test_a_web_search_is_told_once(event_first: bool) -> None:
    action = {"type": "search", "query": "codex", "queries": None}
    r = start()
    if event_first:
        r.event("web_search_end", call_id="ws_1", query="codex", action=action)
    r.item("web_search_call", status="completed", action=action)
    if not event_first:
        r.event("web_search_end", call_id="ws_1", query="codex", action=action)
    tool = only(r)
    assert (tool.name, tool.input, tool.result) == ("web_search", action, None)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("event", {"kind": "collab_agent_spawn_end", "call_id": "c1", "new_thread_id": OTHER}),
        (
            "event",
            {"kind": "sub_agent_activity", "event_id": "c1", "agent_thread_id": OTHER},
        ),
        (
            "done",
            {"kind": "CollabAgentToolCall", "id": "c1", "tool": "spawn_agent",
             "receiver_thread_ids": [OTHER]},
        ),
        ("output", {}),
    ],
)  # fmt: skip
def test_a_call_names_the_agent_it_started(kind: str, fields: dict[str, Any]) -> None:
    r = call(start(), "spawn_agent", arguments='{"message": "look"}')
    if kind == "output":
        output(r, json.dumps({"agent_id": OTHER, "nickname": "Ada"}))
    else:
        name = fields.pop("kind")
        _ = r.event(name, **fields) if kind == "event" else r.done(name, **fields)
        fields["kind"] = name
    assert only(r).agent_session == OTHER


@pytest.mark.parametrize(
    ("item", "name", "result"),
    [
        ({"type": "Extension", "kind": "web.search", "query": "a"}, "web_search", None),
        ({"type": "Extension", "kind": "clock.sleep", "durationMs": 5}, "clock.sleep", None),
        ({"type": "ImageGeneration", "result": "aGVsbG8h", "status": "completed"},
         "image_generation", "[image: 6 bytes]"),
        ({"type": "DynamicToolCall", "tool": "t", "arguments": {}, "success": True,
          "content_items": [{"type": "inputText", "text": "x"}]}, "t", "x"),
        ({"type": "WebSearch", "query": "a", "action": {"type": "search", "query": "a"},
          "results": [{"title": "T", "url": "u"}]}, "web_search", "T u"),
    ],
)  # fmt: skip
def test_other_items_of_turns(item: dict[str, Any], name: str, result: str | None) -> None:
    tool = only(start().event("item_completed", item={"id": "i", **item}))
    assert (tool.name, tool.result) == (name, result)


def test_a_result_without_its_call_is_kept() -> None:
    tool = only(output(start(), "Exit code: 1\n"))
    assert (tool.name, tool.is_error) == (None, True)


def test_calls_without_ids_stay_apart() -> None:
    r = start()
    for _ in range(2):
        r.item("local_shell_call", status="completed", action={"type": "exec", "command": ["ls"]})
    assert [tool.name for tool in r.parse().tools] == ["local_shell", "local_shell"]
