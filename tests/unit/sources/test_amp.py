"""Amp: one document a thread, read whole after every change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.sources.amp import Amp
from claude_code_tracer.sources.source import Line, Shape
from tests.golden.homes import build_home
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome
from tests.unit.sources.store_checks import check_any_pieces_agree, check_hostile_fields
from tests.unit.sources.store_reading import parse_home

SOURCE = Amp()
ROOT = Path("/home/u/.local/share/amp/threads")
THREAD = "T-019bb0aa-1111-7abc-8def-000000000001"
AT = 1_768_206_000_000


def parse_raw(*documents: bytes) -> Outcome:
    file = SOURCE.transcript(ROOT, ROOT / f"{THREAD}.json")
    assert file and file.shape is Shape.DOCUMENT
    return Outcome([SOURCE.parse(file, [Line(0, len(raw), raw)], None) for raw in documents])


def parse(*messages: dict[str, Any], **thread: Any) -> Outcome:
    numbered = [{"messageId": i, **message} for i, message in enumerate(messages)]
    document = {"v": 3, "id": THREAD, "created": AT, "messages": numbered, **thread}
    return parse_raw(json.dumps(document).encode())


def user(*content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content), "meta": {"sentAt": AT + 5}, **fields}


def answer(*content: Any, usage: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    state = {"type": "complete", "stopReason": "end_turn"}
    return {"role": "assistant", "content": list(content), "state": state, "usage": usage, **fields}


def used(**counts: Any) -> dict[str, Any]:
    known = {"model": "claude-opus-4-5", "timestamp": "2026-01-12T08:20:05.000Z"}
    return {**known, "inputTokens": 10, "outputTokens": 20, **counts}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments}


def result(**run: Any) -> dict[str, Any]:
    return {"type": "tool_result", "toolUseID": "toolu_1", "run": run}


def test_folders_follow_the_environment() -> None:
    home = Path("/home/u")
    assert SOURCE.roots({}, home) == [ROOT]
    assert SOURCE.roots({"XDG_DATA_HOME": "/d"}, home) == [Path("/d/amp/threads")]
    assert SOURCE.roots({"AMP_THREADS_DIR": "/t"}, home) == [Path("/t")]
    both = SOURCE.roots({"AMP_DATA_DIR": "/a, /b"}, home)
    assert both == [Path("/a/threads"), Path("/b/threads")]


@pytest.mark.parametrize("name", ["x/T-1.json", "T-1.jsonl", ".T-1.json", "T-1.json.tmp"])
def test_what_is_no_transcript(name: str) -> None:
    assert SOURCE.transcript(ROOT, ROOT / name) is None


def test_a_thread_s_facts() -> None:
    tree = {"uri": "file:///w/my%20shop", "repository": {"ref": "refs/heads/fix"}}
    platform = {"client": "CLI", "clientVersion": "0.0.1"}
    env = {"initial": {"trees": [tree], "platform": platform}}
    session = parse(user(text("Go")), env=env, title="Fix it").sessions[THREAD]
    assert (session.project_root, session.cwd, session.branch) == (
        "/w/my shop",
        "/w/my shop",
        "fix",
    )
    assert (session.tool_version, session.entrypoint, session.title) == ("0.0.1", "CLI", "Fix it")
    assert session.revision == 3
    assert parse(user(text("Go on"))).sessions[THREAD].title == "Go on"


@pytest.mark.parametrize(
    ("message", "kind", "flags"),
    [
        (user(text("hi")), "prompt", None),
        (user(text("hi"), interrupted=True), "prompt", ["interrupted"]),
        (user({"type": "image", "source": {"data": "AAAA"}}), "prompt", None),
        ({"role": "user", "text": "hi", "createdAt": AT}, "prompt", None),
        ({"role": "user", "content": "hi"}, "prompt", None),
        (answer(text("hi")), "answer", None),
        (answer(text("hi"), state={"type": "cancelled"}), "answer", ["interrupted"]),
        (answer(state={"type": "error", "error": {"message": "529"}}), "notice", ["api_error"]),
        ({"role": "info", "content": [{"type": "summary", "summary": "all"}]}, "compaction", None),
        ({"role": "info", "content": [{"type": "manual_bash_invocation"}]}, "injected", None),
        ({"role": "supervisor", "note": "x"}, "unknown", None),
    ],
)
def test_kinds_of_messages(message: dict[str, Any], kind: str, flags: list[str] | None) -> None:
    [found] = parse(message).messages
    assert (found.kind, found.flags) == (kind, flags)


def test_a_message_without_a_time_happened_after_the_one_before() -> None:
    one, two = parse(user(text("a")), answer(text("b"))).messages
    assert one.at == two.at
    [alone] = parse(answer(text("b")), created=None).messages
    assert (alone.at, alone.flags) == (None, ["no_timestamp"])


def test_messages_keep_their_ids_from_version_to_version() -> None:
    first = parse(user(text("a")), answer(text("b")))
    second = parse(user(text("a")), answer(text("b, longer")), user(text("c")))
    assert [m.id for m in first.messages] == [m.id for m in second.messages[:2]]


def test_messages_that_share_a_number_stay_apart() -> None:
    assert len(parse(user(text("a")), user(text("b"), messageId=0)).messages) == 2


def test_pieces_of_content() -> None:
    outcome = parse(
        answer(
            {"type": "thinking", "thinking": "hm"},
            {"type": "redacted_thinking", "data": "x"},
            text(""),
            {"type": "dance"},
        )
    )
    assert [block.kind for block in outcome.blocks()] == ["thinking", "unknown"]


@pytest.mark.parametrize(
    ("run", "is_error", "shown"),
    [
        ({"status": "done", "result": {"output": "a\n", "exitCode": 0}}, False, "a\n"),
        ({"status": "done", "result": {"output": "a\n", "exitCode": 1}}, True, "a\n"),
        ({"status": "done", "result": {"content": "1: a"}}, False, "1: a"),
        ({"status": "done", "result": "plain"}, False, "plain"),
        ({"status": "done", "result": ["a", {"type": "image"}]}, False, "a\n[image]"),
        ({"status": "done", "result": {"files": 2}}, False, '{"files": 2}'),
        ({"status": "error", "error": {"message": "gone"}}, True, "gone"),
        ({"status": "error", "error": "gone"}, True, "gone"),
        ({"status": "cancelled", "reason": "esc"}, True, "esc"),
        ({"status": "rejected-by-user"}, True, "rejected-by-user"),
        ({"status": "in-progress"}, None, None),
    ],
)
def test_what_came_back(run: dict[str, Any], is_error: bool | None, shown: str | None) -> None:
    outcome = parse(answer(use("Bash", cmd="ls")), user(result(**run)))
    [call] = outcome.tools
    assert (call.is_error, call.result, call.input) == (is_error, shown, {"cmd": "ls"})
    assert [m.role for m in outcome.messages] == ["assistant"]


DIFF = "```diff\n--- a\n+++ a\n@@ -1,2 +1,3 @@\n same\n-old\n+new\n+newer\n```"


@pytest.mark.parametrize(
    ("asked", "run", "lines"),
    [
        (use("edit_file", path="/w/a"), {"status": "done", "result": {"diff": DIFF}}, (2, 1)),
        (use("edit_file", old_str="a", new_str="b"), {"status": "done", "result": {}}, (1, 1)),
        (use("create_file", content="a\nb\n"), {"status": "done", "result": "ok"}, (2, 0)),
        (use("create_file", content="a\nb\n"), {"status": "rejected-by-user"}, (0, 0)),
        (use("create_file", content="a\nb\n"), {"status": "in-progress"}, (None, None)),
        (use("Grep", path="/w"), {"status": "done", "result": {"diff": DIFF}}, (None, None)),
    ],
)
def test_lines_an_edit_changed(
    asked: dict[str, Any], run: dict[str, Any], lines: tuple[int | None, int | None]
) -> None:
    [call] = parse(answer(asked), user(result(**run))).tools
    assert (call.lines_added, call.lines_removed) == lines


# Usage -------------------------------------------------------------------------------------------


def test_every_answer_is_a_call() -> None:
    cached = {"cacheCreationInputTokens": 30, "cacheReadInputTokens": 40}
    [call] = parse(answer(text("a"), usage=used(**cached))).calls
    assert (call.input_tokens, call.output_tokens) == (10, 20)
    assert (call.cache_write_5m_tokens, call.cache_read_tokens) == (30, 40)
    assert (call.model, call.usage_quality, call.reported_cost_usd) == (
        "claude-opus-4-5",
        "exact",
        None,
    )
    assert str(call.at) == "2026-01-12T08:20:05+00:00".replace("T", " ")


def test_an_answer_that_used_nothing_is_no_call() -> None:
    nothing = used(inputTokens=0, outputTokens=0)
    assert parse(answer(text("a"), usage=nothing), answer(text("b"))).calls == []


def test_what_is_not_cached_is_no_cache_writing_of_openai() -> None:
    cached = {"inputTokens": 0, "cacheCreationInputTokens": 700, "model": "gpt-5.2"}
    [call] = parse(answer(usage=used(**cached))).calls
    assert (call.input_tokens, call.cache_write_5m_tokens) == (700, None)


def test_the_ledger_is_preferred_and_counts_nothing_twice() -> None:
    message = answer(text("a"), usage=used(cacheReadInputTokens=500), messageId=1)
    events = [
        {"id": "e1", "model": "m", "tokens": {"input": 10, "output": 25}, "toMessageId": 1},
        {"id": "e2", "model": "n", "tokens": {"input": 5, "output": 6}, "toMessageId": 1},
        {"id": "e3", "model": "n", "tokens": {"input": 7, "output": 8}},
    ]
    without = parse(message)
    outcome = parse(message, usageLedger={"events": events})
    first, second, third = outcome.calls
    assert first.id == without.calls[0].id
    assert (first.output_tokens, first.cache_read_tokens) == (25, 500)
    assert (second.output_tokens, second.cache_read_tokens) == (6, None)
    assert (third.output_tokens, third.message) == (8, None)


def test_a_thread_that_is_only_a_ledger() -> None:
    event = {"id": "e1", "model": "gpt-5", "tokens": {"input": 1, "output": 2}}
    raw = json.dumps({"id": THREAD, "usageLedger": {"events": [event]}}).encode()
    assert [call.output_tokens for call in parse_raw(raw).calls] == [2]


def test_damage_is_reported() -> None:
    assert [span.reason for span in parse_raw(b'{"messages": [').bad] == ["not JSON"]
    assert [span.reason for span in parse_raw(b'{"theme": "dark"}').bad] == ["no thread"]


def test_any_pieces_agree(tmp_path: Path) -> None:
    check_any_pieces_agree(SOURCE, build_home("amp", tmp_path / "home"))


def test_nothing_raises(tmp_path: Path) -> None:
    check_hostile_fields(SOURCE, build_home("amp", tmp_path / "home"), 200)


if SHARED.is_dir():

    def test_the_corpus_is_read_whole(tmp_path: Path) -> None:
        folder = "misc/Dicklesworthstone+coding_agent_session_search/tests/fixtures/amp"
        shutil.copytree(SHARED / "corpus" / folder, tmp_path / ".local/share/amp/threads")
        outcome = parse_home(SOURCE, tmp_path)
        assert [m.kind for m in outcome.messages] == ["prompt", "answer"]
        assert outcome.sessions["thread-001"].title == "Amp sample thread"
        assert outcome.bad == []
