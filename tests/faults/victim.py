"""A tracer to be killed: collects a folder and ships to a file, then ends (see test_f01_killed)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from claude_code_tracer.clock import SystemClock
from claude_code_tracer.collector import Collector
from claude_code_tracer.config import load_config
from claude_code_tracer.outbox import Outbox
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.shipper import Shipper
from tests.faults.pipeline import LineSource, StubGuard, same_price, with_settings


class FileServer:
    """Appends every batch to a file, in one write, before it answers."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, body: bytes) -> Answer:
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, body + b"\n")
        os.close(fd)
        lists = [rows for rows in json.loads(body)["batch"].values() if isinstance(rows, list)]
        return Answer(200, accepted=sum(map(len, lists)))

    def refresh(self) -> bool:
        return False


def main() -> None:
    config = with_settings(load_config(), batch_rows=100)
    clock, server = SystemClock(), FileServer(Path(sys.argv[1]))
    with Outbox.open(config, clock) as outbox:
        collector = Collector(config, [LineSource()], StubGuard(), same_price, outbox, clock)
        collector.run_once()
        shipper = Shipper(config, outbox, server, clock, 1)
        while shipper.run_once().more:
            pass


if __name__ == "__main__":
    main()
