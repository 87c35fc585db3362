"""Titles, facts of a session, system events, attachments, and what nobody knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_code_tracer.sources.claude_code.events import (
    SKIPPED_ATTACHMENTS,
    SKIPPED_PROGRESS,
    SKIPPED_SYSTEM,
    SKIPPED_TYPES,
)
from tests.unit.sources.parsing import SESSION, parse, parse_bytes


def prompt(content: str, **fields: Any) -> dict[str, Any]:
    return {"type": "user", "message": {"content": content}, **fields}


def attachment(kind: str, record: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"type": "attachment", "attachment": {"type": kind, **fields}, **(record or {})}


CUSTOM = {"type": "custom-title", "customTitle": "by hand"}
GENERATED = {"type": "ai-title", "aiTitle": "by a model"}
LAST = {"type": "last-prompt", "lastPrompt": "the last"}
SUMMARY = {"type": "summary", "summary": "in short", "leafUuid": "u-first"}
FIRST = prompt("the first\nprompt", uuid="u-first")


@pytest.mark.parametrize(
    ("records", "title"),
    [
        ([FIRST], "the first prompt"),
        ([FIRST, prompt("a second")], "the first prompt"),
        ([FIRST, SUMMARY], "in short"),
        ([SUMMARY, FIRST], "the first prompt"),
        ([FIRST, LAST, SUMMARY], "the last"),
        ([FIRST, GENERATED, LAST], "by a model"),
        ([CUSTOM, FIRST, GENERATED, LAST, SUMMARY], "by hand"),
        ([FIRST, GENERATED, {**GENERATED, "aiTitle": "newer"}], "newer"),
        ([FIRST, {**LAST, "lastPrompt": None}], "the first prompt"),
        ([{**FIRST, "isMeta": True}, prompt("typed")], "typed"),
        ([prompt("x" * 1000)], "x" * 200),
    ],
)
def test_the_best_title_wins(records: list[dict[str, Any]], title: str) -> None:
    assert parse(*records).sessions[SESSION].title == title


def test_a_title_that_is_repeated_says_nothing_new() -> None:
    assert len(parse(*[GENERATED] * 50).raw) == 1


def test_a_session_knows_where_it_began_and_where_it_is() -> None:
    outcome = parse(
        prompt("a", cwd="/p", gitBranch="main", version="1", entrypoint="cli"),
        prompt("b", cwd="/p/sub", gitBranch="topic", version="2", entrypoint="cli"),
        prompt("c", cwd="/p/sub", gitBranch="", version="2"),
    )
    session = outcome.sessions[SESSION]
    assert (session.project_root, session.cwd, session.branch) == ("/p", "/p/sub", "topic")
    assert (session.tool_version, session.entrypoint) == ("2", "cli")
    assert session.path == f"/home/u/{SESSION}.jsonl"
    assert (session.parent, session.relation) == (None, None)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "prompt"),
        ({"commandMode": "prompt", "origin": {"kind": "human"}}, "prompt"),
        ({"commandMode": "task-notification"}, "injected"),
        ({"commandMode": "prompt", "origin": {"kind": "peer"}}, "injected"),
        ({"commandMode": "prompt", "isMeta": True}, "injected"),
    ],
)
def test_a_prompt_typed_meanwhile_is_a_prompt(fields: dict[str, Any], kind: str) -> None:
    text = parse(attachment("queued_command", prompt="and tests", **fields))
    blocks = parse(
        attachment("queued_command", prompt=[{"type": "text", "text": "and tests"}], **fields)
    )
    for outcome in (text, blocks):
        assert [(m.role, m.kind) for m in outcome.messages] == [("user", kind)]
        assert outcome.texts(outcome.messages[0]) == ["and tests"]


@pytest.mark.parametrize(
    ("record", "kind", "text"),
    [
        (attachment("file", displayPath="a.py", content={}), "injected", "a.py"),
        (attachment("nested_memory", path="/p/CLAUDE.md"), "injected", "/p/CLAUDE.md"),
        (attachment("edited_text_file", filename="a.py", snippet="x"), "injected", "a.py"),
        (attachment("hook_additional_context", content=["a", "b"]), "injected", "a\nb"),
        (attachment("hook_non_blocking_error", stderr="boom"), "notice", "boom"),
        (attachment("invoked_skills", skills=[{"name": "review"}]), "injected", "review"),
        (attachment("plan_mode", planFilePath="/p.md"), "notice", "/p.md"),
        (attachment("opened_file_in_ide"), "injected", None),
    ],
)
def test_attachments_worth_a_line(record: dict[str, Any], kind: str, text: str | None) -> None:
    outcome = parse(record)
    [message] = outcome.messages
    assert (message.role, message.kind) == ("system", kind)
    [block] = outcome.blocks()
    assert block.text == text
    assert block.data == {"injected": record["attachment"]["type"]}


def system(subtype: str | None, **fields: Any) -> dict[str, Any]:
    return {"type": "system", **({"subtype": subtype} if subtype else {}), **fields}


@pytest.mark.parametrize(
    ("record", "kind", "text"),
    [
        (system("local_command", content="<command-name>/x"), "injected", "<command-name>/x"),
        (system("away_summary", content="You were away"), "injected", "You were away"),
        (system("informational", content="note"), "notice", "note"),
        (system(None, content="old echo"), "injected", "old echo"),
        (system("compact_boundary", content="Conversation compacted"), "compaction", ...),
    ],
)
def test_system_events(record: dict[str, Any], kind: str, text: object) -> None:
    outcome = parse(record)
    assert [(m.role, m.kind) for m in outcome.messages] == [("system", kind)]
    assert text is ... or outcome.texts(outcome.messages[0]) == [text]


def test_a_compaction_says_how_much_it_replaced() -> None:
    facts = {"trigger": "auto", "preTokens": 170251}
    [block] = parse(system("compact_boundary", compactMetadata=facts)).blocks()
    assert block.data == facts


def test_a_retry_says_what_failed_without_the_headers() -> None:
    error = {
        "status": 429,
        "headers": {"set-cookie": "PLANTED"},
        "error": {"error": {"message": "too many requests"}},
    }
    outcome = parse(system("api_error", error=error, retryAttempt=1, maxRetries=10))
    [message] = outcome.messages
    assert (message.kind, message.flags) == ("notice", ["api_retry"])
    [text] = outcome.texts(message)
    assert text == "API error (429), attempt 1 of 10: too many requests"
    assert "PLANTED" not in repr(outcome.raw)


UNKNOWN = [
    {"type": "from-the-future", "deep": {"x": [1, None]}},
    {"type": 5},
    {"no type": "at all"},
    {"type": "assistant", "message": "a text"},
    {"type": "assistant"},
    system("from-the-future", content="x"),
    {"type": "system", "subtype": ["x"]},
    attachment("from-the-future", x=1),
    {"type": "attachment"},
    {"type": "progress", "data": {"type": "from_the_future"}},
    {"type": "progress"},
]


@pytest.mark.parametrize("record", UNKNOWN, ids=str)
def test_f21_what_nobody_knows_is_kept_raw(record: dict[str, Any]) -> None:
    outcome = parse(record)
    [message] = outcome.messages
    assert message.kind == "unknown"
    [block] = outcome.blocks()
    assert block.kind == "unknown"
    assert block.data.items() >= record.items()
    assert outcome.bad == []


SKIPPED = [
    *({"type": kind} for kind in SKIPPED_TYPES),
    *(system(kind) for kind in SKIPPED_SYSTEM),
    *({"type": "progress", "data": {"type": kind}} for kind in SKIPPED_PROGRESS),
    *(attachment(kind) for kind in SKIPPED_ATTACHMENTS),
    {"type": "summary", "summary": "of another session", "leafUuid": "elsewhere"},
]


@pytest.mark.parametrize("record", SKIPPED, ids=str)
def test_bookkeeping_is_left_out(record: dict[str, Any]) -> None:
    outcome = parse(record)
    assert outcome.raw == []
    assert outcome.bad == []


# What newer versions write (2.1.233 and later) ----------------------------------------------------
@pytest.mark.parametrize(
    ("record", "text", "data"),
    [
        (
            {"type": "pr-link", "prUrl": "https://x/4", "prNumber": 4, "prRepository": "a/b"},
            "https://x/4",
            {"event": "pr-link", "prNumber": 4, "prRepository": "a/b"},
        ),
        (
            {"type": "frame-link", "frameUrl": "https://f/1", "title": "T", "path": "/p.html"},
            "https://f/1",
            {"event": "frame-link", "title": "T", "path": "/p.html"},
        ),
        ({"type": "tag", "tag": "spring"}, "spring", {"event": "tag"}),
    ],
)
def test_what_the_tool_writes_again_and_again_is_one_notice(
    record: dict[str, Any], text: str, data: dict[str, Any]
) -> None:
    bare = {**record, "uuid": None, "timestamp": None}
    outcome = parse(bare, FIRST, bare, bare)
    [notice] = [m for m in outcome.messages if m.kind == "notice"]
    assert (notice.role, notice.position, notice.flags) == ("system", 0, None)
    [block] = outcome.blocks(notice)
    assert (block.text, block.data) == (text, data)


@pytest.mark.parametrize("kind", ["pr-link", "frame-link", "tag"])
def test_a_link_to_nothing_is_left_out(kind: str) -> None:
    assert parse({"type": kind, "prUrl": None, "frameUrl": "", "tag": 5}).raw == []


def test_two_pull_requests_are_two_notices() -> None:
    outcome = parse(*({"type": "pr-link", "prUrl": f"https://x/{n}"} for n in (1, 2, 1, 2)))
    assert [m.kind for m in outcome.messages] == ["notice", "notice"]


def test_of_the_running_cost_the_last_is_kept() -> None:
    costs = [
        {"type": "cost-state", "sessionId": SESSION, "totalCostUSD": usd, "modelUsage": {"m": usd}}
        for usd in (1, 2)
    ]
    outcome = parse(*costs)
    [notice] = outcome.messages
    [block] = outcome.blocks(notice)
    assert notice.kind == "notice"
    assert block.data["event"] == "cost-state"
    assert (block.data["totalCostUSD"], block.data["modelUsage"]) == (2, {"m": 2})
    assert outcome.calls == []


def test_a_session_goes_on_in_another_one() -> None:
    outcome = parse(FIRST, {"type": "continued-in", "continuedInSessionId": "next-1"})
    session = outcome.sessions["next-1"]
    assert (session.parent, session.relation, session.revision) == (SESSION, "resume", 0)
    assert outcome.sessions[SESSION].parent is None


@pytest.mark.parametrize("target", [None, 5, "", "../x", "a b", "x" * 300, SESSION])
def test_a_continuation_must_name_another_session(target: object) -> None:
    assert parse({"type": "continued-in", "continuedInSessionId": target}).raw == []


def test_a_worktree_belongs_to_the_project_it_was_made_from() -> None:
    worktree = {"originalCwd": "/p", "worktreePath": "/p/.trees/a"}
    outcome = parse(
        {"type": "worktree-state", "worktreeSession": worktree},
        prompt("a", cwd="/p/.trees/a"),
        {"type": "worktree-state", "worktreeSession": None},
    )
    session = outcome.sessions[SESSION]
    assert (session.project_root, session.cwd) == ("/p", "/p/.trees/a")


@pytest.mark.parametrize("cuts", [[], [1], [2], [1, 2, 3]])
def test_a_session_can_move_and_come_back(cuts: list[int]) -> None:
    lines = [
        prompt("a", cwd="/p", uuid="1"),
        {"type": "relocated", "relocatedCwd": "/q"},
        prompt("b", cwd="/p", uuid="2"),
        {"type": "relocated", "relocatedCwd": "/r"},
    ]
    for count, cwd in ((2, "/q"), (3, "/p"), (4, "/r")):
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines[:count])
        outcome = parse_bytes(data, cuts=[cut for cut in cuts if cut < count])
        session = outcome.sessions[SESSION]
        assert (session.project_root, session.cwd) == ("/p", cwd)


def test_a_branch_says_where_it_came_from() -> None:
    origin = {"sessionId": "old-1", "messageUuid": "m"}
    outcome = parse(prompt("a", forkedFrom=origin), prompt("b", forkedFrom=origin), prompt("c"))
    session = outcome.sessions[SESSION]
    assert (session.parent, session.relation) == ("old-1", "fork")


@pytest.mark.parametrize("origin", [None, 5, {}, {"sessionId": SESSION}, {"sessionId": "a/b"}])
def test_a_branch_of_nothing_has_no_parent(origin: object) -> None:
    session = parse(prompt("a", forkedFrom=origin)).sessions[SESSION]
    assert (session.parent, session.relation) == (None, None)


@pytest.mark.parametrize(
    ("record", "text", "flags", "data"),
    [
        (
            system("model_refusal_fallback", content="b", originalModel="x", fallbackModel="y"),
            "b",
            ["refusal"],
            {"originalModel": "x", "fallbackModel": "y"},
        ),
        (system("api_refusal", content="no"), "no", ["refusal"], None),
        (
            system("error", error={"message": "plain", "formatted": "429: wait", "status": 429}),
            "429: wait",
            ["api_error"],
            None,
        ),
    ],
)
def test_a_refusal_is_flagged(
    record: dict[str, Any], text: str, flags: list[str], data: dict[str, Any] | None
) -> None:
    outcome = parse(record)
    [message] = outcome.messages
    [block] = outcome.blocks()
    assert (message.kind, message.flags) == ("notice", flags)
    assert (block.text, block.data) == (text, data)


def test_a_model_that_took_over_is_named() -> None:
    block = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}
    outcome = parse({"type": "assistant", "message": {"id": "m", "content": [block]}})
    assert [b.data for b in outcome.blocks()] == [{"event": "fallback", "from": "a", "to": "b"}]


def test_the_account_stays_out() -> None:
    outcome = parse(
        attachment("session_context", email="ada@example.com"),
        {"type": "bridge-session", "ownerAccountUuid": "account-1"},
        {"type": "artifact-autoreact-ledger", "accountUuid": "account-1"},
    )
    assert outcome.raw == []
