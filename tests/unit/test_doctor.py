"""What `doctor` says of tools and of records nobody knows. The rest: tests/e2e/test_commands.py."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from claude_code_tracer.config import Config, load_config
from claude_code_tracer.doctor import Finding, UnknownRecords, examine, unknown_findings
from claude_code_tracer.sources.registry import SOURCES

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config({"HOME": str(tmp_path), "CLAUDE_TRACER_HOME": str(tmp_path / "data")})


def looked_at(config: Config) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(config, NOW)}


def test_tools_that_are_not_there_share_one_line(config: Config) -> None:
    findings = looked_at(config)
    others = findings["other tools"]
    assert others.state == "ok"
    assert all(source.label in others.detail for source in SOURCES)
    assert not {source.label for source in SOURCES} & findings.keys()


def test_a_tool_that_is_there_tells_its_folder_and_transcripts(config: Config) -> None:
    projects = config.user_home / ".claude" / "projects"
    for name in ("a", "b"):
        transcript = projects / "-p" / f"{name}.jsonl"
        transcript.parent.mkdir(parents=True, exist_ok=True)
        transcript.touch()
    findings = looked_at(config)
    assert findings["Claude Code"].detail == f"2 transcripts in {projects}"
    facts = {"source": "claude_code", "folders": [str(projects)], "transcripts": 2}
    assert findings["Claude Code"].facts == facts
    assert "Claude Code" not in findings["other tools"].detail


def test_nobody_is_asked_for_unknown_records_when_nothing_runs(config: Config) -> None:
    assert "unknown records" not in looked_at(config)


def unknown(
    type: str, records: int, version: str | None = "2.1", source: str = "claude_code"
) -> UnknownRecords:
    return UnknownRecords(source, version, type, records)


def test_no_unknown_records_is_said() -> None:
    assert list(unknown_findings([])) == [Finding("unknown records", "ok", "none")]


def test_unknown_records_are_told_by_tool_and_version() -> None:
    rows = [
        unknown("bloom", 1200),
        unknown("sprout", 3, version="2.2"),
        unknown("bloom", 2, source="from_the_future", version=None),
        unknown("wilt", 1),
    ]
    ours, future = unknown_findings(rows)
    assert ours.state == future.state == "warning"
    assert ours.detail == (
        "Claude Code wrote 1,204 records, version 2.1: bloom (1,200), wilt (1); "
        "version 2.2: sprout (3)"
    )
    assert future.detail == "from_the_future wrote 2 records, version unknown: bloom (2)"
    assert ours.facts is not None
    assert [r["records"] for r in ours.facts["records"]] == [1200, 3, 1]


def test_what_a_transcript_makes_up_stays_short() -> None:
    rows = [unknown(f"a\nb\t{n}" + "x" * 5000, 1, f"v{n % 9}\n" + "y" * 5000) for n in range(99)]
    (finding,) = unknown_findings(rows)
    assert len(finding.detail) < 1000
    assert "\n" not in finding.detail
    assert finding.detail.endswith("and 6 more")
    assert finding.facts is not None and len(finding.facts["records"]) == 99
