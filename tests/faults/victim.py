"""A tracer to be killed: collects a folder and ships to a file, then ends (see test_f01_killed).

As a program it reads lines of JSON, each an environment and the server's file, has a child of its
own do that, and prints how the child ended. So Python starts once for many victims.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
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


def collect_and_ship(env: Mapping[str, str], server_file: Path) -> None:
    """Do everything there is to do, unless `env` says where to die."""
    config = with_settings(load_config(env), batch_rows=100)
    clock, server = SystemClock(), FileServer(server_file)
    with Outbox.open(config, clock) as outbox:
        collector = Collector(config, [LineSource()], StubGuard(), same_price, outbox, clock)
        collector.run_once()
        shipper = Shipper(config, outbox, server, clock, 1)
        while shipper.run_once().more:
            pass


def main() -> None:
    """Have one child after the other do what the lines of stdin say."""
    for request in sys.stdin:
        env, server_file = json.loads(request)
        pid = os.fork()
        if pid == 0:
            try:
                collect_and_ship(env, Path(server_file))
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
