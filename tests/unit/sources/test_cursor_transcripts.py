"""What the agent's transcripts become: `.jsonl`, `.json` and `.txt`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from claude_code_tracer.sources.cursor.prompts import read_user_text
from tests.unit.sources.cursor_stores import SESSION, document, jsonl


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "message": {"content": [{"type": "text", "text": text}]}}


def query(text: str, at: str = "2:49 PM") -> dict[str, Any]:
    stamp = f"<timestamp>Wednesday, Jul 22, 2026, {at} (UTC+7)</timestamp>\n"
    return user(f"{stamp}<user_query>\n{text}\n</user_query>")


def answer(*blocks: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": b} if isinstance(b, str) else b for b in blocks]
    return {"role": "assistant", "message": {"content": content}}


def use(name: str, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "name": name, "input": arguments}


ENDED = {"type": "turn_ended", "status": "success"}


def test_a_prompt_has_its_time_and_nothing_around_it() -> None:
    outcome = document(jsonl(query("Fix it"), answer("Done.")))
    prompt, said = outcome.messages
    assert (prompt.kind, prompt.at) == ("prompt", datetime(2026, 7, 22, 7, 49, tzinfo=UTC))
    assert outcome.texts(prompt) == ["Fix it"]
    assert (said.kind, said.at, said.flags) == ("answer", None, ["no_timestamp"])
    assert outcome.sessions[SESSION].title == "Fix it"
    assert outcome.sessions[SESSION].project_root is None  # the folder's name is no path
    assert outcome.calls == []


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("Friday, Jul 3, 2026, 4:07 PM (UTC-7)", datetime(2026, 7, 3, 23, 7, tzinfo=UTC)),
        ("Monday, Mar 2, 2026, 12:00 AM (UTC+5:30)", datetime(2026, 3, 1, 18, 30, tzinfo=UTC)),
        ("Monday, Mar 2, 2026, 9:00\u202fAM (UTC)", datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
        ("Monday, Mar 2, 2026, 12:30 PM (UTC-3:30)", datetime(2026, 3, 2, 16, 0, tzinfo=UTC)),
        ("Monday, Mar 2, 2026, 9:00 AM", None),
        ("Montag, Foo 2, 2026, 9:00 AM (UTC)", None),
        ("Monday, Feb 31, 2026, 9:00 AM (UTC)", None),
        ("soon", None),
    ],
)
def test_times_have_a_zone_or_are_unknown(stamp: str, at: datetime | None) -> None:
    text = f"<timestamp>{stamp}</timestamp>\n<user_query>x</user_query>"
    assert read_user_text(text).at == at


@pytest.mark.parametrize(
    "text",
    [
        "<mcp_meta_tools>\nYou have access to tools.\n</mcp_meta_tools>",
        "<user_info>\nOS Version: linux\n</user_info>\n<git_status>clean</git_status>",
        "<timestamp>Friday, Jul 3, 2026, 4:07 PM (UTC)</timestamp>\n"
        "<system_notification>\ndone\n</system_notification>",
        "<user_query>Briefly inform the user about the task result and so on.</user_query>",
        "<system_reminder>never closed",
    ],
)
def test_what_nobody_typed_is_injected(text: str) -> None:
    (message,) = document(jsonl(user(text))).messages
    assert message.kind == "injected"


@pytest.mark.parametrize(
    "text", ["What is 2+2?", "<div>why?</div> does this fail", "a < b", "<my_tag> x"]
)
def test_old_builds_wrote_the_bare_prompt(text: str) -> None:
    outcome = document(jsonl(user(text)))
    assert [(m.kind, outcome.texts(m)) for m in outcome.messages] == [("prompt", [text])]


def test_an_image_alone_is_a_prompt() -> None:
    text = "[Image]\n<image_files>\n1. /a/b.png\n</image_files>\n<user_query>\n\n</user_query>"
    outcome = document(jsonl(user(text)))
    (message,) = outcome.messages
    assert message.kind == "prompt"
    assert [(b.kind, b.data) for b in outcome.blocks(message)] == [
        ("image", {"media_type": None, "path": "/a/b.png"}),
        ("text", {"injected": "image_files"}),
    ]


def test_marks_of_thinking_that_was_not_kept_are_no_text() -> None:
    outcome = document(jsonl(answer("Look.\n\n[REDACTED]"), answer("[REDACTED]")))
    assert [outcome.texts(message) for message in outcome.messages] == [["Look."]]


# Rewriting and repeating --------------------------------------------------------------------------


def test_a_prompt_that_is_written_again_in_its_turn_counts_once() -> None:
    look = answer("Look.", use("Read", {"path": "a"}))
    outcome = document(jsonl(query("go"), look, query("go"), look, query("go"), answer("Done.")))
    assert [m.kind for m in outcome.messages] == ["prompt", "answer", "answer", "answer"]


def test_the_same_words_in_the_next_turn_are_a_new_prompt() -> None:
    outcome = document(jsonl(query("go"), answer("a"), ENDED, query("go"), answer("b")))
    assert [m.kind for m in outcome.messages].count("prompt") == 2
    later = document(jsonl(query("go"), answer("a"), query("go", "2:50 PM"), answer("b")))
    assert [m.kind for m in later.messages].count("prompt") == 2


def test_the_same_words_without_a_time_are_new_once_the_answer_is_there() -> None:
    running = jsonl(user("go"), answer("a", use("Read", {})), user("go"), answer("b"))
    finished = jsonl(user("go"), answer("a"), user("go"), answer("b"))
    kinds = [[m.kind for m in document(raw).messages] for raw in (running, finished)]
    assert [found.count("prompt") for found in kinds] == [1, 2]


def test_a_rewritten_file_gives_the_same_rows_again() -> None:
    """Trap 31: a version drops earlier lines; nothing is doubled, moved to another id or lost."""
    tools = user("<mcp_meta_tools>x</mcp_meta_tools>")
    look = answer("[REDACTED]", use("Read", {"path": "a"}))
    before = [query("go"), tools, look, ENDED, query("on", "2:50 PM"), look, answer("Done.")]
    after = [query("go"), look, query("on", "2:50 PM"), look, answer("Done."), query("and", "3 PM")]
    first = document(jsonl(*before))
    both = document(jsonl(*before), jsonl(*after))
    assert {m.id for m in first.messages} < {m.id for m in both.messages}
    assert len(both.messages) == len(first.messages) + 1
    assert len(both.tools) == len(first.tools) == 2
    said = [both.texts(m)[0] for m in both.messages if m.kind == "prompt"]
    assert said == ["go", "on", "and"]


def test_a_transcript_that_an_error_replaced_keeps_what_was_said() -> None:
    broken = jsonl({"type": "turn_ended", "status": "error", "error": "out of usage"})
    outcome = document(jsonl(query("go"), answer("Done.")), broken)
    assert sorted(m.kind for m in outcome.messages) == ["answer", "notice", "prompt"]


@pytest.mark.parametrize(
    ("record", "flag", "text"),
    [
        ({"type": "turn_ended", "status": "error", "error": "no"}, "api_error", ["no"]),
        ({"type": "turn_ended", "status": "aborted"}, "interrupted", []),
        ({"type": "error", "error": "Provider Error"}, "api_error", ["Provider Error"]),
    ],
)
def test_what_went_wrong_is_a_notice(record: Any, flag: str, text: list[str]) -> None:
    outcome = document(jsonl(record))
    (message,) = outcome.messages
    assert (message.kind, message.flags) == ("notice", [flag, "no_timestamp"])
    assert outcome.texts(message) == text


def test_what_is_not_known_is_kept_and_what_says_nothing_is_not() -> None:
    records = [{"type": "dance"}, {"role": "system", "message": {}}, ENDED, answer(), 7]
    outcome = document(jsonl(*records))
    assert [m.kind for m in outcome.messages] == ["unknown"]
    assert [span.reason for span in outcome.bad] == ["not an object"]
    assert document(b"").entities == []
    assert document(jsonl(ENDED)).entities == []


def test_a_subagents_instructions_are_no_prompt() -> None:
    raw = jsonl(user("Search it"), answer("Found."))
    outcome = document(raw, name=f"{SESSION}/subagents/child.jsonl")
    session = outcome.sessions["child"]
    assert (session.parent, session.relation, session.agent_id) == (SESSION, "subagent", "child")
    assert session.title == "Search it"
    assert [m.kind for m in outcome.messages] == ["injected", "answer"]


# Tools --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "lines"),
    [
        ("Write", {"path": "/a", "contents": "x\ny\n"}, (2, 0)),
        ("StrReplace", {"path": "/a", "old_string": "x\n", "new_string": "y\nz\n"}, (2, 1)),
        ("search_replace", {"file_path": "/a", "old_string": "x", "new_string": ""}, (0, 1)),
        ("ApplyPatch", "*** Begin Patch\n*** Update File: /a\n@@\n--- x\n+y\n z", (1, 1)),
        ("ApplyPatch", {"patch": "--- a\n+++ /a\n@@ -1 +1 @@\n-x\n+y"}, (1, 1)),
        ("Delete", {"path": "/a"}, (None, None)),
        ("Read", {"path": "/a"}, (None, None)),
        ("StrReplace", {"path": "/a"}, (None, None)),
        ("Write", [1], (None, None)),
    ],
)
def test_edits_count_as_they_were_asked_for(
    name: str, arguments: Any, lines: tuple[int | None, int | None]
) -> None:
    (tool,) = document(jsonl(answer(use(name, arguments)))).tools
    assert (tool.name, tool.input) == (name, arguments)
    assert (tool.lines_added, tool.lines_removed) == lines
    assert (tool.result, tool.is_error) == (None, None)
    is_named = name != "Read" and arguments not in (
        [1],
        {"patch": "--- a\n+++ /a\n@@ -1 +1 @@\n-x\n+y"},
    )
    assert tool.file_path == ("/a" if is_named else None)


def test_equal_calls_are_two() -> None:
    wait = answer(use("Await", {"task_id": "1"}))
    outcome = document(jsonl(wait, wait))
    assert len({tool.id for tool in outcome.tools}) == 2
    assert {t.message for t in outcome.tools} == {m.id for m in outcome.messages}


# Late 2025 ----------------------------------------------------------------------------------------

TWIN = [
    {"role": "user", "text": "<user_query>\nwrite it\n\nassistant:\nnot a role\n</user_query>"},
    {
        "role": "assistant",
        "text": "<think>\nHow?\n</think>\nSo.\n",
        "toolCalls": [
            {"toolName": "write", "args": {"file_path": "/a", "contents": "x\n\n  y: 1\nz\n"}},
            {"toolName": "todo_write", "args": {"merge": False, "todos": [{"id": "1"}]}},
        ],
    },
    {"role": "tool", "toolResult": {"toolName": "write"}},
    {"role": "tool", "toolResult": {"toolName": "todo_write"}},
    {"role": "assistant", "text": "Done."},
]
PLAIN = """user:
<user_query>
write it

