"""The stages put together: what makes the running tracer read files again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import ConfigError
from claude_code_tracer.pipeline import Pipeline, open_pipeline
from claude_code_tracer.requests import Drop, Request, Resync
from tests.faults.pipeline import make_config
from tests.transcripts import Conversation

SESSION = "aaaaaaaa-1111-4111-8111-111111111111"


def _sign_in(config: Config, token: str) -> None:
    values = {"url": "http://127.0.0.1:9", "publishable_key": "key", "device_token": token}
    config.home.credentials.write_text(json.dumps(values), "utf-8")


def _wish(config: Config, name: str, wish: Request) -> None:
    (config.home.requests / f"{name}.json").write_bytes(msgspec.json.encode(wish))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = make_config(tmp_path)
    _sign_in(config, "one")
    Conversation(tmp_path, SESSION).prompt("Hello")
    return config


@pytest.fixture
def pipeline(config: Config) -> Iterator[Pipeline]:
    with open_pipeline(config, FakeClock()) as pipeline:
        assert pipeline.collector.run_once().records > 0
        yield pipeline


def _reads(pipeline: Pipeline) -> bool:
    return pipeline.collector.run_once().records > 0


def test_nothing_is_read_again_unasked(pipeline: Pipeline) -> None:
    assert not pipeline.obey()
    assert not pipeline.follow()
    assert not _reads(pipeline)


def test_a_request_makes_the_collector_read_again_once(config: Config, pipeline: Pipeline) -> None:
    _wish(config, "1", Resync("all"))
    assert pipeline.obey()
    assert _reads(pipeline)
    assert not pipeline.obey()
    assert not _reads(pipeline)


def test_a_request_that_cannot_be_done_yet_does_not_undo_the_one_before(
    config: Config, pipeline: Pipeline
) -> None:
    """The collector would go on from cursors that are not in the outbox any more."""
    _wish(config, "1", Resync("all"))
    _wish(config, "2", Drop(None))

    (config.home.requests / "2.answer").mkdir()  # it cannot be answered
    with pytest.raises(ConfigError, match="make it writable"):
        pipeline.obey()
    assert _reads(pipeline)


def test_another_token_means_a_server_without_memory(config: Config, pipeline: Pipeline) -> None:
    _sign_in(config, "two")
    assert pipeline.follow()
    assert _reads(pipeline)
    assert not pipeline.follow()
    assert not _reads(pipeline)


@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_credentials_that_cannot_be_read_are_no_reason_to_read_again(
    config: Config, pipeline: Pipeline, content: bytes | None
) -> None:
    config.home.credentials.unlink()
    if content is not None:
        config.home.credentials.write_bytes(content)
    assert not pipeline.follow()
    assert not _reads(pipeline)
