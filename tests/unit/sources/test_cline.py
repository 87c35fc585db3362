"""Cline and Roo Code: documents of tasks, and the sessions of Cline's SDK."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.model import Message
from claude_code_tracer.sources.cline import Cline, RooCode
from claude_code_tracer.sources.source import Line, Shape, Source, Transcript
from tests.golden.homes import build_home, files_of
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome

CLINE, ROO = Cline(), RooCode()
TASK = "1790000000000"
T = 1_790_000_000_000
SONNET = {"modelInfo": {"providerId": "anthropic", "modelId": "claude-sonnet-4-5", "mode": "act"}}
_KEYS = st.sampled_from(
    ["ts", "model_id", "role", "content", "modelInfo", "modelId", "text", "type"]
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4)


TOKENS = {"tokensIn": 10, "tokensOut": 20, "cacheWrites": 30, "cacheReads": 40, "cost": 0.5}


def say(after: int, word: str, text: object = None, **more: Any) -> dict[str, Any]:
    """Return an item; a text that is no string is written as JSON, as the tools do."""
    known = {} if text is None else {"text": text if type(text) is str else json.dumps(text)}
    return {"ts": T + after, "type": "say", "say": word, **known, **more}


def ask(after: int, word: str, text: object = None, **more: Any) -> dict[str, Any]:
    item = say(after, word, text, **more)
    return {**{k: v for k, v in item.items() if k != "say"}, "type": "ask", "ask": word}


def request(after: int, **info: Any) -> dict[str, Any]:
    return say(after, "api_req_started", {"request": "...", **TOKENS, **info}, **SONNET)


def read(
    content: object, source: Source = CLINE, name: str = "ui_messages.json", session: str = TASK
) -> Outcome:
    """Parse one version of a document."""
    return Outcome([source.parse(at(source, name, session), [line(content)], None)])


def at(source: Source, name: str = "ui_messages.json", session: str = TASK) -> Transcript:
    path = Path("/home/u/tasks") / session / name
    return Transcript(source.name, path, session, shape=Shape.DOCUMENT)


def line(content: object) -> Line:
    raw = content if type(content) is bytes else json.dumps(content).encode()
    return Line(0, len(raw), raw)


def told(outcome: Outcome) -> list[tuple[str, list[str | None]]]:
    return [(m.kind, outcome.texts(m)) for m in outcome.messages]


# Messages ---------------------------------------------------------------------------------------


def test_an_answer_is_what_follows_a_request() -> None:
    found = read(
        [
            say(0, "task", "Do it"),
            request(10),
            say(20, "reasoning", "Hm."),
            say(30, "text", "I do."),
            say(40, "tool", {"tool": "readFile", "path": "a.py", "content": "/p/a.py"}),
            request(50),
            say(60, "completion_result", "Done.HAS_CHANGES"),
            ask(70, "completion_result", ""),
        ]
    )
    assert told(found) == [
        ("prompt", ["Do it"]),
        ("answer", ["Hm.", "I do.", None]),
        ("answer", ["Done."]),
    ]
    first = found.messages[1]
    assert (first.role, first.model, first.position) == ("assistant", "claude-sonnet-4-5", T + 10)
    assert [block.kind for block in found.blocks(first)] == ["thinking", "text", "tool_call"]
    assert [tool.message for tool in found.tools] == [first.id]
    assert [call.message for call in found.calls] == [m.id for m in found.messages[1:]]


def test_a_result_that_is_told_and_asked_about_is_one() -> None:
    found = read(
        [request(0), say(1, "completion_result", "Done."), ask(2, "completion_result", "Done.")]
    )
    assert told(found) == [("answer", ["Done."])]


def test_what_a_person_chose_is_what_they_said() -> None:
    question = {"question": "Which?", "options": ["A", "B"], "selected": "B"}
    found = read([request(0), ask(10, "followup", question), say(20, "user_feedback", "and fast")])
    assert told(found) == [("answer", ["Which?"]), ("prompt", ["B"]), ("prompt", ["and fast"])]


def test_a_plan_is_an_answer() -> None:
    plan = {"response": "First this.", "options": []}
    assert told(read([request(0), ask(1, "plan_mode_respond", plan)])) == [
        ("answer", ["First this."])
    ]


def test_images_and_files_are_told_of_without_their_content() -> None:
    picture = "data:image/png;base64," + "A" * 400
    found = read([say(0, "task", "Look", images=[picture, 5], files=["/p/a.pdf"])])
    blocks = found.blocks(found.messages[0])
    assert [block.kind for block in blocks] == ["text", "image", "document"]
    assert blocks[1].data == {"media_type": "image/png", "bytes": 300}
    assert blocks[2].data == {"path": "/p/a.pdf"}


@pytest.mark.parametrize(
    ("item", "kind", "flags"),
    [
        (say(1, "error", "no such file"), "notice", None),
        (ask(1, "api_req_failed", "529"), "notice", ["api_error"]),
        (say(1, "api_req_retry_delayed", "in 5 s"), "notice", ["api_error"]),
        (ask(1, "mistake_limit_reached"), "notice", None),
        (say(1, "user_feedback_diff", {"tool": "x"}), "injected", None),
        (say(1, "subtask_result", "done"), "injected", None),
        (ask(1, "condense", "All before."), "compaction", None),
        (say(1, "brand_new_word", "?"), "unknown", None),
        ({"ts": T, "kind": "else"}, "unknown", None),
        ({"role": "user", "timestamp": T, "content": "Hello"}, "prompt", None),
        ({"role": "assistant", "timestamp": T, "content": "Hi"}, "answer", None),
    ],
)
def test_what_an_item_is(item: dict[str, Any], kind: str, flags: list[str] | None) -> None:
    message = read([item]).messages[0]
    assert (message.kind, message.flags) == (kind, flags)


@pytest.mark.parametrize("word", ["checkpoint_created", "resume_task", "task_progress"])
def test_housekeeping_is_left_out(word: str) -> None:
    assert read([say(0, word, "x")]).messages == []


def test_a_request_that_failed_is_a_notice() -> None:
    failed = {"cancelReason": "streaming_failed", "streamingFailedMessage": "overloaded"}
    found = read([request(0, **failed, tokensIn=0, tokensOut=0, cacheWrites=0, cacheReads=0)])
    assert told(found) == [("notice", ["overloaded"])]
    assert found.messages[0].flags == ["api_error"]
    assert found.calls == []


def test_an_answer_that_was_stopped_says_so() -> None:
    found = read([request(0, cancelReason="user_cancelled"), say(1, "text", "I be")])
    assert (told(found), found.messages[0].flags) == ([("answer", ["I be"])], ["interrupted"])
    stopped = read([request(0, cancelReason="user_cancelled")])
    assert told(stopped) == [("notice", ["user_cancelled"])]


def test_the_summary_of_roo_is_kept_and_its_cost() -> None:
    condensed = {"summary": "Short.", "cost": 0.25, "prevContextTokens": 9, "newContextTokens": 1}
    found = read([say(0, "condense_context", contextCondense=condensed)], ROO)
    assert told(found) == [("compaction", ["Short."])]
    (call,) = found.calls
    assert (call.input_tokens, call.reported_cost_usd) == (None, Decimal("0.25"))


# Tools ------------------------------------------------------------------------------------------


def test_a_command_gets_all_its_output() -> None:
    found = read(
        [
            request(0),
            ask(10, "command", "makeREQ_APP"),
            say(20, "command_output", "one"),
            ask(30, "command_output", "two"),
        ]
    )
    (tool,) = found.tools
    assert (tool.name, tool.input, tool.result) == (
        "execute_command",
        {"command": "make"},
        "one\ntwo",
    )
    assert tool.started_at is not None
    assert tool.ended_at is not None
    assert tool.is_error is None


def test_mcp_and_browser_get_what_came_back() -> None:
    mcp = {"serverName": "git", "type": "use_mcp_tool", "toolName": "log", "arguments": '{"n": 1}'}
    found = read(
        [
            request(0),
            ask(1, "use_mcp_server", mcp),
            say(2, "mcp_server_response", "commit 1"),
            say(3, "browser_action_launch", "http://localhost"),
            say(
                4, "browser_action_result", {"screenshot": "AAAA", "logs": "ok", "currentUrl": "u"}
            ),
        ]
    )
    assert [(t.name, t.input, t.result) for t in found.tools] == [
        ("mcp__git__log", {"n": 1}, "commit 1"),
        ("browser_action", {"action": "launch", "url": "http://localhost"}, "u\nok"),
    ]


def test_what_was_found_stands_in_the_request() -> None:
    search = {"tool": "searchFiles", "path": "src", "regex": "x", "content": "2 results"}
    (tool,) = read([request(0), say(1, "tool", search)]).tools
    assert (tool.input, tool.result) == ({"path": "src", "regex": "x"}, "2 results")


BLOCKS = "------- SEARCH\na\nb\n=======\na\nc\nd\n+++++++ REPLACE\n"
OLD_BLOCKS = "<<<<<<< SEARCH\n:start_line:3\n-------\na\n=======\n>>>>>>> REPLACE"
UNIFIED = "@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
PATCH = "*** Begin Patch\n*** Update File: a\n@@\n-b\n+c\n+d\n*** End Patch"


@pytest.mark.parametrize(
    ("info", "lines"),
    [
        ({"tool": "editedExistingFile", "path": "a", "content": BLOCKS}, (2, 1)),
        ({"tool": "editedExistingFile", "path": "a", "content": BLOCKS + BLOCKS}, (4, 2)),
        ({"tool": "appliedDiff", "path": "a", "diff": OLD_BLOCKS}, (0, 1)),
        ({"tool": "appliedDiff", "path": "a", "diff": UNIFIED}, (1, 1)),
        ({"tool": "editedExistingFile", "path": "a", "content": PATCH}, (2, 1)),
        ({"tool": "newFileCreated", "path": "a", "content": "x\ny\n"}, (2, 0)),
        ({"tool": "editedExistingFile", "path": "a", "content": "the whole file"}, (None, None)),
        ({"tool": "editedExistingFile", "path": "a"}, (None, None)),
        ({"tool": "readFile", "path": "a", "content": BLOCKS}, (None, None)),
    ],
)
def test_lines_of_an_edit(info: dict[str, Any], lines: tuple[int | None, int | None]) -> None:
    (tool,) = read([request(0), say(1, "tool", info)]).tools
    assert (tool.lines_added, tool.lines_removed) == lines


def test_an_edit_that_did_not_fit_changed_nothing() -> None:
    edit = {"tool": "editedExistingFile", "path": "a", "content": BLOCKS}
    found = read([request(0), say(1, "tool", edit), say(2, "diff_error", "no match")])
    (tool,) = found.tools
    assert (tool.is_error, tool.result, tool.lines_added, tool.file_path) == (
        True,
        "no match",
        0,
        "a",
    )


# Tokens -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "more", "fresh"),
    [
        (CLINE, {}, 10),
        (CLINE, {"tokensIn": 500}, 500),
        (CLINE, {"tokensIn": 500, "provider": "openai"}, 430),
        (CLINE, {"tokensIn": 500, "provider": "openrouter"}, 500),
        (CLINE, {"tokensIn": 60, "provider": "litellm"}, 60),
        (ROO, {"tokensIn": 500, "apiProtocol": "anthropic"}, 430),
        (ROO, {"tokensIn": 500, "apiProtocol": "openai"}, 430),
        (ROO, {"tokensIn": 70}, 0),
        (ROO, {"tokensIn": 69, "apiProtocol": "anthropic"}, 69),  # as until 3.29.4
    ],
)
def test_input_is_what_was_not_in_the_cache(
    source: Source, more: dict[str, Any], fresh: int
) -> None:
    info = {**TOKENS, **{k: v for k, v in more.items() if k != "provider"}}
    shown = {"modelInfo": {"modelId": "m", "providerId": more.get("provider", "anthropic")}}
    (call,) = read([say(0, "api_req_started", info, **shown)], source).calls
    assert (call.input_tokens, call.output_tokens) == (fresh, 20)
    assert (call.cache_read_tokens, call.cache_write_5m_tokens) == (40, 30)
    assert call.reported_cost_usd == Decimal("0.5")


def test_a_request_under_way_is_counted_when_it_ends() -> None:
    begun = [say(0, "task", "Go"), say(10, "api_req_started", {"request": "..."}, **SONNET)]
    ended = [say(0, "task", "Go"), request(10), say(20, "text", "Gone.")]
    versions = [CLINE.parse(at(CLINE), [line(items)], None) for items in (begun, ended)]
    assert Outcome(versions[:1]).calls == []
    both = Outcome(versions)
    assert [call.output_tokens for call in both.calls] == [20]
    assert both.entities == Outcome(versions[1:]).entities


def test_tokens_in_a_record_of_their_own_count_once() -> None:
    """Until early 2025 the end of a request was another item."""
    finished = say(20, "api_req_finished", TOKENS)
    old = [say(0, "api_req_started", {"request": "..."}), say(10, "text", "Hi"), finished]
    assert [call.input_tokens for call in read(old).calls] == [10]
    assert len(read([request(0), finished]).calls) == 1


def test_what_inner_agents_took_is_one_sum() -> None:
    found = read(
        [request(0), say(1, "subagent_usage", {"source": "subagents", **TOKENS}, **SONNET)]
    )
    assert [call.usage_quality for call in found.calls] == ["exact", "session_total"]


def test_the_same_call_in_two_places_is_one() -> None:
    """A task folder that was copied to another editor."""
    items = [request(0)]
    outcome = Outcome([CLINE.parse(at(CLINE), [line(items)], None) for _ in range(2)])
    assert len(outcome.calls) == 1


def test_two_requests_of_one_moment_are_two() -> None:
    assert len(read([request(0), request(0)]).calls) == 2


def test_roo_says_its_model_in_the_request() -> None:
    text = "<environment_details>\n<slug>code</slug>\n<model>claude-opus-5</model>\n"
    requests = [{"request": text, **TOKENS}, {"apiProtocol": "anthropic", **TOKENS}]
    found = read([say(i, "api_req_started", info) for i, info in enumerate(requests)], ROO)
    assert [call.model for call in found.calls] == ["claude-opus-5", None]


def test_a_model_in_a_file_of_the_user_is_none() -> None:
    text = "[read_file] Result:\n<car><model>Tesla</model></car>\n<environment_details>"
    found = read([say(0, "api_req_started", {"request": text, **TOKENS})])
    assert [call.model for call in found.calls] == [None]


# Models that stand in a file beside it -----------------------------------------------------------


def beside(
    items: list[dict[str, Any]],
    metadata: object = b"",
    history: object = b"",
    source: Source = CLINE,
) -> Outcome:
    """Parse a list together with its companions."""
    lines = [line(items)]
    for content in (metadata, history):
        raw = line(content).raw
        lines.append(Line(lines[-1].end, lines[-1].end + len(raw), raw))
    return Outcome([source.parse(at(source), lines, None)])


def requests(*after: int, **info: Any) -> list[dict[str, Any]]:
    """Return requests that do not say their model."""
    return [say(ms, "api_req_started", {**TOKENS, **info}) for ms in after]


def used(after: object, model: object, provider: object = "anthropic") -> dict[str, Any]:
    ts = T + after if type(after) is int else after
    return {"ts": ts, "model_id": model, "model_provider_id": provider, "mode": "act"}


def sent(after: object, model: str, **more: Any) -> dict[str, Any]:
    """Return a message of Roo Code with its environment details."""
    details = (
        "<environment_details>\n# Current Mode\n<slug>code</slug>\n<name>Code</name>\n"
        f"<model>{model}</model>\n</environment_details>"
    )
    content = [{"type": "text", "text": "Go"}, {"type": "text", "text": details}]
    ts = T + after if type(after) is int else after
    return {"role": "user", "content": content, "ts": ts, **more}


def models(outcome: Outcome) -> list[str | None]:
    return [call.model for call in outcome.calls]


def test_clines_metadata_says_which_model_was_in_use() -> None:
    usage = [used(20, "opus"), used(10, "sonnet"), used(30, "gpt", "openai")]
    found = beside(requests(5, 10, 19, 25, 40), {"model_usage": usage})
    assert models(found) == [None, "sonnet", "sonnet", "opus", "gpt"]
    assert [call.input_tokens for call in found.calls] == [10] * 5, "the cache does not fit in"


def test_the_message_has_the_model_too() -> None:
    items = [*requests(5), say(6, "text", "Hi")]
    found = beside(items, {"model_usage": [used(1, "sonnet")]})
    assert [message.model for message in found.messages] == ["sonnet"]


def test_the_provider_says_what_input_means() -> None:
    items = requests(5, tokensIn=100)
    (call,) = beside(items, {"model_usage": [used(1, "gpt", "openai")]}).calls
    assert call.input_tokens == 30
    (call,) = beside(items, {"model_usage": [used(1, "gpt", "openrouter")]}).calls
    assert call.input_tokens == 100


def test_what_the_list_says_itself_comes_first() -> None:
    found = beside([request(5)], {"model_usage": [used(1, "opus")]}, [sent(6, "gpt")])
    assert models(found) == ["claude-sonnet-4-5"]


def test_tokens_in_a_record_of_their_own_have_the_requests_model() -> None:
    items = [say(5, "api_req_started", {"request": ""}), say(20, "api_req_finished", TOKENS)]
    found = beside(items, {"model_usage": [used(1, "opus"), used(10, "sonnet")]})
    assert models(found) == ["opus"]


def test_roos_conversation_says_the_model_of_each_message() -> None:
    history = [
        sent(12, "opus"),
        {"role": "assistant", "content": [{"type": "text", "text": "<model>x</model>"}], "ts": T},
        sent(31, "gpt"),
        sent(41, "one"),
        sent(42, "two"),
    ]
    items = requests(10, 20, 30, 40)  # the second is a retry: it sent nothing new
    assert models(beside(items, b"", history, ROO)) == ["opus", None, "gpt", None]
    wrapped = {"version": 2, "messages": history}
    assert models(beside(items, b"", wrapped, ROO)) == ["opus", None, "gpt", None]


def test_a_model_that_somebody_wrote_about_is_none() -> None:
    text = "<model>x</model>"
    history = [
        {"role": "user", "content": text, "ts": T + 11},
        {"role": "user", "content": [{"type": "text", "text": f"<a>{text}</a>"}], "ts": T + 12},
        sent(13, "opus", role="assistant"),
        sent("then", "opus"),
        sent(5, "too early"),
    ]
    assert models(beside(requests(10), b"", history, ROO)) == [None]


def test_clines_conversation_says_the_model_of_an_answer() -> None:
    answer = {
        "role": "assistant",
        "content": "Hi",
        "ts": T + 12,
        "modelInfo": {"modelId": "opus", "providerId": "anthropic"},
    }
    assert models(beside(requests(10, 20), b"", [answer])) == ["opus", None]
    del answer["ts"]
    assert models(beside(requests(10, 20), b"", [answer])) == [None, None]


def test_half_a_conversation_says_what_is_in_it() -> None:
    history = json.dumps([sent(11, "opus"), sent(21, "gpt")]).encode()
    found = beside(requests(10, 20), b'{"model_usage": [', history[:-30], ROO)
    assert models(found) == ["opus", None]
    assert found.bad == [], "it is not what is read here"


def test_a_model_that_comes_later_is_filled_in() -> None:
    lines = [line(requests(5))]
    parsed = [CLINE.parse(at(CLINE), lines, None)]
    raw = json.dumps({"model_usage": [used(1, "opus")]}).encode()
    companion = Line(lines[0].end, lines[0].end + len(raw), raw)
    parsed.append(CLINE.parse(at(CLINE), [*lines, companion], None))
    assert models(Outcome(parsed)) == ["opus"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=4), _nested))
def test_any_companion_is_read(content: Any) -> None:
    usage = {"model_usage": content, "messages": content}
    for metadata, history in ((content, content), (usage, usage), (usage, [content, usage])):
        for source in (CLINE, ROO):
            beside(requests(5), metadata, history, source)


@pytest.mark.parametrize("ts", [None, True, "1", -1, 10**30, 1e308, [], {}])
@pytest.mark.parametrize("model", [None, 7, "", "m" * 5000, [], "a\0b"])
def test_odd_entries_of_usage_are_read(ts: Any, model: Any) -> None:
    found = beside(requests(5), {"model_usage": [used(ts, model), used(1, model, 7), 7]})
    (call,) = found.calls
    assert call.model is None or (len(call.model) <= 200 and "\0" not in call.model)


# Facts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["Working", "Workspace"])
def test_the_folder_stands_in_the_first_request(word: str) -> None:
    text = f"# Current {word} Directory (/home/u/my (old) proj) Files\na.py"
    session = read([say(0, "task", "Go  on"), request(1, request=text)]).sessions[TASK]
    assert (session.cwd, session.project_root) == ("/home/u/my (old) proj",) * 2
    assert (session.title, session.path) == (
        "Go on",
        "/home/u/tasks/1790000000000/ui_messages.json",
    )


def test_roos_history_says_who_began_a_task() -> None:
    item = {"id": TASK, "parentTaskId": "p", "ts": T, "workspace": "/home/u/w", "mode": "code"}
    session = read(item, ROO, "history_item.json").sessions[TASK]
    assert (session.parent, session.relation, session.agent_type) == ("p", "subagent", "code")
    assert (session.cwd, session.project_root) == ("/home/u/w", "/home/u/w")


def test_clines_notes_say_its_version() -> None:
    environment = [{"ts": T, "cline_version": "3.1.0"}, {"ts": T + 1, "cline_version": "3.2.0"}]
    session = read({"environment_history": environment}, name="task_metadata.json").sessions[TASK]
    assert session.tool_version == "3.2.0"
    assert read({"title": "Cline task"}, name="task_metadata.json").sessions[TASK].title


# The SDK ----------------------------------------------------------------------------------------


def sdk(*messages: dict[str, Any], name: str = f"{TASK}_x.messages.json") -> Outcome:
    value = {"version": 1, "updated_at": "2026-09-22T17:20:30.000Z", "messages": messages}
    return read(value, name=name, session=f"{TASK}_x")


def test_a_session_of_the_sdk() -> None:
    use = {
        "type": "tool_use",
        "id": "c1",
        "name": "editor",
        "input": {"path": "a", "old_text": "a\n", "new_text": "b\n"},
    }
    found = sdk(
        {
            "id": "m1",
            "role": "user",
            "ts": T,
            "content": '<user_input mode="act">Fix it</user_input>',
        },
        {
            "id": "m2",
            "role": "assistant",
            "ts": T + 1,
            "modelInfo": {"id": "claude-opus-5", "provider": "anthropic"},
            "content": [{"type": "thinking", "thinking": "Hm"}, use],
            "metrics": {
                "inputTokens": 100,
                "outputTokens": 5,
                "cacheReadTokens": 60,
                "cacheWriteTokens": 10,
                "cost": 0.1,
            },
        },
        {
            "id": "m3",
            "role": "user",
            "ts": T + 2,
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "done", "is_error": False}
            ],
        },
    )
    assert told(found) == [("prompt", ["Fix it"]), ("answer", ["Hm", None])]
    (tool,) = found.tools
    assert (tool.result, tool.lines_added, tool.lines_removed, tool.file_path) == (
        "done",
        1,
        1,
        "a",
    )
    (call,) = found.calls
    assert (call.input_tokens, call.cache_read_tokens, call.cache_write_5m_tokens) == (30, 60, 10)
    assert (call.model, call.reported_cost_usd) == ("claude-opus-5", Decimal("0.1"))


def test_what_the_sdk_puts_in_is_no_prompt() -> None:
    notice = {"kind": "compaction_summary"}
    found = sdk(
        {"role": "user", "ts": T, "content": "All before.", "metadata": notice},
        {"role": "user", "ts": T, "content": "Reminder", "metadata": {"displayOnly": True}},
        {"role": "robot", "content": "?"},
    )
    assert sorted(kind for kind, _ in told(found)) == ["compaction", "injected", "unknown"]


# Places -----------------------------------------------------------------------------------------


def place(source: Source, path: str, **env: str) -> Transcript | None:
    home = Path("/home/u")
    found = [source.transcript(root, home / path) for root in source.roots(env, home)]
    return next((transcript for transcript in found if transcript), None)


GLOBAL = ".config/Code/User/globalStorage"


@pytest.mark.parametrize(
    ("path", "session"),
    [
        (f"{GLOBAL}/saoudrizwan.claude-dev/tasks/17/ui_messages.json", "17"),
        (f"{GLOBAL}/saoudrizwan.claude-dev/tasks/17/claude_messages.json", "17"),
        (f"{GLOBAL}/saoudrizwan.claude-dev/tasks/17/task_metadata.json", "17"),
        (f"{GLOBAL}/saoudrizwan.claude-dev/tasks/17/api_conversation_history.json", None),
        (f"{GLOBAL}/saoudrizwan.claude-dev/tasks/ui_messages.json", None),
        (f"{GLOBAL}/rooveterinaryinc.roo-cline/tasks/17/ui_messages.json", None),
        (
            ".config/Cursor/User/profiles/-5a/globalStorage/saoudrizwan.claude-dev/tasks/1/ui_messages.json",
            "1",
        ),
        (".config/Cursor/User/profiles/-5a/globalStorage/other.ext/tasks/1/ui_messages.json", None),
        (
            "Library/Application Support/Windsurf/User/globalStorage/saoudrizwan.claude-dev/tasks/"
            "1/ui_messages.json",
            "1",
        ),
        (
            ".vscode-server/data/User/globalStorage/saoudrizwan.claude-dev/tasks/1/ui_messages.json",
            "1",
        ),
        (".cline/data/tasks/17/ui_messages.json", "17"),
        (".cline/data/sessions/17_a/17_a.messages.json", "17_a"),
        (".cline/data/sessions/17_a/17_a.json", "17_a"),
        (".cline/data/sessions/17_a/agent_1.messages.json", "17_a/agent_1"),
        (".cline/data/sessions/17_a/17_a.compaction.json", None),
        (".cline/data/sessions/sessions.index.json", None),
    ],
)
def test_where_cline_keeps_what(path: str, session: str | None) -> None:
    found = place(CLINE, path)
    assert (found.session if found else None) == session
    assert found is None or found.shape is Shape.DOCUMENT


def test_what_a_person_saw_is_read_with_what_stands_beside_it() -> None:
    folder = f"{GLOBAL}/rooveterinaryinc.roo-cline/tasks/17"
    found = place(ROO, f"{folder}/ui_messages.json")
    assert found
    assert [path.name for path in found.companions] == [
        "task_metadata.json",
        "api_conversation_history.json",
    ]
    assert {path.parent for path in found.companions} == {found.path.parent}
    metadata = place(ROO, f"{folder}/task_metadata.json")
    assert metadata and metadata.companions == ()


def test_where_roo_keeps_what() -> None:
    tasks = f"{GLOBAL}/rooveterinaryinc.roo-cline/tasks"
    assert place(ROO, f"{tasks}/a-b/ui_messages.json")
    assert place(ROO, f"{tasks}/a-b/history_item.json")
    assert place(ROO, f"{tasks}/_index.json") is None
    assert place(ROO, f"{tasks}/../x/ui_messages.json") is None
    assert place(ROO, ".cline/data/tasks/17/ui_messages.json") is None


def test_clines_variables_move_its_folders() -> None:
    assert place(CLINE, "d/tasks/1/ui_messages.json", CLINE_DATA_DIR="~/d")
    assert place(CLINE, "c/data/sessions/1/1.messages.json", CLINE_DIR="/home/u/c")
    assert place(CLINE, "s/1/1.messages.json", CLINE_SESSION_DATA_DIR="/home/u/s")
    assert place(
        CLINE,
        "x/Code/User/globalStorage/saoudrizwan.claude-dev/tasks/1/ui_messages.json",
        XDG_CONFIG_HOME="/home/u/x",
    )


# Damage -----------------------------------------------------------------------------------------

WHOLE = json.dumps(
    [say(0, "task", "Do it"), request(10), say(20, "text", "Höhe \u2028 ok")]
).encode()


def test_half_a_list_keeps_its_beginning() -> None:
    found = read(WHOLE[:-20])
    assert [kind for kind, _ in told(found)] == ["prompt"]
    assert len(found.calls) == 1
    (bad,) = found.bad
    assert (bad.end, bad.reason) == (len(WHOLE) - 20, "not JSON")


def test_what_stands_behind_damage_is_kept() -> None:
    cut = WHOLE.index(b'{"ts": 1790000000010')
    found = read(WHOLE[:cut] + b'{"ts": 17900' + b"\x00" * 40 + WHOLE[cut:])
    assert len(found.messages) == 2
    assert len(found.bad) == 1


@pytest.mark.parametrize(
    ("raw", "bad"),
    [(b"", 0), (b" \n", 0), (b"[]", 0), (b"{}", 1), (b"[1, 2]", 1), (b"null", 1), (b"[" * 9999, 0)],
)
def test_what_is_no_list(raw: bytes, bad: int) -> None:
    found = read(raw)
    assert (len(found.messages), len(found.bad)) == (0, bad)


def test_nul_and_broken_text_are_replaced() -> None:
    items = [say(0, "task", "a\0b"), say(1, "tool", {"tool": "x\0", "content": "\ud800"})]
    found = read(items)
    assert "\0" not in repr([found.texts(message) for message in found.messages])
    assert all("\0" not in (tool.name or "") for tool in found.tools)
    broken = read(json.dumps([say(0, "task", "abc")]).encode().replace(b"abc", b"a\xffc"))
    assert (told(broken), broken.messages[0].flags) == (
        [("prompt", ["a\ufffdc"])],
        ["invalid_utf8"],
    )


def test_a_hostile_list_ends_in_time() -> None:
    raw = b'[{"ts":"' * 60_000
    assert len(read(raw).bad) <= 2


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
fields = st.sampled_from(
    ["ts", "type", "say", "ask", "text", "modelInfo", "images", "files", "contextCondense", "role"]
)


@given(st.lists(st.dictionaries(fields, odd, max_size=6), max_size=4), st.randoms())
def test_any_type_of_field_is_read(items: list[dict[str, Any]], chance: random.Random) -> None:
    words = [
        "api_req_started",
        "tool",
        "use_mcp_server",
        "followup",
        "subagent",
        "condense_context",
    ]
    known = [{"type": "say", "say": chance.choice(words), **item} for item in items]
    for source in (CLINE, ROO):
        for messages in (items, known):
            raw = json.dumps(messages).encode()
            source.parse(at(source), [line(raw)], None)
            wrapped = json.dumps({"messages": messages, "environment_history": messages}).encode()
            for name in ("x.messages.json", "task_metadata.json", "history_item.json", "x.json"):
                source.parse(at(source, name), [line(wrapped)], None)


@pytest.mark.parametrize("source", [CLINE, ROO], ids=lambda source: source.name)
def test_a_history_cut_or_changed_anywhere_is_read(source: Source, tmp_path: Path) -> None:
    chance = random.Random(7)
    for file in files_of(source, build_home(source.name, tmp_path)):
        raw = file.transcript.path.read_bytes()
        for _ in range(150):
            place = chance.randrange(len(raw))
            noise = bytes(chance.choices(b'{}[]",:0\x00\xff\\', k=chance.randrange(4)))
            broken = raw[:place] + noise + raw[place + chance.randrange(20) :]
            parsed = source.parse(file.transcript, [line(broken)], None)
            assert all(0 <= bad.start <= bad.end <= len(broken) for bad in parsed.bad)


@pytest.mark.parametrize("source", [CLINE, ROO], ids=lambda source: source.name)
def test_ids_stay_from_version_to_version(source: Source, tmp_path: Path) -> None:
    """A list that grows item by item gives in the end what its last version gives."""
    for file in files_of(source, build_home(source.name, tmp_path)):
        if file.transcript.path.name != "ui_messages.json" or not file.lines[0].raw.endswith(b"]"):
            continue
        items = json.loads(file.lines[0].raw)
        growing = [
            source.parse(file.transcript, [line(items[: n + 1])], None) for n in range(len(items))
        ]
        last = {(type(e), getattr(e, "id", "")): e for e in Outcome(growing[-1:]).entities}
        seen = {(type(e), getattr(e, "id", "")): e for e in Outcome(growing).entities}
        kept = {key: e for key, e in seen.items() if not (type(e) is Message and key not in last)}
        assert kept.keys() == last.keys()
        assert all(kept[key] == last[key] for key in last)


CORPUS = SHARED / "corpus" / "misc" / "Dicklesworthstone+coding_agent_session_search"

if CORPUS.is_dir():

    def test_the_shared_task_is_read() -> None:
        folder = CORPUS / "tests" / "fixtures" / "cline" / "task1"
        found = read((folder / "ui_messages.json").read_bytes())
        assert told(found) == [("prompt", ["Hello Cline"]), ("answer", ["Hi from Cline"])]
        assert found.bad == []
        facts = read((folder / "task_metadata.json").read_bytes(), name="task_metadata.json")
        assert facts.sessions[TASK].title == "Cline fixture task"