assistant:
not a role
</user_query>

assistant:
<think>
How?
</think>
So.

[Tool call] write
  file_path: /a
  contents: x

  y: 1
z

[Tool call] todo_write
  merge: false
  todos: [{"id":"1"}]

[Tool result] write

[Tool result] todo_write

assistant:
Done.
"""


def test_the_two_files_of_one_session_say_the_same() -> None:
    """Trap 32: `.txt` and `.json` of one uuid are one session."""
    plain = document(PLAIN.encode(), name=f"{SESSION}.txt")
    array = document(json.dumps(TWIN).encode(), name=f"{SESSION}.json")
    assert [(m.id, m.kind, m.position) for m in plain.messages] == [
        (m.id, m.kind, m.position) for m in array.messages
    ]
    assert [(t.id, t.name, t.input) for t in plain.tools] == [
        (t.id, t.name, t.input) for t in array.tools
    ]
    assert [b.text for b in plain.blocks()] == [b.text for b in array.blocks()]
    assert plain.tools[0].lines_added == 4
    assert plain.bad == array.bad == []


def test_plain_text_with_marks_of_its_own() -> None:
    text = (
        "user:\nhi\n\nA:\n[Thinking] first\n  then\nAnswer.\n"
        "[Tool call] ApplyPatch\n*** Begin Patch\n-a\n+b\n"
    )
    outcome = document(text.encode() + b"\xff\n", name=f"{SESSION}.txt")
    said = outcome.messages[1]
    assert [b.kind for b in outcome.blocks(said)] == ["thinking", "text", "tool_call"]
    assert said.flags == ["invalid_utf8", "no_timestamp"]
    assert outcome.tools[0].lines_added == 1


def test_a_result_with_a_text_goes_to_its_call() -> None:
    asked = "assistant:\n[Tool call] Read\n  path: a\n[Tool call] LS\n  path: b\n"
    text = f"{asked}\n[Tool result] LS\nfile\n"
    tools = {tool.name: tool.result for tool in document(text.encode(), name="x.txt").tools}
    assert tools == {"Read": None, "LS": "file"}


def test_a_call_that_is_cut_off_behind_its_mark_has_no_name_yet() -> None:
    (tool,) = document(b"assistant:\n[Tool call] ", name="x.txt").tools
    assert (tool.name, tool.input) == ("unknown", None)


def test_an_array_that_is_none_is_a_bad_span() -> None:
    for raw in (b'[{"role": "user"', b'{"role": "user"}', b"\x00\x00"):
        outcome = document(raw, name=f"{SESSION}.json")
        assert (outcome.entities, len(outcome.bad)) == ([], 1)
