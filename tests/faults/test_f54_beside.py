"""F54: commands read the outbox and ask for things while the tracer works; nothing is damaged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from claude_code_tracer.clock import SystemClock
from claude_code_tracer.errors import RetryLater, TracerError
from claude_code_tracer.lock import InstanceLock
from claude_code_tracer.requests import Drop, Request, Resync, Retry, ask
from tests.faults.asking import obey_all
from tests.faults.pipeline import MemoryServer, Pipeline, line, make_config, with_settings

SECONDS = float(os.environ.get("SOAK_F54_S", "3"))
"""`make soak` takes longer."""
FILES = 8
READER = """
import sys
from pathlib import Path
from claude_code_tracer.outbox import OutboxReader
path = Path(sys.argv[1])
print("ready", flush=True)
looks = 0
while not Path(sys.argv[2]).exists():
    with OutboxReader.open_readonly(path) as outbox:
        for _ in range(5):
            outbox.stats(), outbox.files(), outbox.set_aside(50), outbox.stores()
            looks += 1
print(looks)
"""
WISHES: tuple[Request, ...] = (
    Resync("all"),
    Retry(None),
    Resync("f3"),
    Drop(None),
    Resync("lines"),
    Retry([1, 2, 3]),
)


@contextmanager
def reading(outbox: Path, end: Path, count: int = 2) -> Iterator[list[int]]:
    """Have other processes read the outbox as fast as they can; say how often each did."""
    looks: list[int] = []
    command = [sys.executable, "-c", READER, str(outbox), str(end)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for reader in readers:
            assert reader.stdout and reader.stdout.readline() == "ready\n"
        yield looks
    finally:
        end.touch()
        for reader in readers:
            out, _ = reader.communicate(timeout=30)
            assert reader.returncode == 0
            looks.append(int(out))


class Tracer:
    """Collects and ships in two threads, as the daemon does, with the errors they died of."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._done = threading.Event()
        self.errors: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._repeat, args=(step,))
            for step in (self._collect, pipeline.shipper.run_once)
        ]

    def __enter__(self) -> Tracer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _collect(self) -> None:
        obey_all(self._pipeline)
        self._pipeline.collect()

    def _repeat(self, step: object) -> None:
        assert callable(step)
        while not self._done.wait(0.002):
            try:
                step()
            except (TracerError, sqlite3.Error) as exc:
                self.errors.append(exc)
                return


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 120)
def test_f54_readers_and_requests_beside_a_working_tracer_damage_nothing(tmp_path: Path) -> None:
    config = with_settings(make_config(tmp_path), batch_rows=50)
    pipeline = Pipeline(config, SystemClock(), MemoryServer(refused={"f1-3", "f2-5"}))
    home, written, obeyed = config.home, 0, 0
    end_s = time.monotonic() + SECONDS
    with InstanceLock(home.daemon_lock), reading(home.outbox, tmp_path / "end") as looks:
        with Tracer(pipeline) as tracer:
            while time.monotonic() < end_s and not tracer.errors:
                for number in range(FILES):
                    with (pipeline.folder / f"f{number}.jsonl").open("ab") as file:
                        file.write(line(f"f{number}-{written}") + b"damaged\n")
                written += 1
                try:
                    ask(home, SystemClock(), WISHES[obeyed % len(WISHES)], _nobody)
                except RetryLater:
                    break  # the collecting thread is dead: the next line says of what
                obeyed += 1
        assert tracer.errors == []
    assert min(looks) > 5 and obeyed > len(WISHES)
    everything = {f"f{number}-{n}" for number in range(FILES) for n in range(written)}
    assert set(pipeline.drain()) == everything - pipeline.server.refused
    pipeline.outbox.close()
    with sqlite3.connect(home.outbox) as db:
        assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert db.execute("select count(*) from record").fetchone() == (0,)
        kinds = dict(db.execute("select reason, count(*) from parked group by 1"))
        assert all(count <= FILES * written for count in kinds.values()), "nothing is there twice"
    db.close()


def _nobody() -> None:
    raise AssertionError("the tracer runs: it obeys")
