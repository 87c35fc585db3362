"""Prompts, answers and tool calls of Claude Code (formats 1.3, 1.4, 1.7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.values import MAX_TEXT_BYTES
from tests.unit.sources.parsing import SESSION, Outcome, file_of, parse, parse_bytes


def user(content: object, **fields: Any) -> dict[str, Any]:
    return {"type": "user", "message": {"role": "user", "content": content}, **fields}


def answer(*blocks: object, id: str | None = "msg_1", **fields: Any) -> dict[str, Any]:
    message = {"id": id, "role": "assistant", "model": "claude-opus-4-6", "content": list(blocks)}
    return {"type": "assistant", "message": {**message, **fields.pop("message", {})}, **fields}


def use(name: str, id: str = "toolu_1", **arguments: Any) -> dict[str, Any]:
    return answer({"type": "tool_use", "id": id, "name": name, "input": arguments})


def result(
    content: object = "ok", outcome: object = None, id: str = "toolu_1", **block: Any
) -> dict[str, Any]:
    found = {"type": "tool_result", "tool_use_id": id, "content": content, **block}
    return user([found], **({} if outcome is None else {"toolUseResult": outcome}))


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "text": content}


# Who typed it? ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (user("fix it"), "prompt"),
        (user([text("fix it")]), "prompt"),
        (user(["fix it"]), "prompt"),
        (user([text("look"), {"type": "image", "source": {}}]), "prompt"),
        (user([{"type": "image", "source": {}}]), "prompt"),
        (user("fix it", origin={"kind": "human"}, promptSource="typed"), "prompt"),
        (user("<ide_selection>x</ide_selection>\nfix it"), "prompt"),
        (user([text("<ide_opened_file>a.py</ide_opened_file>"), text("fix it")]), "prompt"),
        ({"type": "user", "message": "fix it"}, "prompt"),
        (user("fix it", isMeta=True), "injected"),
        (user("fix it", isSidechain=True), "injected"),
        (user("fix it", origin={"kind": "task-notification"}), "injected"),
        (user("fix it", origin={"kind": "peer"}), "injected"),
        (user("fix it", promptSource="system"), "injected"),
        (user("fix it", promptSource="sdk"), "injected"),
        (user("fix it", promptSource="sdk", entrypoint="sdk-cli", turnOrigin="sdk"), "injected"),
        (user("fix it", turnOrigin="sdk"), "injected"),
        (user("fix it", turnOrigin="task_notification"), "injected"),
        (user("fix it", promptSource="sdk", entrypoint="claude-vscode"), "prompt"),
        (user("fix it", promptSource="sdk", origin={"kind": "human"}), "prompt"),
        (user("fix it", promptSource="sdk", turnOrigin="human"), "prompt"),
        (user("Stop hook feedback:\n- run the tests"), "injected"),
        (user("<teammate-message id=1>hi</teammate-message>"), "injected"),
        (user("[SYSTEM NOTIFICATION - NOT USER INPUT] done"), "injected"),
        (user("<command-name>/clear</command-name>"), "injected"),
        (user("<command-message>init</command-message>"), "injected"),
        (user("<local-command-stdout>Bye!</local-command-stdout>"), "injected"),
        (user("<local-command-caveat>Caveat: ...</local-command-caveat>"), "injected"),
        (user("<task-notification>done</task-notification>"), "injected"),
        (user("<ide_opened_file>a.py</ide_opened_file>"), "injected"),
        (user("<system-reminder>be nice</system-reminder>"), "injected"),
        (user("Caveat: the messages below"), "injected"),
        (user(None), "injected"),
        (user(""), "injected"),
        (user([]), "injected"),
        ({"type": "user"}, "injected"),
        (user("[Request interrupted by user for tool use]"), "notice"),
        (user("This session is being continued", isCompactSummary=True), "compaction"),
    ],
)
def test_only_what_a_person_typed_is_a_prompt(record: dict[str, Any], kind: str) -> None:
    outcome = parse(record)
    assert [(m.role, m.kind) for m in outcome.messages] == [("user", kind)]


def test_nobody_types_into_a_subagent() -> None:
    file = file_of(f"{SESSION}/abc", parent=SESSION)
    outcome = parse(user("look around"), file=file)
    assert [m.kind for m in outcome.messages] == ["injected"]
    session = outcome.sessions[f"{SESSION}/abc"]
    assert (session.parent, session.relation, session.agent_id) == (SESSION, "subagent", "abc")
    assert session.title == "look around"


def test_an_interruption_is_flagged() -> None:
    assert parse(user("[Request interrupted by user]")).messages[0].flags == ["interrupted"]


def test_what_an_ide_glued_to_a_prompt_stands_apart() -> None:
    outcome = parse(user("<ide_opened_file>a.py</ide_opened_file>\n  fix it"))
    blocks = outcome.blocks()
    assert [block.text for block in blocks] == ["<ide_opened_file>a.py</ide_opened_file>", "fix it"]
    assert [block.data for block in blocks] == [{"injected": "ide_opened_file"}, None]
    assert outcome.sessions[SESSION].title == "fix it"


def test_images_and_documents_leave_type_and_size_only() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png"}}
    image["source"] = {"type": "base64", "media_type": "image/png", "data": "QUJDRA=="}
    document = {"type": "document", "title": "a.txt", "source": {"type": "text", "data": "abc"}}
    outcome = parse(user([image, document]))
    assert [(b.kind, b.data) for b in outcome.blocks()] == [
        ("image", {"media_type": "image/png", "bytes": 4}),
        ("document", {"media_type": None, "bytes": 3, "title": "a.txt"}),
    ]
    assert "QUJDRA" not in repr(outcome.raw)


# Answers ------------------------------------------------------------------------------------------
def test_the_lines_of_one_answer_are_one_message() -> None:
    outcome = parse(
        answer({"type": "thinking", "thinking": "hm", "signature": "secret"}),
        answer(text("Looking.")),
        answer({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}),
    )
    [message] = outcome.messages
    assert (message.role, message.kind, message.native_id) == ("assistant", "answer", "msg_1")
    assert message.model == "claude-opus-4-6"
    assert message.position == 0
    assert [b.kind for b in outcome.blocks(message)] == ["thinking", "text", "tool_call"]
    assert "secret" not in repr(outcome.raw)
    [tool] = outcome.tools
    assert (tool.name, tool.input, tool.message) == ("Bash", {"command": "ls"}, message.id)
    assert outcome.blocks(message)[2].tool_call == tool.id


def test_lines_written_again_do_not_double() -> None:
    lines = [
        answer(text("one"), uuid="a"),
        {**use("Bash"), "uuid": "t"},
        answer(text("two"), uuid="b"),
    ]
    once, twice = parse(*lines), parse(*lines, *lines)
    assert len(twice.messages) == len(once.messages) == 1
    assert {b.id for b in twice.blocks()} == {b.id for b in once.blocks()}
    assert len(twice.tools) == 1
    assert twice.messages[0].position == 0


def test_the_id_of_an_answer_is_the_api_s_or_the_line_s() -> None:
    assert parse(answer(text("x"))).messages[0].id == record_id("message", "msg_1")
    assert parse(answer(text("x"), id=None, uuid="u9")).messages[0].id == record_id("message", "u9")


def test_empty_thinking_is_left_out() -> None:
    outcome = parse(answer({"type": "thinking", "thinking": "", "signature": "s"}))
    assert len(outcome.messages) == 1
    assert outcome.blocks() == []


def test_f21_blocks_nobody_knows_are_kept() -> None:
    outcome = parse(answer({"type": "hologram", "data": [1]}), user([{"type": "smell", "x": 2}]))
    assert [(b.kind, b.data) for b in outcome.blocks()] == [
        ("unknown", {"type": "hologram", "data": [1]}),
        ("unknown", {"type": "smell", "x": 2}),
    ]


@pytest.mark.parametrize(
    "record",
    [
        answer(text("API Error: 529"), isApiErrorMessage=True, message={"model": "<synthetic>"}),
        answer(text("API Error: 529"), isApiErrorMessage=True),
    ],
)
def test_an_api_error_is_a_notice_and_costs_nothing(record: dict[str, Any]) -> None:
    record["message"]["usage"] = {"input_tokens": 0, "output_tokens": 0}
    outcome = parse(record)
    [message] = outcome.messages
    assert (message.kind, message.flags, message.model) == ("notice", ["api_error"], None)
    assert outcome.texts(message) == ["API Error: 529"]
    assert outcome.calls == []


def test_a_text_too_long_is_cut_and_flagged() -> None:
    outcome = parse(answer(text("x" * (MAX_TEXT_BYTES + 5))))
    assert outcome.messages[0].flags == ["truncated"]
    assert "5 of 262149 bytes left out" in (outcome.blocks()[0].text or "")


def test_f22_without_a_time_the_place_in_the_file_decides() -> None:
    outcome = parse(user("a", timestamp="1970-01-01T00:00:00Z"), user("b", timestamp=None))
    assert [m.at for m in outcome.messages] == [None, None]
    assert [m.flags for m in outcome.messages] == [["no_timestamp"]] * 2
    assert outcome.messages[0].position < outcome.messages[1].position


def test_an_old_sidechain_is_marked() -> None:
    outcome = parse(answer(text("x"), isSidechain=True))
    assert outcome.messages[0].is_sidechain is True


# Tool calls ---------------------------------------------------------------------------------------
def test_a_result_joins_its_call() -> None:
    outcome = parse(use("Bash", command="make"), result("Exit code 2", is_error=True))
    [tool] = outcome.tools
    assert (tool.name, tool.result, tool.is_error) == ("Bash", "Exit code 2", True)
    assert tool.started_at is not None and tool.ended_at is not None
    assert tool.started_at < tool.ended_at
    assert [m.kind for m in outcome.messages] == ["answer"]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("done", "done"),
        (None, ""),
        ([text("a"), text("b")], "a\nb"),
        ([{"type": "tool_reference", "tool_name": "WebFetch"}], "WebFetch"),
        (
            [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": ""},
                }
            ],
            "[image: image/png, 0 bytes]",
        ),
    ],
)
def test_a_result_is_text(content: object, kept: str) -> None:
    [tool] = parse(use("Bash"), result(content)).tools
    assert (tool.result, tool.is_error) == (kept, False)


def test_a_result_without_its_call_is_kept() -> None:
    [tool] = parse(result("late")).tools
    assert (tool.name, tool.native_id, tool.result) == (None, "toolu_1", "late")


def test_text_beside_a_result_is_a_message() -> None:
    block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
    outcome = parse(use("Bash"), user([block, text("and now this")]))
    assert [m.kind for m in outcome.messages] == ["answer", "prompt"]


PATCH = [{"oldStart": 1, "oldLines": 1, "newStart": 1, "newLines": 2, "lines": ["-a", "+b", "+c"]}]


@pytest.mark.parametrize(
    ("records", "added", "removed"),
    [
        ([use("Edit", old_string="a\nb", new_string="a\nb\nc"), result()], 1, 0),
        (
            [use("Edit", old_string="a", new_string="b"), result("", {"structuredPatch": PATCH})],
            2,
            1,
        ),
        ([use("Edit", old_string="a", new_string="b"), result("no", is_error=True)], 0, 0),
        (
            [use("Edit", old_string="a", new_string="b"), result("no", "Error: x", is_error=True)],
            0,
            0,
        ),
        (
            [use("Write", content="a\nb\n"), result("", {"type": "create", "structuredPatch": []})],
            2,
            0,
        ),
        (
            [use("Write", content="a"), result("", {"type": "update", "structuredPatch": PATCH})],
            2,
            1,
        ),
        ([use("Write", content="a"), result("", {"type": "update", "structuredPatch": []})], 0, 0),
        ([use("Write", content="a\nb\nc"), result()], 3, 0),
        (
            [
                use(
                    "MultiEdit",
                    edits=[
                        {"old_string": "a", "new_string": "b"},
                        {"old_string": "", "new_string": "c\nd"},
                    ],
                ),
                result(),
            ],
            3,
            1,
        ),
        ([use("Edit", old_string="a", new_string="b")], None, None),
        ([use("Bash", command="x"), result("", {"structuredPatch": PATCH})], None, None),
        ([use("NotebookEdit", notebook_path="n.ipynb"), result()], None, None),
    ],
)
def test_edits_count_their_lines(
    records: list[dict[str, Any]], added: int | None, removed: int | None
) -> None:
    [tool] = parse(*records).tools
    assert (tool.lines_added, tool.lines_removed) == (added, removed)


def test_an_edit_names_its_file_and_hunks() -> None:
    edit = use("Edit", file_path="/p/a.py", old_string="a", new_string="b")
    [tool] = parse(edit, result("", {"filePath": "/p/a.py", "structuredPatch": PATCH})).tools
    assert tool.file_path == "/p/a.py"
    assert tool.diff == [
        {
            "old_start": 1,
            "old_lines": 1,
            "new_start": 1,
            "new_lines": 2,
            "lines": ["-a", "+b", "+c"],
        }
    ]


@pytest.mark.parametrize("name", ["Task", "Agent"])
def test_a_subagent_is_linked_from_its_call(name: str) -> None:
    outcome = parse(
        use(name, subagent_type="Explore", prompt="go"),
        result("done", {"agentId": "abc123", "status": "completed", "totalTokens": 999}),
    )
    [tool] = outcome.tools
    assert tool.agent_session == f"{SESSION}/abc123"
    agent = outcome.sessions[f"{SESSION}/abc123"]
    assert (agent.parent, agent.relation, agent.agent_type) == (SESSION, "subagent", "Explore")
    assert agent.revision == 0
    assert outcome.calls == []


def test_a_nested_subagent_belongs_to_the_root_session() -> None:
    file = file_of(f"{SESSION}/abc", parent=SESSION)
    outcome = parse(use("Agent"), result("done", {"agentId": "def"}), file=file)
    assert outcome.tools[0].agent_session == f"{SESSION}/def"
    assert outcome.sessions[f"{SESSION}/def"].parent == SESSION


def test_an_old_subagent_file_finds_its_parent_inside() -> None:
    file = file_of("agent-12ab34cd")
    record = user("go", sessionId=SESSION, cwd="/p", isSidechain=True)
    outcome = parse(record, answer(text("found"), sessionId=SESSION), file=file)
    session = outcome.sessions[f"{SESSION}/12ab34cd"]
    assert (session.parent, session.relation, session.agent_id) == (SESSION, "subagent", "12ab34cd")
    assert {e.session for e in outcome.raw} == {session.session}
    assert outcome.messages[1].is_sidechain is None


def test_the_state_holds_no_text_of_the_transcript() -> None:
    """D10: it rests on disk unmasked."""
    outcome = parse(
        user("PLANTED prompt", cwd="/home/PLANTED", gitBranch="PLANTED"),
        answer(text("PLANTED answer")),
        use("Edit", file_path="PLANTED", old_string="PLANTED", new_string="PLANTED2"),
        use("Agent", "toolu_2", subagent_type="PLANTED type", description="PLANTED"),
        {"type": "custom-title", "customTitle": "PLANTED title"},
    )
    assert b"toolu_1" in outcome.state
    assert b"PLANTED" not in outcome.state


def test_the_state_stays_small() -> None:
    records = [
        use("Bash", f"toolu_{'x' * 500}{i}", command="ls") | {"uuid": f"{i}" * 500}
        for i in range(400)
    ]
    for i, record in enumerate(records):
        record["message"] |= {"id": f"msg_{'y' * 500}{i}", "usage": {"input_tokens": i}}
    assert len(parse(*records).state) < 64 * 1024


@pytest.mark.parametrize("state", [b"", b"{", b"[1]", b'{"messages": 5}', b"\xff"])
def test_a_state_nobody_understands_starts_afresh(state: bytes) -> None:
    from tests.unit.sources.parsing import CLAUDE, lines_of

    lines = lines_of(json.dumps(user("x", uuid="u")).encode())
    parsed = CLAUDE.parse(file_of(), lines, state)
    assert parsed.entities == CLAUDE.parse(file_of(), lines, None).entities


def test_two_messages_never_share_a_position() -> None:
    one = json.dumps(user("a", uuid="u1", sessionId="s")).encode()
    two = json.dumps(user([text("b")] * 100, uuid="u2", sessionId="s")).encode()
    outcome: Outcome = parse_bytes(one + two + b"\n" + one.replace(b"u1", b"u3"))
    positions = [m.position for m in outcome.messages]
    assert len(set(positions)) == 3
    blocks = [b.position for b in outcome.blocks()]
    assert len(set(blocks)) == len(blocks) == 102


def test_nothing_beside_a_result_is_no_message() -> None:
    block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
    assert parse(user([block, None])).messages == []


def test_an_edit_without_a_result_shows_what_it_would_change() -> None:
    [tool] = parse(use("Edit", file_path="/p/a.py", old_string="a", new_string="b\nc")).tools
    assert [hunk["lines"] for hunk in tool.diff] == [["-a", "+b", "+c"]]
    assert (tool.lines_added, tool.name) == (None, "Edit")


@pytest.mark.parametrize("cuts", [[], [1]])
def test_an_edit_whose_result_says_nothing_changed_what_it_asked_for(cuts: list[int]) -> None:
    records = [
        use("Edit", file_path="/p/a.py", old_string="a", new_string="b\nc") | {"uuid": "1"},
        result("ok") | {"uuid": "2"},
    ]
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    [tool] = parse_bytes(data, cuts=cuts).tools
    assert [hunk["lines"] for hunk in tool.diff] == [["-a", "+b", "+c"]]
    assert (tool.lines_added, tool.lines_removed) == (2, 1)


def test_a_skill_s_name_is_kept() -> None:
    for arguments in ({"skill": "review-pr"}, {"command": "review-pr", "args": "7"}):
        [tool] = parse(use("Skill", **arguments), result("Launching skill")).tools
        assert (tool.name, tool.input) == ("Skill", arguments)
