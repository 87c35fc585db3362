"""`usage` as typed, with rows of our own instead of a server. With one: tests/e2e/test_usage.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from claude_code_tracer.cli import usage as module
from claude_code_tracer.cli.usage import usage
from claude_code_tracer.clock import FakeClock
from claude_code_tracer.reports.rows import Question, Row
from tests.unit.reports.making import NOW, SONNET, row, slots

Run = Callable[..., Result]


class Rows:
    """A provider that remembers what it was asked."""

    def __init__(self, *rows: Row) -> None:
        self.rows = list(rows)
        self.asked: list[Question] = []

    def __call__(self, _env: Any, question: Question) -> list[Row]:
        self.asked.append(question)
        return self.rows


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    rows = Rows(row("2026-11-20"), row("2026-11-21", SONNET, cost=None))
    monkeypatch.setattr(module, "collected", rows)
    monkeypatch.setattr(module, "SystemClock", lambda: FakeClock(NOW))
    return rows


@pytest.fixture
def run() -> Run:
    def run(*arguments: str, code: int = 0) -> Result:
        env = {"TZ": "Asia/Tokyo", "CLAUDE_TRACER_HOME": "/nonexistent", "COLUMNS": "200"}
        result = CliRunner().invoke(usage, arguments, env=env)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.mark.parametrize("arguments", [(), ("daily",), ("--order", "asc"), ("daily", "--json")])
def test_usage_alone_is_daily(rows: Rows, run: Run, arguments: tuple[str, ...]) -> None:
    assert "2026-11-20" in run(*arguments).stdout
    assert rows.asked == [Question(dimensions=("day", "source", "model"), timezone="Asia/Tokyo")]


def test_the_options_become_the_question(rows: Rows, run: Run) -> None:
    options = "--since 7d --until 20261119 -z UTC --source codex --project garden --workspace w"
    run("daily", *options.split())
    assert rows.asked == [
        Question(
            dimensions=("day", "source", "model"),
            timezone="UTC",
            since=date(2026, 11, 15),
            until=date(2026, 11, 19),
            source="codex",
            project="garden",
            workspace="w",
        )
    ]


def test_a_day_begins_where_the_person_is(rows: Rows, run: Run) -> None:
    run("--since", "1d", "-z", "Pacific/Kiritimati")  # where it is the 22nd
    assert rows.asked[0].since == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("arguments", "dimensions"),
    [
        (("daily", "--instances"), ("project", "day", "source", "model")),
        (("weekly",), ("day", "source", "model")),
        (("monthly",), ("day", "source", "model")),
        (("session",), ("session", "project", "source", "model")),
        (("blocks",), ("slot", "source", "model")),
        (("models",), ("model", "source")),
        (("projects",), ("project", "source", "model")),
    ],
)
def test_every_report_prints_text_and_json(
    rows: Rows, run: Run, arguments: tuple[str, ...], dimensions: tuple[str, ...]
) -> None:
    rows.rows = slots("2026-11-21 10:00", session="s", project="garden")
    rows.rows.append(row("2026-11-21", "glm-9", None, session="s", project="garden"))
    assert "Cost (USD)" in run(*arguments).stdout
    document = json.loads(run(*arguments, "--json").stdout)
    assert document["timezone"] == "Asia/Tokyo"
    assert document["priceVersion"].startswith("genai-prices")
    assert rows.asked[0].dimensions == dimensions


def test_the_order_can_be_turned(rows: Rows, run: Run) -> None:
    def days(*options: str) -> list[str]:
        return [d["date"] for d in json.loads(run("daily", "--json", *options).stdout)["daily"]]

    assert days() == days("--order", "asc") == ["2026-11-20", "2026-11-21"]
    assert days("--order", "desc") == ["2026-11-21", "2026-11-20"]
    rows.rows = [row(session="cheap", cost="1"), row(session="dear", cost="2")]
    sessions = json.loads(run("session", "--json").stdout)["session"]
    assert [s["period"] for s in sessions] == ["dear", "cheap"]


def test_unpriced_calls_are_named_below_the_table(rows: Rows, run: Run) -> None:
    shown = run("daily").stdout
    assert f"1 call has no known price: {SONNET} (1)" in shown
    assert "unknown" in shown and "$0.50+" in shown and "$0.00" not in shown


def test_blocks_look_back_for_where_they_begin(rows: Rows, run: Run) -> None:
    rows.rows = slots("2026-11-19 10:00", "2026-11-20 10:00")
    shown = json.loads(run("blocks", "--json", "-z", "UTC", "--since", "20261120").stdout)["blocks"]
    assert [b["id"] for b in shown] == ["2026-11-20T10:00:00.000Z"]
    assert [q.since for q in rows.asked] == [date(2026, 11, 13)]
    assert rows.asked[0].source == "claude_code"


def test_blocks_without_a_pause_before_them_are_made_from_all_there_is(
    rows: Rows, run: Run
) -> None:
    rows.rows = slots(
        *(f"2026-11-{day} {hour:02}:00" for day in range(12, 22) for hour in range(24))
    )
    run("blocks", "--since", "20261120")
    assert [q.since for q in rows.asked] == [date(2026, 11, 13), None]
    run("blocks", "--since", "00010101")
    assert rows.asked[-1].since is None


def test_only_the_active_block(rows: Rows, run: Run) -> None:
    rows.rows = slots("2026-11-20 10:00", "2026-11-21 10:00", source="codex")
    (block,) = json.loads(run("blocks", "--active", "--json", "--source", "codex").stdout)["blocks"]
    assert block["isActive"] is True
    rows.rows = []
    assert json.loads(run("blocks", "--active", "--json").stdout)["blocks"] == []
    assert "No usage found" in run("blocks", "--active").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "soon"), "'soon' is not a day"),
        (("--timezone", "Mars/Phobos"), "'Mars/Phobos' is not a time zone"),
        (("--source", "nobody"), "'nobody' is no tool that is read: known are"),
        (("--order", "up"), "Invalid value for '--order'"),
        (("yearly",), "No such command 'yearly'"),
        (("weekly", "--start-of-week", "someday"), "Invalid value for '-w'"),
    ],
)
def test_wrong_usage_ends_with_2(
    rows: Rows, run: Run, arguments: tuple[str, ...], message: str
) -> None:
    rows.rows = []
    assert message in run(*arguments, code=2).stderr


@pytest.mark.parametrize("name", ["", *usage.list_commands(click.Context(usage))])
def test_every_command_has_help_with_an_example(run: Run, name: str) -> None:
    shown = run(*([name] if name else []), "--help").stdout
    assert "Example:" in shown
    assert f"claude-tracer usage {name}".strip() in shown
