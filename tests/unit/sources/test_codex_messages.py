"""What people and models wrote is told once, though Codex writes it twice or in three ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.sources.codex_rollouts import OTHER, THREAD, Rollout, outcome_of
from tests.unit.sources.parsing import Outcome

TURN = "019f0000-0000-7000-8000-0000000000f1"


def start() -> Rollout:
    return Rollout().meta().turn(TURN)


def told(outcome: Outcome) -> list[tuple[str, list[str | None]]]:
    return [(message.kind, outcome.texts(message)) for message in outcome.messages]


def user_item(r: Rollout, *texts: str) -> Rollout:
    content = [{"type": "input_text", "text": text} for text in texts]
    return r.item("message", role="user", content=content)


def test_a_turn_is_told_once() -> None:
    outcome = start().prompt("hi").answer("hello").parse()
    assert told(outcome) == [("prompt", ["hi"]), ("answer", ["hello"])]
    assert outcome.sessions[THREAD].title == "hi"


@pytest.mark.parametrize("has_events", [True, False])
@pytest.mark.parametrize("has_items", [True, False])
def test_one_of_the_two_tellings_is_enough(has_events: bool, has_items: bool) -> None:
    r = start()
    for text in ("one", "two"):
        if has_items:
            user_item(r, text)
        if has_events:
            r.event("user_message", message=text)
            r.event("agent_message", message="ok")
        if has_items:
            content = [{"type": "output_text", "text": "ok"}]
            r.item("message", role="assistant", content=content)
        r.spend(10, 0, 1)
    expected = [("prompt", ["one"]), ("answer", ["ok"]), ("prompt", ["two"]), ("answer", ["ok"])]
    assert told(r.parse()) == (expected if has_events or has_items else [])


def test_the_same_words_twice_are_two_prompts() -> None:
    r = start().prompt("go on").answer("ok").prompt("go on").answer("ok")
    assert [kind for kind, _ in told(r.parse())] == ["prompt", "answer", "prompt", "answer"]


def test_an_event_before_its_item_is_told_once() -> None:
    r = start().event("user_message", message="hi", images=[])
    assert told(user_item(r, "hi").parse()) == [("prompt", ["hi"])]


def test_items_of_turns_tell_prompts_and_answers_of_new_versions() -> None:
    r = user_item(start(), "hi")
    r.done("UserMessage", id="u1", content=[{"type": "text", "text": "hi"}])
    r.done("Reasoning", id="r1", summary_text=["thinking"], raw_content=[])
    r.item("reasoning", summary=[{"type": "summary_text", "text": "thinking"}])
    r.done("AgentMessage", id="a1", content=[{"type": "Text", "text": "hello"}])
    r.item("message", role="assistant", content=[{"type": "output_text", "text": "hello"}])
    outcome = r.parse()
    assert told(outcome) == [("prompt", ["hi"]), ("answer", ["thinking", "hello"])]
    assert [b.kind for b in outcome.blocks()] == ["text", "thinking", "text"]


def test_what_no_event_tells_was_put_in_by_the_tool() -> None:
    r = user_item(start(), "You are in the mode of a kind that we do not know.")
    outcome = r.prompt("hi").answer("hello").parse()
    assert [kind for kind, _ in told(outcome)] == ["injected", "prompt", "answer"]
    assert outcome.sessions[THREAD].title == "hi"


@pytest.mark.parametrize(
    "text",
    [
        "<environment_context>\n<cwd>/x</cwd>\n</environment_context>",
        "<user_instructions>be kind</user_instructions>",
        "<skill>\n<name>x</name></skill>\n",
        "# AGENTS.md instructions for /home/u\n\nrules",
        '<recommended_plugins kind="a">x</recommended_plugins>',
    ],
)
def test_wrapped_context_is_injected_even_without_events(text: str) -> None:
    assert [kind for kind, _ in told(user_item(start(), text).parse())] == ["injected"]


@pytest.mark.parametrize("event_first", [True, False])
def test_context_that_an_event_tells_too_is_told_once(event_first: bool) -> None:
    text = "<environment_context>x</environment_context>"
    r = start()
    if event_first:
        user_item(r.event("user_message", message=text, kind="environment_context"), text)
    else:
        user_item(r, text).event("user_message", message=text, kind="environment_context")
    assert told(r.parse()) == [("injected", [text])]


@pytest.mark.parametrize(
    "text", ["<div>fix this</div>", "<b_c> is open", "# My heading\n\ntext", "a <x_y>z</x_y>"]
)
def test_what_only_looks_wrapped_is_a_prompt(text: str) -> None:
    assert told(user_item(start(), text).parse()) == [("prompt", [text])]


def test_the_ide_context_is_cut_off_the_prompt() -> None:
    context = "# Context from my IDE setup:\n\n## Open tabs:\n- a.py"
    text = f"{context}\n\n## My request for Codex:\nfix it\n"
    outcome = start().prompt(text).answer("ok").parse()
    assert told(outcome)[0] == ("prompt", [context, "fix it"])
    assert outcome.sessions[THREAD].title == "fix it"
    assert outcome.blocks()[0].data == {"injected": "ide_context"}


def test_images_are_kept_as_their_size() -> None:
    content = [
        {"type": "input_text", "text": "<image name=[Image #1]>"},
        {"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="},
        {"type": "input_text", "text": "</image>"},
        {"type": "input_text", "text": "what is this?"},
    ]
    r = start().item("message", role="user", content=content)
    r.event("user_message", message="what is this?", images=["data:image/png;base64,aGVsbG8="])
    outcome = r.parse()
    blocks = outcome.blocks(outcome.messages[0])
    assert [(b.kind, b.text, b.data) for b in blocks] == [
        ("image", None, {"media_type": "image/png", "bytes": 5}),
        ("text", "what is this?", None),
    ]


def test_one_response_is_one_message() -> None:
    r = start().event("agent_reasoning", text="hm").answer("let me see")
    r.item("function_call", name="shell", call_id="c1", arguments='{"command":["ls"]}')
    r.spend(10, 0, 1).item("function_call_output", call_id="c1", output="a").answer("done")
    outcome = r.parse()
    assert [len(outcome.blocks(m)) for m in outcome.messages] == [3, 1]
    assert {m.model for m in outcome.messages} == {"gpt-5.3-codex"}


def test_encrypted_reasoning_is_not_kept() -> None:
    r = start().item("reasoning", summary=[], content=None, encrypted_content="gAAAA")
    r.item("compaction", encrypted_content="gBBBB")
    content = [{"type": "encrypted_content", "encrypted_content": "gCCCC"}]
    r.item("agent_message", author="/lead", recipient="/lead/a", content=content)
    assert b"gAAAA" not in str(r.parse().entities).encode()
    assert "gBBBB" not in str(r.parse().entities)
    assert "gCCCC" not in str(r.parse().entities)


def test_a_subagents_task_is_no_prompt_of_a_person() -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": OTHER, "agent_role": "worker"}}}
    outcome = Rollout().meta(source=source).turn(TURN).prompt("look").answer("seen").parse()
    assert [kind for kind, _ in told(outcome)] == ["injected", "answer"]
    session = outcome.sessions[THREAD]
    assert (session.parent, session.relation, session.agent_type) == (OTHER, "subagent", "worker")
    assert (session.title, session.agent_id) == ("look", THREAD)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"subagent": {"other": "guardian"}}, "guardian"),
        ({"subagent": "review"}, "review"),
        ({"internal": "memory_consolidation"}, "memory_consolidation"),
    ],
)
def test_helpers_of_a_session_are_its_subagents(source: Any, kind: str) -> None:
    session = Rollout().meta(source=source, session_id=OTHER).parse().sessions[THREAD]
    assert (session.parent, session.relation, session.agent_type) == (OTHER, "subagent", kind)


def test_session_facts() -> None:
    r = Rollout().meta(git={"branch": "main", "commit_hash": "ab"}).turn(TURN).prompt("hi")
    r.record("turn_context", {"turn_id": TURN, "cwd": "/home/u/else", "model": "m"})
    r.event("thread_name_updated", thread_id=THREAD, thread_name="My name")
    session = r.parse().sessions[THREAD]
    assert (session.project_root, session.cwd) == ("/home/u/proj", "/home/u/else")
    assert (session.branch, session.tool_version) == ("main", "0.146.0")
    assert (session.entrypoint, session.title, session.title_rank) == ("codex_cli_rs", "My name", 5)
    assert (session.path or "").endswith(f"{THREAD}.jsonl")


def test_a_resume_tells_what_changed() -> None:
    r = Rollout().meta(git={"branch": "main"}).meta(git={"branch": "dev"}, cli_version="0.150.0")
    session = r.parse().sessions[THREAD]
    assert (session.branch, session.tool_version, session.parent) == ("dev", "0.150.0", None)


def test_the_header_names_the_session() -> None:
    outcome = outcome_of(Rollout(OTHER).meta(id="another").prompt("hi"))
    assert list(outcome.sessions) == ["another"]
    assert {m.session for m in outcome.messages} == {"another"}


NOTICES: list[tuple[str, dict[str, Any], str | None, list[str]]] = [
    ("turn_aborted", {"reason": "interrupted"}, "turn aborted: interrupted", ["interrupted"]),
    ("thread_rolled_back", {"num_turns": 1}, "1 turn rolled back", ["rolled_back"]),
    ("thread_rolled_back", {"num_turns": 3}, "3 turns rolled back", ["rolled_back"]),
    ("error", {"message": "no quota"}, "no quota", ["api_error"]),
    ("stream_error", {"message": "cut"}, "cut", ["api_error"]),
    ("task_complete", {"error": {"message": "overloaded"}}, "overloaded", ["api_error"]),
    ("warning", {"message": "careful"}, "careful", []),
    ("entered_review_mode", {"user_facing_hint": "changes"}, "changes", []),
    ("guardian_assessment", {"status": "approved", "rationale": "fine"}, "guardian: approved", []),
]


@pytest.mark.parametrize(("kind", "fields", "text", "flags"), NOTICES)
def test_what_happened_is_a_notice(
    kind: str, fields: dict[str, Any], text: str | None, flags: list[str]
) -> None:
    outcome = start().event(kind, **fields).parse()
    assert told(outcome) == [("notice", [text])]
    assert (outcome.messages[0].flags or []) == flags


def test_a_snapshot_is_kept_as_its_commit() -> None:
    commit = {"id": "abc", "parent": "def", "preexisting_untracked_files": ["secret.txt"]}
    outcome = start().item("ghost_snapshot", ghost_commit=commit).parse()
    assert [b.data for b in outcome.blocks()] == [{"ghost_commit": {"id": "abc", "parent": "def"}}]


@pytest.mark.parametrize("event_first", [True, False])
@pytest.mark.parametrize("is_item", [True, False])
def test_a_compaction_is_told_once(event_first: bool, is_item: bool) -> None:
    r = start()

    def event() -> None:
        _ = r.done("ContextCompaction", id="x") if is_item else r.event("context_compacted")

    if event_first:
        event()
    r.record("compacted", {"message": "so far", "replacement_history": [{"type": "message"}]})
    if not event_first:
        event()
    assert told(r.parse()) == [("compaction", ["so far"])]


HINT = "current changes"
ASKED = "Review the current code changes and provide prioritized findings."


def enter(r: Rollout, hint: str, is_item: bool) -> Rollout:
    shown = {"target": {"type": "custom"}, "user_facing_hint": hint}
    if is_item:
        return r.done("EnteredReviewMode", id="r1", **shown)
    return r.event("entered_review_mode", **shown)


@pytest.mark.parametrize("is_item", [True, False])
def test_what_is_asked_of_a_reviewer_nobody_typed(is_item: bool) -> None:
    """0.104 to 0.130 say it twice, in the file of who asked for the review."""
    r = enter(start().prompt("hi").answer("ok"), HINT, is_item)
    r.event("task_started", turn_id="x")
    r.event("user_message", message=ASKED).event("user_message", message=ASKED)
    r.event("exited_review_mode", review_output={"overall_explanation": "Fine."})
    outcome = r.prompt(ASKED).parse()
    texts = [("prompt", ["hi"]), ("answer", ["ok"]), ("notice", [HINT]), ("injected", [ASKED])]
    assert told(outcome) == [*texts, ("notice", ["Fine."]), ("prompt", [ASKED])]
    assert outcome.sessions[THREAD].title == "hi"


@pytest.mark.parametrize("is_item", [True, False])
def test_a_review_asked_for_in_own_words_is_one_prompt(is_item: bool) -> None:
    r = enter(start(), "Look at f.", is_item)
    if is_item:
        asked = {"type": "UserMessage", "content": [{"type": "text", "text": "Look at f."}]}
        r.event("item_completed", thread_id=OTHER, item=asked)
    else:
        r.event("user_message", message="Look at f.").event("user_message", message="Look at f.")
    assert told(r.parse()) == [("notice", ["Look at f."]), ("prompt", ["Look at f."])]


PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="}


@pytest.mark.parametrize("has_event", [True, False])
def test_an_image_that_a_tool_showed_to_the_model_is_no_prompt(has_event: bool) -> None:
    r = start().prompt("look")
    r.item("function_call", name="view_image", call_id="c1", arguments="{}")
    r.item("function_call_output", call_id="c1", output="attached local image path")
    r.item("message", role="user", content=[PICTURE])
    if has_event:
        r.event("user_message", message="", images=[PICTURE["image_url"]])
    r.turn("t2").item("message", role="user", content=[PICTURE])
    r.event("user_message", message="", images=[PICTURE["image_url"]])
    kinds = [message.kind for message in r.parse().messages]
    assert kinds == ["prompt", "answer", "injected", "prompt"]


def test_newer_versions_say_of_each_item_whether_a_person_wrote_it() -> None:
    told_of = {
        "content_item_kinds": ["user.text", "images.preparation_error", 7],
        "content_item_metadata": [
            {"provenance": {"type": "user"}},
            {"provenance": {"type": "harness", "hook": False}},
            {"provenance": {"type": "harness"}},
        ],
    }
    content = [{"type": "input_text", "text": text} for text in ("see", "image left out", "more")]
    about = {"internal_chat_message_metadata_passthrough": told_of}
    outcome = start().item("message", role="user", content=content, **about).parse()
    (message,) = outcome.messages
    assert message.kind == "prompt"
    assert [block.data for block in outcome.blocks(message)] == [
        None,
        {"injected": "images.preparation_error"},
        {"injected": "harness"},
    ]
    content, told_of["content_item_metadata"] = content[1:], told_of["content_item_metadata"][1:]
    (message,) = start().item("message", role="user", content=content, **about).parse().messages
    assert message.kind == "injected"


def test_what_marks_a_sound_is_no_text() -> None:
    marks = ['<audio name="a.wav">', "</audio>"]
    assert told(user_item(start(), "hear", *marks).parse()) == [("prompt", ["hear"])]


def test_old_files_hold_bare_items() -> None:
    r = Rollout()
    header = {"id": THREAD, "timestamp": "2025-08-20T10:00:00.000Z", "instructions": "x"}
    r.raw(json.dumps({**header, "git": {"branch": "main"}}).encode())
    r.raw(b'{"record_type":"state"}')
    for value in (
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c1"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "y"}]},
    ):
        r.raw(json.dumps(value).encode())
    outcome = r.parse()
    assert [kind for kind, _ in told(outcome)] == ["prompt", "answer", "answer"]
    assert outcome.sessions[THREAD].branch == "main"
    assert outcome.calls == []


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("shiny_new", {"a": 1}),
        ("event_msg", {"type": "shiny_new"}),
        ("event_msg", {}),
        ("event_msg", {"type": ["x"]}),
        ("event_msg", {"type": "item_completed", "item": {"type": "Shiny"}}),
        ("event_msg", {"type": "item_completed", "item": 7}),
        ("response_item", {"type": "shiny_new"}),
        ("response_item", {}),
        ("session_meta", "text"),
        ("turn_context", None),
    ],
)
def test_what_is_not_known_is_kept(kind: str, payload: Any) -> None:
    outcome = start().record(kind, payload).parse()
    assert [m.kind for m in outcome.messages] == ["unknown"]
    assert outcome.blocks()[0].data["payload"] == payload


def test_state_holds_no_text() -> None:
    r = start().prompt("very secret words").answer("equally secret words")
    r.item("function_call", name="shell", call_id="c", arguments='{"command":"secret words"}')
    assert b"secret" not in r.parse().state


def test_state_stays_small_whatever_a_file_holds() -> None:
    r = start()
    for number in range(400):
        r.item("function_call", name="n" * 64, call_id=f"{number:04}" + "c" * 196, arguments="{}")
    for number in range(40):
        user_item(r, *(f"{number} {index}" for index in range(300)))
    enter(r, HINT, False)
    for number in range(300):
        r.event("user_message", message=f"{number}").event("user_message", message="", images=["i"])
    assert len(r.parse().state) < 64 * 1024


def test_a_prompt_that_is_only_an_image_is_told_once() -> None:
    marks = [{"type": "input_text", "text": text} for text in ("<image>", "</image>")]
    for content in ([PICTURE], [marks[0], PICTURE, marks[1]]):
        r = start().item("message", role="user", content=content)
        r.event("user_message", message="", images=[PICTURE["image_url"]]).answer("ok")
        assert [kind for kind, _ in told(r.parse())] == ["prompt", "answer"]
