"""Every source reads its small history exactly as `expected.json`, checked by hand, says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import Source
from tests.golden.homes import HOMES, build_home, files_of, in_one_go, summary


def test_every_source_has_a_history() -> None:
    assert {path.name for path in HOMES.iterdir()} >= {source.name for source in SOURCES}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_history_is_read_as_expected(source: Source, tmp_path: Path) -> None:
    home = build_home(source.name, tmp_path / "home")
    parsed = [in_one_go(source, file) for file in files_of(source, home)]
    entities = [entity for found, _ in parsed for entity in found]
    found = summary(entities, sum(len(bad) for _, bad in parsed))
    expected = json.loads((HOMES / source.name / "expected.json").read_text("utf-8"))
    assert _shaped(found, str(home)) == _filled(expected)


def _shaped(found: dict[str, Any], home: str) -> Any:
    """Return `found` with the home folder's name left out."""
    return json.loads(json.dumps(found).replace(json.dumps(home)[1:-1], "~"))


def _filled(expected: dict[str, Any]) -> dict[str, Any]:
    return {"bad": 0, "prompts": [], "messages": {}, "tools": {}, "calls": {}, **expected}
