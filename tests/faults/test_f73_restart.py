"""F73: PostgreSQL is stopped at once, and started again, while batches are being stored."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from claude_code_tracer.config import Config
from claude_code_tracer.local.migrate import migrate
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.model import Block, Entity, Message, Session
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.ship.client import IngestClient
from claude_code_tracer.shipper import Shipper
from tests.conftest import Database
from tests.contract import harness
from tests.faults.pipeline import message, running
from tests.faults.real_server import RealServer, put
from tests.faults.sending import ship_patiently

_MESSAGES = 1500
_STOPS = 6


@pytest.fixture
def server_of_its_own(tracer_config: Config, tmp_path: Path) -> Iterator[RealServer]:
    postgres = Postgres(tracer_config)
    postgres.start()
    try:
        migrate(postgres.conninfo)
        database = Database(postgres, tracer_config.home.postgres_log)
        with harness.gateway(postgres.conninfo, tmp_path / "gateway") as gateway:
            yield RealServer.with_new_person(gateway, database)
    finally:
        postgres.stop()


class _Saboteur:
    """Sends, and at some requests has PostgreSQL stopped a few milliseconds later."""

    def __init__(self, client: IngestClient, postgres: Postgres) -> None:
        self._client = client
        self._postgres = postgres
        self._chance = Random(3)
        self.stops = 0

    def send(self, body: bytes) -> Answer:
        if self.stops == _STOPS or self._chance.random() < 0.5:
            return self._client.send(body)
        self.stops += 1
        assert self._postgres.pid
        strike = threading.Timer(
            self._chance.uniform(0, 0.03), os.kill, (self._postgres.pid, signal.SIGQUIT)
        )
        strike.start()
        try:
            return self._client.send(body)
        finally:
            strike.join()

    def refresh(self) -> bool:
        return self._client.refresh()


def _rows() -> list[Entity]:
    rows: list[Entity] = []
    for number in range(_MESSAGES):
        said = message("a", {"id": f"{number:04}"}, number)
        rows += [said, Block(**_block_of(said))]
    return [*rows, Session(source="lines", session="a", revision=_MESSAGES, title="T")]


def _block_of(said: Message) -> dict[str, Any]:
    known = {"source": said.source, "session": said.session, "revision": said.revision}
    return {**known, "id": said.id, "message": said.id, "position": 1, "kind": "text", "text": "."}


def _bring_up(postgres: Postgres) -> None:
    """Start what was stopped, as the tracer's watch does."""
    if not postgres.is_alive():
        postgres.start()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_f73_database_stopped_at_once_under_load_gets_every_row_once(
    server_of_its_own: RealServer, tmp_path: Path
) -> None:
    server = server_of_its_own
    postgres = server.database.postgres
    with (
        running(tmp_path, batch_rows=100) as pipeline,
        IngestClient(lambda: server.credentials, pipeline.clock) as client,
    ):
        saboteur = _Saboteur(client, postgres)
        pipeline.shipper = Shipper(
            pipeline.config, pipeline.outbox, saboteur, pipeline.clock, 1, Random(1)
        )
        put(pipeline, *_rows())
        waits = ship_patiently(pipeline, patience=200, meanwhile=lambda: _bring_up(postgres))
        assert saboteur.stops == _STOPS and waits
        assert pipeline.outbox.stats().parked_rows == 0
    _bring_up(postgres)
    assert server.texts() == [f"{number:04}" for number in range(_MESSAGES)]
    assert server.mine("select count(*) from public.blocks where owner_id = %s") == [(_MESSAGES,)]
    sums = "select message_count, prompt_count from public.sessions where owner_id = %s"
    assert server.mine(sums) == [(_MESSAGES, _MESSAGES)]
