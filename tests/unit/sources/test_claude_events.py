"""Titles, facts of a session, system events, attachments, and what nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from claude_code_tracer.sources.claude_code.events import (
    SKIPPED_ATTACHMENTS,
    SKIPPED_PROGRESS,
    SKIPPED_SYSTEM,
    SKIPPED_TYPES,
)
from tests.unit.sources.parsing import SESSION, parse


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
    {"type": "pr-link", "prNumber": 7, "prUrl": "https://example.com/7"},
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
