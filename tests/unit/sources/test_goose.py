"""Goose: a ledger or a sum but never both, and a copied session only once."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.sources.goose import Goose
from claude_code_tracer.sources.source import Line, Shape, Transcript
from tests.golden.homes import build_home
from tests.unit.sources.parsing import Outcome
from tests.unit.sources.store_checks import check_any_pieces_agree, check_hostile_fields
from tests.unit.sources.store_reading import build_database, parse_file, parse_home

SOURCE = Goose()
ROOT = Path("/home/u/.local/share/goose/sessions")
DATABASE = Transcript("goose", ROOT / "sessions.db", "sessions", shape=Shape.ROWS)
AT = 1_786_000_000
MODEL = json.dumps({"model_name": "claude-sonnet-4-5"})


def row(table: str, mark: int = 1, **columns: Any) -> Line:
    columns = {"table": table, "key": mark, "mark": mark, **columns}
    return Line(mark, mark, json.dumps(columns).encode())


def message(
    id: int, role: str, *content: Any, metadata: dict[str, Any] | None = None, **columns: Any
) -> Line:
    known: dict[str, Any] = {
        "id": id,
        "message_id": f"msg_{id}",
        "session_id": "20260806_1",
        "role": role,
        "content_json": json.dumps(list(content)),
        "created_timestamp": AT,
        "metadata_json": json.dumps(metadata or {"userVisible": True, "agentVisible": True}),
        "session_type": "user",
        "model_config_json": MODEL,
        "nth": id,
    }
    return row("messages", id, **{**known, **columns})


def ledger(id: int, **columns: Any) -> Line:
    known = {"id": id, "session_id": "20260806_1", "created_timestamp": AT, "is_first": 0}
    return row("usage_ledger", id, **{**known, "model_config_json": MODEL, **columns})


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def request(id: str, name: str, **arguments: Any) -> dict[str, Any]:
    value = {"name": name, "arguments": arguments}
    return {"type": "toolRequest", "id": id, "toolCall": {"status": "success", "value": value}}


def response(id: str, value: Any = None, **result: Any) -> dict[str, Any]:
    known = {"status": "success", "value": value, **result}
    return {"type": "toolResponse", "id": id, "toolResult": known}


def parse(*lines: Line) -> Outcome:
    return Outcome([SOURCE.parse(DATABASE, lines, None)])


def parse_jsonl(*values: Any, name: str = "20250801_090000") -> Outcome:
    raw = b"".join(
        (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n"
        for value in values
    )
    file = SOURCE.transcript(ROOT, ROOT / f"{name}.jsonl")
    assert file
    return Outcome([SOURCE.parse(file, [Line(0, len(raw), raw)], None)])


def test_folders_follow_the_environment() -> None:
    home = Path("/home/u")
    assert ROOT in SOURCE.roots({}, home)
    assert home / "Library/Application Support/Block.goose/sessions" in SOURCE.roots({}, home)
    assert SOURCE.roots({"GOOSE_PATH_ROOT": "/g"}, home) == [Path("/g/data/sessions")]
    assert SOURCE.roots({"XDG_DATA_HOME": "/d"}, home)[0] == Path("/d/goose/sessions")


@pytest.mark.parametrize(
    ("name", "shape"),
    [("sessions.db", Shape.ROWS), ("20250801_090000.jsonl", Shape.DOCUMENT)],
)
def test_what_a_path_holds(name: str, shape: Shape) -> None:
    file = SOURCE.transcript(ROOT, ROOT / name)
    assert file and file.shape is shape


@pytest.mark.parametrize("name", ["sessions.db-wal", "backup.db", "x/y.jsonl", ".a.jsonl"])
def test_what_is_no_transcript(name: str) -> None:
    assert SOURCE.transcript(ROOT, ROOT / name) is None


def test_a_session_s_facts() -> None:
    facts: dict[str, Any] = {
        "id": "20260806_2",
        "working_dir": "/w",
        "parent_session_id": "20260806_1",
    }
    session = parse(row("sessions", **facts, name="Look", user_set_name=1)).sessions["20260806_2"]
    assert (session.project_root, session.cwd, session.title) == ("/w", "/w", "Look")
    assert (session.title_rank, session.relation, session.parent) == (5, "subagent", "20260806_1")
    plain = parse(row("sessions", id="s", working_dir="/w", name="CLI Session")).sessions["s"]
    assert (plain.title, plain.relation) == (None, None)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (message(1, "user", text("hi")), "prompt"),
        (message(1, "user", text("hi"), session_type="sub_agent"), "injected"),
        (message(1, "user", text("hi"), session_type="scheduled"), "injected"),
        (message(1, "user", text("sum"), metadata={"userVisible": False}), "compaction"),
        (message(1, "user", text("hi"), response("t1", [])), "injected"),
        (message(1, "user", {"type": "image", "data": "AAAA", "mimeType": "image/png"}), "prompt"),
        (message(1, "assistant", text("hello")), "answer"),
        (message(1, "assistant", text("go on"), metadata={"userVisible": False}), "injected"),
        (message(1, "assistant", {"type": "systemNotification", "msg": "low"}), "notice"),
        (message(1, "assistant", {"type": "contextLengthExceeded", "msg": "full"}), "notice"),
        (message(1, "referee", text("x")), "unknown"),
    ],
)
def test_kinds_of_messages(line: Line, kind: str) -> None:
    [found] = parse(line).messages
    assert (found.kind, found.native_id) == (kind, "msg_1")
    assert found.model == ("claude-sonnet-4-5" if kind == "answer" else None)


def test_what_holds_only_results_is_no_message() -> None:
    assert parse(message(1, "user", response("t1", []))).messages == []


def test_pieces_of_content() -> None:
    outcome = parse(
        message(
            1,
            "assistant",
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "redactedThinking", "data": "x"},
            {"type": "reasoning", "text": "old"},
            {"type": "toolConfirmationRequest", "id": "x"},
            {"type": "dance"},
        )
    )
    assert [block.kind for block in outcome.blocks()] == ["thinking", "thinking", "unknown"]


def test_times_are_seconds_and_in_some_versions_milliseconds() -> None:
    outcome = parse(
        message(1, "user", text("a")), message(2, "user", text("b"), created_timestamp=AT * 1000)
    )
    one, two = outcome.messages
    assert one.at == two.at and one.position < two.position


def test_a_call_and_its_result() -> None:
    said = [
        {"type": "text", "text": "for the model", "annotations": {"audience": ["assistant"]}},
        {"type": "text", "text": "for people", "annotations": {"audience": ["user"]}},
    ]
    outcome = parse(
        message(1, "assistant", request("t1", "developer__shell", command="ls")),
        message(2, "user", response("t1", {"content": said, "isError": False})),
        message(3, "assistant", request("t2", "developer__shell", command="x")),
        message(4, "user", response("t2", status="error", error="-32603: no")),
        message(5, "assistant", request("t3", "developer__shell", command="x")),
        message(6, "user", response("t3", {"content": said[:1], "isError": True})),
    )
    assert [(call.result, call.is_error) for call in outcome.tools] == [
        ("for the model", False),
        ("-32603: no", True),
        ("for the model", True),
    ]
    assert outcome.tools[0].input == {"command": "ls"}
    assert outcome.tools[0].lines_added is None


def test_a_request_that_could_not_be_read_failed() -> None:
    broken = {"type": "toolRequest", "id": "t1", "toolCall": {"status": "error", "error": "bad"}}
    [call] = parse(message(1, "assistant", broken)).tools
    assert (call.is_error, call.result, call.name) == (True, "bad", "unknown")


EDIT = {"command": "str_replace", "path": "/w/a", "old_str": "a", "new_str": "b\nc"}


@pytest.mark.parametrize(
    ("asked", "result", "lines"),
    [
        (request("t1", "developer__text_editor", **EDIT), response("t1", []), (2, 1)),
        (request("t1", "developer__text_editor", **EDIT), response("t1", status="error"), (0, 0)),
        (request("t1", "edit", path="/w/a", before="a\n", after="b\n"), response("t1", []), (1, 1)),
        (request("t1", "write", path="/w/a", content="a"), response("t1", []), (None, None)),
    ],
)
def test_lines_an_edit_changed(
    asked: dict[str, Any], result: dict[str, Any], lines: tuple[int | None, int | None]
) -> None:
    [call] = parse(message(1, "assistant", asked), message(2, "user", result)).tools
    assert (call.lines_added, call.lines_removed) == lines
    assert call.file_path == "/w/a"


# Usage -------------------------------------------------------------------------------------------


def test_the_ledger_s_input_holds_the_cached_tokens() -> None:
    counts = {"input_tokens": 12100, "output_tokens": 200, "total_tokens": 12300}
    [call] = parse(
        ledger(1, **counts, cache_read_tokens=2000, cache_write_tokens=10000, cost=0.5, model="m")
    ).calls
    assert (call.input_tokens, call.cache_read_tokens, call.cache_write_5m_tokens) == (
        100,
        2000,
        10000,
    )
    assert (call.output_tokens, call.model, call.usage_quality) == (200, "m", "exact")
    assert call.reported_cost_usd == Decimal("0.5")


def test_input_that_cannot_hold_the_cached_tokens_is_left_as_it_is() -> None:
    [call] = parse(ledger(1, input_tokens=5, output_tokens=1, cache_read_tokens=100)).calls
    assert (call.input_tokens, call.model) == (5, "claude-sonnet-4-5")


def test_an_empty_row_of_the_ledger_is_no_call() -> None:
    assert parse(ledger(1, input_tokens=0, output_tokens=None)).calls == []


def test_what_was_carried_forward_is_the_sum_that_stood_alone_before() -> None:
    facts = {"id": "20260806_1", "working_dir": "/w", "model_config_json": MODEL}
    tokens = {"accumulated_input_tokens": 1000, "accumulated_output_tokens": 50}
    before = row("old_totals", AT, **facts, **tokens, created_at="2026-08-06 06:00:00")
    carried = {"input_tokens": 1500, "output_tokens": 70, "cost_source": "carried_forward"}
    after = ledger(1, **carried, is_first=1, created_at="2026-08-06 06:00:00")
    request = ledger(2, input_tokens=10, output_tokens=2)
    [total, call] = parse(before, after, request).calls
    assert (total.output_tokens, total.usage_quality) == (70, "session_total")
    assert (call.output_tokens, call.usage_quality) == (2, "exact")
    assert str(total.at) == "2026-08-06 06:00:00+00:00"


def test_a_sum_grows() -> None:
    facts = {"id": "20260806_1", "working_dir": "/w"}
    one = row("totals", AT, **facts, accumulated_input_tokens=10, accumulated_output_tokens=1)
    two = row("totals", AT + 9, **facts, accumulated_input_tokens=20, accumulated_output_tokens=3)
    [call] = parse(one, two).calls
    assert (call.output_tokens, call.usage_quality) == (3, "session_total")


def test_sums_are_left_out_where_a_ledger_is(tmp_path: Path) -> None:
    script = """
      create table sessions (id text, working_dir text, created_at text, updated_at text,
        accumulated_input_tokens integer, accumulated_output_tokens integer,
        session_type text, model_config_json text);
      create table messages (id integer primary key, session_id text, role text,
        content_json text, created_timestamp integer);
      insert into sessions values
        ('with', '/w', '2026-08-06 06:00:00', '2026-08-06 06:00:00', 10, 1, 'user', '{}'),
        ('without', '/w', '2026-08-06 06:00:00', '2026-08-06 06:00:00', 20, 2, 'user', '{}');
    """
    ledger = """
      create table usage_ledger (id integer primary key, session_id text,
        created_timestamp integer, model text, input_tokens integer, output_tokens integer,
        total_tokens integer, cache_read_tokens integer, cache_write_tokens integer, cost real,
        cost_source text);
      insert into usage_ledger (session_id, created_timestamp, input_tokens, output_tokens)
        values ('with', 1786000000, 10, 1);
    """
    for name, sql, qualities in (
        ("old", script, {"with": "session_total", "without": "session_total"}),
        ("new", script + ledger, {"with": "exact", "without": "session_total"}),
    ):
        path = build_database(tmp_path / name / "sessions.db", sql)
        file = SOURCE.transcript(path.parent, path)
        assert file
        outcome = parse_file(SOURCE, file)
        assert {call.session: call.usage_quality for call in outcome.calls} == qualities


# Files -------------------------------------------------------------------------------------------

META = {"working_dir": "/w", "description": "Say hello", "message_count": 2}
HELLO = {"role": "user", "created": AT, "content": [text("Say hello")]}


def test_a_file_s_messages_keep_their_ids_when_its_first_line_grows() -> None:
    small = parse_jsonl({**META, "accumulated_input_tokens": 9}, HELLO)
    large = parse_jsonl({**META, "accumulated_input_tokens": 99999}, HELLO, HELLO)
    assert small.messages[0].id == large.messages[0].id
    assert len(large.messages) == 2
    [call] = large.calls
    assert (call.input_tokens, call.usage_quality, call.model) == (99999, "session_total", None)


def test_a_file_and_its_copy_in_the_database_are_one() -> None:
    from_file = parse_jsonl(META, HELLO, name="20260806_1")
    from_row = parse(message(7, "user", text("Say hello"), nth=0))
    assert from_file.messages[0].id == from_row.messages[0].id
    assert from_file.messages[0].session == from_row.messages[0].session


def test_a_file_without_its_first_line_and_with_damage() -> None:
    outcome = parse_jsonl(HELLO, b'{"role": "assistant", "cont', HELLO)
    assert len(outcome.messages) == 2
    assert [span.reason for span in outcome.bad] == ["not JSON"]


def test_damaged_rows_are_reported_and_stop_nobody() -> None:
    outcome = parse(
        message(1, "user", content_json="[{"),
        message(2, "user", content_json=None),
        row("messages", 3),
        message(4, "user", text("still here")),
    )
    assert len(outcome.bad) == 3
    assert [block.text for block in outcome.blocks()] == ["still here"]


def test_a_deeply_nested_time_is_none() -> None:
    deep = b"[" * 900 + b"]" * 900
    outcome = parse_jsonl(b'{"role": "user", "content": "x", "created": ' + deep + b"}")
    assert [m.at for m in outcome.messages] == [None]


def test_the_history_holds_every_message_once(tmp_path: Path) -> None:
    outcome = parse_home(SOURCE, build_home("goose", tmp_path / "home"))
    assert (len(outcome.messages), outcome.bad) == (18, [])


def test_any_pieces_agree(tmp_path: Path) -> None:
    check_any_pieces_agree(SOURCE, build_home("goose", tmp_path / "home"))


def test_nothing_raises(tmp_path: Path) -> None:
    check_hostile_fields(SOURCE, build_home("goose", tmp_path / "home"), 60)
