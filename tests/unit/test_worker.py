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


def watched(pulse: Callable[[], object]) -> tuple[Worker, FakeClock, threading.Event]:
    """Return a worker whose first step hangs until the event is set."""
    clock = FakeClock()
    has_begun, may_end = threading.Event(), threading.Event()

    def step() -> float:
        has_begun.set()
        assert may_end.wait(10)
        return 3600.0

    worker = Worker("test", step, clock, lambda: None, pulse)
    worker.start()
    assert has_begun.wait(10)
    assert worker.watch()
    return worker, clock, may_end


def test_a_step_that_hangs_is_stuck_says_so_and_is_hopeless_later() -> None:
    worker, clock, may_end = watched(lambda: None)
    clock.advance_s(299)
    assert worker.watch() and worker.health.state == "running"
    clock.advance_s(1)
    stuck_at = clock.now()
    assert worker.watch() and worker.health.state == "stuck"
    clock.advance_s(599)
    assert worker.watch()
    assert worker.health.since == stuck_at
    assert "claude-tracer restart" in (worker.health.detail or "")
    clock.advance_s(1)
    assert not worker.watch()
    may_end.set()
    assert worker.stop(10)


def test_a_long_step_that_gets_on_is_not_stuck() -> None:
    beats = iter(range(100))
    worker, clock, may_end = watched(lambda: next(beats))
    for _ in range(10):
        clock.advance_s(200)
        assert worker.watch() and worker.health.state == "running"
    may_end.set()
    assert worker.stop(10)


def test_a_step_that_gets_on_again_is_not_stuck_any_more() -> None:
    beats = [0]
    worker, clock, may_end = watched(lambda: beats[0])
    clock.advance_s(300)
    assert worker.watch() and worker.health.state == "stuck"
    beats[0] += 1
    assert worker.watch() and worker.health.state == "running"
    assert worker.last_error and "no progress" in worker.last_error.text
    may_end.set()
    assert worker.stop(10)


def test_a_stage_that_rests_is_not_stuck() -> None:
    worker, _, _ = run_steps(lambda: 3600.0)
    clock = worker._clock
    assert isinstance(clock, FakeClock)
    assert worker.watch()
    clock.advance_s(10_000)
    assert worker.watch() and worker.health.state == "running"


def test_where_a_stage_hangs_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("claude_code_tracer")
    logger.addHandler(caplog.handler)
    try:
        worker, clock, may_end = watched(lambda: None)
        clock.advance_s(300)
        worker.watch()
    finally:
        logger.removeHandler(caplog.handler)
    may_end.set()
    assert worker.stop(10)
    assert "stage=test event=stuck" in caplog.text
    assert "test_worker.py" in caplog.text


def test_the_last_error_stays_and_since_is_when_the_trouble_began() -> None:
    worker, _, _ = run_steps(
        fail(HaltStage("first")), fail(HaltStage("second")), lambda: 0.0, lambda: 0.0
    )
    error = worker.last_error
    assert error and (error.stage, error.text) == ("test", "second")
    assert worker.health.state == "running" and worker.health.detail is None


def test_a_failure_after_the_stop_is_nobodys_trouble(caplog: pytest.LogCaptureFixture) -> None:
    stopped = threading.Event()

    def step() -> float:
        assert stopped.wait(10)
        raise ValueError("closed beneath it")

    worker = Worker("test", step, FakeClock(), lambda: None)
    worker.start()
    assert not worker.stop(0.01)
    stopped.set()
    assert worker.stop(10)
    assert worker.health.state == "running" and worker.last_error is None
