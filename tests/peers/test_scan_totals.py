"""`usage --scan` counts what the collector's parsers count, and what the truth is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.errors import NotFound
from claude_code_tracer.reports.rows import Question, Row
from claude_code_tracer.scan import scanned
from claude_code_tracer.sources.registry import SOURCES, source_named
from claude_code_tracer.sources.source import Source
from tests.golden.homes import build_home
from tests.peers.peers import Cell, Totals, ours
from tests.transcripts import SHARED, Conversation, lay_out_corpus


def scan(home: Path, *dimensions: Any, **asked: Any) -> list[Row]:
    env = {"HOME": str(home), "CLAUDE_TRACER_HOME": str(home / "none")}
    return scanned(env, Question(dimensions=dimensions, **asked))


def totals(rows: list[Row]) -> Totals:
    found: Totals = defaultdict(Cell)
    for row in rows:
        cell = found[row.day.isoformat() if row.day else "", row.model or ""]
        write = (row.cache_write_5m_tokens or 0) + (row.cache_write_1h_tokens or 0)
        counts = (row.input_tokens or 0, row.output_tokens or 0, write, row.cache_read_tokens or 0)
        cell.add(*counts)
        cell.cost += row.cost_usd or Decimal()
        cell.searches += row.web_searches or 0
    return dict(found)


def assert_equal(found: Totals, expected: Totals) -> None:
    assert {k: (c.tokens, c.searches) for k, c in found.items()} == {
        k: (c.tokens, c.searches) for k, c in expected.items()
    }
    assert {k: c.cost for k, c in found.items()} == {k: c.cost for k, c in expected.items()}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_source_is_counted_as_its_parser_counts(source: Source, tmp_path: Path) -> None:
    home = build_home(source.name, tmp_path / "home")
    rows = scan(home, "day", "model", source=source.name)
    assert_equal(totals(rows), ours(source, home))


def test_sessions_and_projects_are_those_of_the_transcripts(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, "11111111-1111-4111-8111-111111111111", "/home/u/calc")
    talk.prompt("hello")
    talk.answer("yes", output_tokens=9)
    other = Conversation(tmp_path, "22222222-2222-4222-8222-222222222222", "/home/u/other")
    other.answer("no", output_tokens=1)
    rows = scan(tmp_path, "session", "project", "source")
    assert [(row.project, row.session, row.output_tokens) for row in rows] == [
        ("calc", talk.session, 9),
        ("other", other.session, 1),
    ]
    assert rows[0].path == str(talk.path) and rows[0].calls == 1
    (only,) = scan(tmp_path, project="calc")
    assert only.output_tokens == 9
    assert scan(tmp_path, source="codex") == []
    with pytest.raises(NotFound, match="workspace"):
        scan(tmp_path, workspace="team")


def test_days_are_those_of_the_time_zone(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, "11111111-1111-4111-8111-111111111111")
    talk.answer("at ten in the morning, UTC")
    assert [str(row.day) for row in scan(tmp_path, "day")] == ["2026-11-01"]
    assert [str(r.day) for r in scan(tmp_path, "day", timezone="Pacific/Kiritimati")] == [
        "2026-11-02"
    ]
    assert scan(tmp_path, "day", since=date(2026, 11, 2)) == []
    (slot,) = scan(tmp_path, "slot")
    assert slot.slot and slot.slot.isoformat() == "2026-11-01T10:00:00+00:00"


if SHARED.is_dir():

    def test_real_transcripts_are_counted_as_their_parser_counts(tmp_path: Path) -> None:
        lay_out_corpus(tmp_path)
        rows = scan(tmp_path, "day", "model", source="claude_code")
        assert_equal(totals(rows), ours(source_named("claude_code"), tmp_path))

    def test_two_processes_count_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tool = str(SHARED / "tools" / "make_corpus.py")
        size = ["--mb", "60", "--sessions", "90", "--seed", "3"]
        command = [sys.executable, tool, "--out", str(tmp_path), *size]
        subprocess.run(command, check=True, capture_output=True)
        rows = scan(tmp_path, "model")
        truth = json.loads((tmp_path / "truth.json").read_text("utf-8"))["tokens"]["dedup_max"]
        assert {row.model: (row.input_tokens, row.output_tokens) for row in rows} == {
            model: (counts["input"], counts["output"]) for model, counts in truth.items()
        }
        monkeypatch.setattr("os.cpu_count", lambda: 1)
        assert scan(tmp_path, "model") == rows
