"""Run the real ccusage and the real agentsview over a home folder and take their totals."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from claude_code_tracer.model import ModelCall
from claude_code_tracer.pricing import price
from claude_code_tracer.sources.source import Source
from tests.golden.homes import files_of, in_one_go, merged

__all__ = ["Cell", "Totals", "agentsview", "ccusage", "ours"]

_CCUSAGE = Path(__file__).parent / "node_modules" / ".bin" / "ccusage"


@dataclass
class Cell:
    """What one model used on one (UTC) day."""

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0
    cost: Decimal = field(default_factory=Decimal)
    tells_cost: bool = True
    searches: int = 0
    """Web searches, whose fee is in the cost."""

    @property
    def tokens(self) -> tuple[int, int, int, int]:
        """Return the four counts."""
        return self.input, self.output, self.cache_write, self.cache_read

    def add(self, input: int, output: int, cache_write: int, cache_read: int) -> None:
        """Add one call's counts."""
        self.input += input
        self.output += output
        self.cache_write += cache_write
        self.cache_read += cache_read


Totals = dict[tuple[str, str], Cell]
"""By day and model."""


def ours(source: Source, home: Path) -> Totals:
    """Return what this project counts in all files of a source."""
    entities = [entity for file in files_of(source, home) for entity in in_one_go(source, file)[0]]
    calls = [entity for entity in entities if isinstance(entity, ModelCall)]
    totals: Totals = defaultdict(Cell)
    for call in merged(calls):
        assert isinstance(call, ModelCall)
        priced = price(call)
        day = call.at.date().isoformat() if call.at else ""
        cell = totals[day, call.model or "unknown"]
        write = (call.cache_write_5m_tokens or 0) + (call.cache_write_1h_tokens or 0)
        read = call.cache_read_tokens or 0
        cell.add(call.input_tokens or 0, call.output_tokens or 0, write, read)
        cell.cost += priced.cost_usd or Decimal()
        cell.searches += call.web_searches or 0
    return dict(totals)


def ccusage(agent: str, home: Path, *arguments: str) -> Totals:
    """Return what `ccusage <agent> daily` counts below `home`."""
    command = [str(_CCUSAGE), agent, "daily", "--json", "--offline", "--timezone", "UTC"]
    answer = _run([*command, "--breakdown", *arguments], home)
    return {
        (day.get("date") or day["period"], name.removeprefix(f"[{agent}] ")): Cell(
            row["inputTokens"],
            row["outputTokens"],
            row.get("cacheCreationTokens", 0),
            row.get("cacheReadTokens", 0),
            Decimal(str(row.get("cost", 0))),
            "cost" in row,
        )
        for day in answer["daily"]
        for name, row in _models(day)
    }


def _models(day: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the models of a day, in either of the two forms that ccusage uses."""
    if "models" in day:
        return list(day["models"].items())
    return [(row["modelName"], row) for row in day["modelBreakdowns"]]


def agentsview(home: Path, data: Path) -> Totals:
    """Return what agentsview counts below `home`; `data` is a folder for its database."""
    spec = find_spec("agentsview")
    assert spec and spec.origin, "agentsview comes with the test tools: run make test"
    program = str(Path(spec.origin).parent / "bin" / "agentsview")
    with _agentsview_daemon(program, home, data):
        asked = ["usage", "daily", "--json", "--offline", "--all", "--breakdown", "--no-sync"]
        answer = _run([program, *asked, "--timezone", "UTC"], home, data)
    return {
        (day["date"], row["modelName"]): Cell(
            row["inputTokens"],
            row["outputTokens"],
            row["cacheCreationTokens"],
            row["cacheReadTokens"],
            Decimal(row["cost"]["microdollars"]) / 1_000_000,
        )
        for day in answer["daily"]
        for row in day["modelBreakdowns"]
    }


@contextmanager
def _agentsview_daemon(program: str, home: Path, data: Path) -> Iterator[None]:
    """Sync, which starts its daemon, and stop that afterwards."""
    data.mkdir(parents=True, exist_ok=True)
    _run([program, "sync"], home, data, as_json=False)
    try:
        yield
    finally:
        _run([program, "daemon", "stop"], home, data, as_json=False)


def _run(
    command: list[str], home: Path, data: Path | None = None, *, as_json: bool = True
) -> dict[str, Any]:
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
    if data:
        env |= {"AGENTSVIEW_DATA_DIR": str(data), "AGENTSVIEW_TELEMETRY_ENABLED": "0"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout) if as_json else {}
    return result
