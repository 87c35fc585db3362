"""The exit codes that docs/running.md and errors.py name are those of the errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from claude_code_tracer import errors
from claude_code_tracer.cli.service import status as service_status
from claude_code_tracer.config import data_file
from claude_code_tracer.errors import TracerError

ROOT = Path(__file__).parents[2]
DOCUMENTED = {"0", "1", "2", "75", "77", "78", "130"}


def leaves(kind: type[TracerError] = TracerError) -> Iterator[type[TracerError]]:
    """Return the errors that errors.py defines to be raised: those without a child there."""
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from list(leaves(child)) or [child]


def documented() -> dict[str, set[str]]:
    text = (ROOT / "docs" / "running.md").read_text("utf-8").partition("## Exit codes")[2]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    return {row[0].strip(): set(re.findall(r"`(\w+)`", row[2])) for row in rows}


def test_every_error_is_documented_with_its_code() -> None:
    expected: dict[str, set[str]] = {code: set() for code in DOCUMENTED}
    for error in leaves():
        expected[str(error.exit_code)].add(error.__name__)
    assert documented() == expected


def test_the_errors_module_says_the_same() -> None:
    said = dict(re.findall(r"── (\w+) +exit (\d+)", errors.__doc__ or ""))
    assert said == {error.__name__: str(error.exit_code) for error in leaves(errors.HaltStage)}


def test_the_readme_names_the_same_codes() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    sentence = re.search(r"Exit codes:(.*?\.)\n", readme, re.DOTALL)
    assert sentence and set(re.findall(r"\d+", sentence[1])) == DOCUMENTED - {"130"}


def test_the_service_is_not_started_again_after_codes_that_need_a_person() -> None:
    unit = data_file("config", "claude-tracer.service").read_text("utf-8")
    halting = {str(error.exit_code) for error in leaves()} - {"1"} | {"2"}
    told = re.search(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
    assert told and set(told[1].split()) == halting
    assert "Ends with 0 when it runs" in str(service_status.help)
