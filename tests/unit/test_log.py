"""The log: small, private, and not full of one line."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.log import event, setup_logging


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "claude-tracer.log"
    umask = os.umask(0o022)
    setup_logging(path, max_bytes=2000, files=5, verbose=True)
    yield path
    os.umask(umask)
    logger = logging.getLogger("claude_code_tracer")
    for handler in logger.handlers:
        handler.close()
    logger.handlers.clear()
    logger.propagate = True


def test_five_files_at_most_each_private_and_small(log: Path) -> None:
    for number in range(500):
        event("test", "happened", number=number)
    files = sorted(log.parent.iterdir())
    assert [file.name for file in files] == [log.name, *(f"{log.name}.{n}" for n in range(1, 5))]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert all(file.stat().st_size <= 2000 for file in files)
    assert "number=499" in log.read_text()


def test_lines_are_pairs_and_hold_no_control_characters(log: Path) -> None:
    event("test", "odd", thing="a b", other="x\ny\x1b[2J", empty="")
    line = log.read_text().rstrip("\n")
    assert line.endswith('stage=test event=odd thing="a b" other=x\\x0ay\\x1b[2J empty=""')


def _at(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    made = logging.LogRecord.__init__

    def init(self: logging.LogRecord, *args: object, **kwargs: object) -> None:
        made(self, *args, **kwargs)  # type: ignore[arg-type]
        self.created = seconds

    monkeypatch.setattr(logging.LogRecord, "__init__", init)


def test_the_same_trouble_is_written_once_a_minute(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in range(100):
        with monkeypatch.context() as patch:
            _at(1000.0 + seconds, patch)
            event("shipper", "state", state="waiting", detail=f"no answer {seconds}")
            event("shipper", "state", state="running")
            event("collector", "state", state="waiting", detail="")
    lines = log.read_text().splitlines()
    waiting = [line for line in lines if "stage=shipper event=state state=waiting" in line]
    assert [line.partition("detail=")[2] for line in waiting] == [
        '"no answer 0"',
        '"no answer 60" repeated=59',
    ]
    assert sum("state=running" in line for line in lines) == 2
    assert sum("stage=collector" in line for line in lines) == 2


def test_a_clock_that_is_set_back_silences_nothing(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in (10_000, 1000, 1001):
        with monkeypatch.context() as patch:
            _at(seconds, patch)
            event("shipper", "state", state="waiting")
    assert len(log.read_text().splitlines()) == 2


def test_what_is_asked_for_in_detail_is_written_every_time(log: Path) -> None:
    for _ in range(3):
        event("test", "looked", level=logging.DEBUG, file="a")
    assert len(log.read_text().splitlines()) == 3
