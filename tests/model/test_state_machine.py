"""The whole path from files to server under random events; `checks` says what must hold.

MODEL_EXAMPLES says how many cases are tried (500 in `make test`, 20,000 in `make soak`). Without it
they are always the same ones.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.dialects import ClaudeDialect, Dialect, LinesDialect
from tests.model.machine import TracerMachine

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "500"))
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    database=None,
    derandomize="MODEL_EXAMPLES" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + EXAMPLES)]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of expected warnings help nobody to read a failure."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class LinesMachine(TracerMachine):
    """Simple records that may move between files."""

    make_dialect: Callable[[int], Dialect] = LinesDialect


class ClaudeMachine(TracerMachine):
    """Claude Code's own records and parser."""

    make_dialect: Callable[[int], Dialect] = ClaudeDialect


def test_every_record_arrives_once() -> None:
    run_state_machine_as_test(LinesMachine, settings=SETTINGS)


def test_every_turn_of_claude_code_arrives_once() -> None:
    run_state_machine_as_test(
        ClaudeMachine, settings=settings(SETTINGS, max_examples=EXAMPLES // 2)
    )
