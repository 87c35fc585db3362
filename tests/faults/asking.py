"""Have a pipeline of a test do what a command would ask for."""

from __future__ import annotations

from claude_code_tracer.again import Again
from claude_code_tracer.clock import FakeClock
from claude_code_tracer.requests import Done, Request
from tests.faults.pipeline import Pipeline

__all__ = ["asked", "later", "obey_all"]


def obey_all(pipeline: Pipeline) -> None:
    """Do all that waits in the folder of requests, as the collecting thread does."""
    again = Again(pipeline.config, pipeline.clock, pipeline.outbox, [pipeline.source])
    again.obey()
    pipeline.collector.read_again(again.files)


def asked(pipeline: Pipeline, request: Request) -> Done:
    """Do one thing and let the collector know."""
    again = Again(pipeline.config, pipeline.clock, pipeline.outbox, [pipeline.source])
    done = again.do(request)
    pipeline.collector.read_again(again.files)
    return done


def later(pipeline: Pipeline, seconds: float) -> None:
    """Let time pass."""
    assert isinstance(pipeline.clock, FakeClock)
    pipeline.clock.advance_s(seconds)
