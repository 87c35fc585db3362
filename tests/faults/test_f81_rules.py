"""F81: the privacy rules change while records wait. What is read from then on obeys the new ones.

Rows that wait already stay masked as they were read; `resync` reads them again.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import msgspec
import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.collector import Collector
from claude_code_tracer.errors import ConfigError
from claude_code_tracer.model import Entity, Message
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.shipper import Shipper
from tests.faults.pipeline import Pipeline, StubGuard, running, same_price
from tests.faults.sending import write


class _StricterGuard(StubGuard):
    """Version 2 also masks a second secret."""

    version = 2

    def mask_entity(self, entity: Entity) -> Entity:
        entity = super().mask_entity(entity)
        if isinstance(entity, Message) and entity.native_id and "hunter2" in entity.native_id:
            masked = entity.native_id.replace("hunter2", "[MASKED 2]")
            return msgspec.structs.replace(entity, native_id=masked, masked={"stub2": 1})
        return entity


def _upgrade(pipeline: Pipeline) -> None:
    """Restart with the stricter rules."""
    pipeline.restart()
    guard = _StricterGuard()
    pipeline.collector = Collector(
        pipeline.config, [pipeline.source], guard, same_price, pipeline.outbox, pipeline.clock
    )
    pipeline.shipper = Shipper(
        pipeline.config, pipeline.outbox, pipeline.server, pipeline.clock, guard.version, Random(1)
    )


def test_f81_new_records_are_masked_by_the_new_rules(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        write(pipeline, "old sk-secret")
        pipeline.ship()
        _upgrade(pipeline)
        write(pipeline, "new sk-secret hunter2")
        pipeline.ship()
        assert pipeline.server.texts == ["new [MASKED] [MASKED 2]", "old [MASKED]"]


def test_f81_reading_again_replaces_what_the_old_rules_let_pass(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        write(pipeline, "sent hunter2")
        pipeline.ship()
        write(pipeline, "waits hunter2")
        pipeline.outbox.begin_anew(pipeline.outbox.files())  # what `resync` does
        _upgrade(pipeline)
        pipeline.collect()
        pipeline.ship()
        assert pipeline.server.texts == ["sent [MASKED 2]", "waits [MASKED 2]"]


def test_f81_workspace_that_demands_newer_rules_takes_nothing_older(tmp_path: Path) -> None:
    def demands_two(body: bytes) -> Answer | None:
        version = json.loads(body)["batch"]["guard_version"]
        return None if version >= 2 else Answer(422, code="PT422")

    with running(tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        pipeline.server.check = demands_two
        write(pipeline, "1")
        with pytest.raises(ConfigError, match="newer privacy guard: update claude-tracer"):
            pipeline.shipper.run_once()
        assert pipeline.outbox.stats().pending_rows == 2
        _upgrade(pipeline)
        pipeline.ship()
        assert pipeline.server.texts == ["1"]
