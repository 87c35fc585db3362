"""`prices` as typed, with sums of our own. With a real server: tests/e2e/test_prices.py."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from claude_code_tracer.cli import prices as module
from claude_code_tracer.cli.prices import prices
from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import NotFound
from claude_code_tracer.repricing import ModelSums, Recalculation

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(
        module, "SystemClock", lambda: FakeClock(datetime(2026, 11, 21, tzinfo=UTC))
    )

    def run(*arguments: str, code: int = 0) -> Result:
        env = {"CLAUDE_TRACER_HOME": str(tmp_path), "COLUMNS": "200"}
        result = CliRunner().invoke(prices, arguments, env=env)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `recalculate` was asked; it answers with `answer`."""
    asked: dict[str, Any] = {"answer": Recalculation(price_version="v2")}

    @contextlib.contextmanager
    def nobody(_env: Any) -> Iterator[None]:
        yield None

    def recalculate(_server: Any, _prices: Any, **options: Any) -> Recalculation:
        options.pop("progress")(0.5, 1000)
        asked.update(options)
        answer = asked["answer"]
        assert isinstance(answer, Recalculation)
        return answer

    monkeypatch.setattr(module, "reached", nobody)
    monkeypatch.setattr(module, "recalculate", recalculate)
    return asked


def some_sums() -> Recalculation:
    return Recalculation(
        price_version="v2",
        looked_at=1234,
        changed=3,
        confirmed=1200,
        kept=1,
        models={
            "cheap": ModelSums(
                model="cheap", calls=2, changed=1, unpriced_before=1, unpriced_after=0,
                cost_before_usd=Decimal(1), cost_after_usd=Decimal(3),
            ),
            "dear\x1b[2J": ModelSums(
                model="dear\x1b[2J", calls=5, changed=2, unpriced_before=2, unpriced_after=4,
                incomplete=3, cost_before_usd=None, cost_after_usd=Decimal("1234.5"),
            ),
            "same": ModelSums(model="same", calls=7, cost_after_usd=Decimal(5000)),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "look_at_all", "is_dry_run"),
    [((), False, False), (("--all",), True, False), (("--dry-run", "--json"), False, True)],
)
def test_the_options_are_passed_on(
    run: Run, asked: dict[str, Any], options: tuple[str, ...], look_at_all: bool, is_dry_run: bool
) -> None:
    run("recalc", *options)
    assert (asked["look_at_all"], asked["is_dry_run"]) == (look_at_all, is_dry_run)


def test_nothing_to_do_is_said(run: Run, asked: dict[str, Any]) -> None:
    said = run("recalc", "--dry-run")
    assert said.stdout.splitlines() == [
        "Every call has its price by the tables in force (v2)",
        "Nothing was written (--dry-run)",
    ]
    assert said.stderr == ""  # nobody watches: no progress


def test_what_changed_is_told_by_model_the_dearest_first(run: Run, asked: dict[str, Any]) -> None:
    asked["answer"] = some_sums()
    heading, dear, cheap, *sentences = run("recalc").stdout.splitlines()
    assert heading.split()[:3] == ["Model", "Calls", "Changed"]
    assert dear.split()[1:] == ["5", "2", "unknown", "$1,234.50+"]
    assert cheap.split() == ["cheap", "2", "1", "$1.00+", "$3.00"]
    assert "\x1b" not in dear + "".join(sentences)
    assert sentences[0].startswith("Looked at 1,234 calls: 3 cost something else now, 1,200 the s")
    assert sentences[1] == "1 call kept the price of older tables: today's have none"
    assert sentences[2].startswith("1 call without a known price: dear")
    assert sentences[3].startswith("3 calls whose tokens the tool did not write")


def test_the_json_has_every_model(run: Run, asked: dict[str, Any]) -> None:
    asked["answer"] = some_sums()
    document = json.loads(run("recalc", "--json").stdout)
    assert [m["model"] for m in document["models"]] == ["same", "dear\x1b[2J", "cheap"]
    assert (document["unpriced"], document["dry_run"]) == (4, False)
    assert document["models"][1]["cost_before_usd"] is None
    assert document["models"][2]["cost_after_usd"] == 3.0


def test_many_models_are_not_all_named(run: Run, asked: dict[str, Any]) -> None:
    models = {f"m{n}": ModelSums(model=f"m{n}", calls=n, unpriced_after=n) for n in range(1, 31)}
    asked["answer"] = Recalculation(price_version="v2", looked_at=465, models=models)
    (unpriced,) = [s for s in run("recalc").stdout.splitlines() if "without a known" in s]
    assert "m30 (30), m29 (29)" in unpriced and "m21 (21) and 20 more" in unpriced


def test_show_tells_rates_by_size_of_the_request(run: Run) -> None:
    first, heading, small, large, *rest = run("show", "claude-sonnet-4-5").stdout.splitlines()
    assert first == "claude-sonnet-4-5 on 2026-11-21, in USD per million tokens"
    assert " ".join(heading.split()) == "Whole input Input Output Cache read Write 5m Write 1h"
    assert small.split() == ["up", "to", "200,000", "3", "15", "0.3", "3.75", "6"]
    assert large.split() == ["over", "200,000", "6", "22.5", "0.6", "7.5", "12"]
    assert rest[0] == "A web search costs 0.01 USD"
    assert rest[1].startswith("Known from genai-prices ")
    assert rest[2].startswith("Price version: genai-prices ")


def test_show_tells_the_price_of_a_day(run: Run) -> None:
    shown = json.loads(run("show", "claude-opus-4-6", "--at", "2026-02-20", "--json").stdout)
    assert shown["at"] == "2026-02-20T00:00:00Z"
    assert [band["above_tokens"] for band in shown["bands"]] == [0, 200_000]
    now = json.loads(run("show", "claude-opus-4-6", "--json").stdout)
    assert now["bands"] == [
        {
            "above_tokens": 0, "input": 5.0, "output": 25.0, "cache_read": 0.5,
            "cache_write_5m": 6.25, "cache_write_1h": 10.0, "web_search": 0.01,
        }
    ]  # fmt: skip
    assert "'soon' is not a day" in run("show", "gpt-5", "--at", "soon", code=2).stderr


def test_own_and_free_prices_say_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("prices:\n  house-llm: {input: 2, output: 10}\n")
    shown = run("show", "router/House-LLM").stdout
    assert "any size" in shown and "Known from your own prices (config.yml)" in shown
    assert " + own " in shown
    assert "`:free`" in run("show", "openai/gpt-oss-120b:free").stdout


def test_a_price_that_depends_on_the_hour_says_so(run: Run) -> None:
    assert "the price at 00:00 UTC" in run("show", "deepseek-chat").stdout


@pytest.mark.parametrize("name", ["house-llm", 'say "hi": {x}', "böse\\name"])
def test_an_unknown_model_ends_with_advice_that_works(run: Run, tmp_path: Path, name: str) -> None:
    error = run("show", name, code=1).exception
    assert isinstance(error, NotFound) and error.exit_code == 1
    said, advice = str(error).split(":\n", 1)
    assert str(tmp_path / "config.yml") in said and "prices recalc" in said
    assert yaml.safe_load(advice) == {"prices": {name: {"input": 3.0, "output": 15.0}}}
    (tmp_path / "config.yml").write_text(advice)
    assert json.loads(run("show", name, "--json").stdout)["table"] == "own"
