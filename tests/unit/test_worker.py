"""A stage that fails says why and goes on; one that dies again and again gives up (F09)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import HaltStage, RetryLater
from claude_code_tracer.worker import Worker


def run_steps(*steps: Callable[[], float]) -> tuple[Worker, list[str], bool]:
    """Run the steps in order and then stop; return the worker, its states, and if it gave up."""
    states: list[str] = []
    done, gave_up = threading.Event(), threading.Event()
    todo = list(steps)

    def step() -> float:
        if not done.is_set():
            states.append(worker.health.state)
        if not todo:
            done.set()
            return 3600.0
        return todo.pop(0)()

    def on_gave_up() -> None:
        gave_up.set()
        done.set()

    worker = Worker("test", step, FakeClock(), on_gave_up)
    worker.start()
    assert done.wait(10)
    assert worker.stop(10)
    return worker, states, gave_up.is_set()


def fail(error: Exception) -> Callable[[], float]:
    def step() -> float:
        raise error

    return step


def test_halted_stage_says_why_and_recovers_by_itself() -> None:
    worker, states, gave_up = run_steps(fail(HaltStage("do this")), lambda: 0.0)
    assert states == ["running", "halted", "running"]
    assert not gave_up
    assert worker.health.state == "running"


def test_waiting_stage_keeps_the_reason_of_the_delay() -> None:
    _, states, _ = run_steps(fail(RetryLater("no answer", after_s=7)), lambda: 0.0)
    assert states == ["running", "waiting", "running"]


def test_f09_dying_step_is_repeated() -> None:
    worker, states, gave_up = run_steps(fail(ValueError("x")), lambda: 0.0)
    assert states == ["running", "restarting", "running"]
    assert not gave_up
    assert worker.health.detail is None


def test_a_crash_is_written_down_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("claude_code_tracer")
    logger.addHandler(caplog.handler)
    try:
        run_steps(fail(ValueError("words of a transcript")), lambda: 0.0)
    finally:
        logger.removeHandler(caplog.handler)
    assert "event=crashed error=ValueError" in caplog.text
    assert "test_worker.py" in caplog.text
    assert "transcript" not in caplog.text


def test_f09_five_deaths_in_a_minute_give_up() -> None:
    worker, _, gave_up = run_steps(*[fail(ValueError("secret text"))] * 6)
    assert gave_up
    assert worker.health.state == "restarting"
    assert "secret" not in (worker.health.detail or "")
