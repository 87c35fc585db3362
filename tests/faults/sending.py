"""A pipeline that sends with the real client: over a socket, or to a server that is a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import httpx

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import RetryLater
from claude_code_tracer.ship.client import IngestClient
from claude_code_tracer.ship.credentials import Credentials
from claude_code_tracer.shipper import Shipper
from tests.faults.pipeline import MemoryServer, Pipeline, StubGuard, line

__all__ = ["CREDENTIALS", "MockServer", "NoLuck", "over", "ship_patiently", "write"]

CREDENTIALS = Credentials("https://tracer.example", "pk", "ctd_secret")

Step = httpx.Response | type[httpx.TransportError] | None
"""What happens to one request; None is an answer as `api.ingest` gives it."""


@dataclass
class MockServer:
    """Answers as `script` says, then as `api.ingest` would; `memory` is what it stored."""

    memory: MemoryServer = field(default_factory=MemoryServer)
    script: list[Step] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    """The device token of every request."""
    accepts: str = CREDENTIALS.device_token
    commits_first: bool = False
    """The rows of a request that fails are stored all the same."""

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.tokens.append(request.headers["x-device-token"])
        step = self.script.pop(0) if self.script else None
        if step is not None and self.commits_first:
            self.memory.send(request.content)
        if isinstance(step, httpx.Response):
            return step
        if step is not None:
            raise step("on purpose", request=request)
        if self.tokens[-1] != self.accepts:
            return httpx.Response(401, json={"code": "PT401", "message": "not signed in"})
        answer = self.memory.send(request.content)
        return httpx.Response(answer.status, json={"accepted": answer.accepted, "refused": []})


class NoLuck(Random):
    """Every pause is as long as it may be."""

    def uniform(self, a: float, b: float) -> float:
        return b


@contextmanager
def over(
    pipeline: Pipeline,
    credentials: Credentials | Callable[[], Credentials] = CREDENTIALS,
    transport: httpx.BaseTransport | None = None,
    jitter: Random | None = None,
) -> Iterator[IngestClient]:
    """Let the pipeline's shipper send with the real client, as whoever `credentials` says."""
    load = credentials if callable(credentials) else lambda: credentials
    with IngestClient(load, pipeline.clock, transport) as client:
        pipeline.shipper = Shipper(
            pipeline.config,
            pipeline.outbox,
            client,
            pipeline.clock,
            StubGuard.version,
            jitter or Random(1),
        )
        yield client


def write(pipeline: Pipeline, *names: str, session: str = "a") -> None:
    """Append a message for every name to a session's transcript, and collect."""
    with (pipeline.folder / f"{session}.jsonl").open("ab") as file:
        file.write(b"".join(map(line, names)))
    pipeline.collect()


def ship_patiently(
    pipeline: Pipeline, *, patience: int = 50, meanwhile: Callable[[], None] = lambda: None
) -> list[float]:
    """Ship everything, waiting when told to; return how long each of the waits was."""
    assert isinstance(pipeline.clock, FakeClock)
    waits: list[float] = []
    while True:
        try:
            if not pipeline.shipper.run_once().more:
                return waits
        except RetryLater as exc:
            assert exc.after_s and len(waits) < patience, exc
            assert "secret" not in str(exc)
            waits.append(exc.after_s)
            pipeline.clock.advance_s(exc.after_s)
            meanwhile()
