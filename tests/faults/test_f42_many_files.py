"""F42: of very many transcripts, a pass opens those that changed, and one at a time.

FAULT_FILES says how many there are; `make faults` takes 50,000. How long it takes is measured by
`make bench`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.pipeline import Pipeline, line, running

FILES = int(os.environ.get("FAULT_FILES", "5000"))
CHANGED = FILES // 100
IN_A_FOLDER = 500
LONG_AGO = (1_700_000_000, 1_700_000_000)


class Opened:
    """Which transcripts are opened, and how many descriptors there are at most meanwhile."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.descriptors = _descriptors()
        self.before = self.descriptors

    def note(self, path: object) -> None:
        if str(path).endswith(".jsonl"):
            self.paths.append(str(path))
            self.descriptors = max(self.descriptors, _descriptors())


def _descriptors() -> int:
    return len(os.listdir("/dev/fd"))


@contextmanager
def _watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    opened, really_open = Opened(), os.open

    def note_and_open(path: str, flags: int, *more: int, **named: int | None) -> int:
        fd = really_open(path, flags, *more, **named)  # type: ignore[arg-type]
        opened.note(path)
        return fd

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", note_and_open)
        yield opened


def _written(pipeline: Pipeline) -> list[Path]:
    paths = []
    for number in range(FILES):
        folder = pipeline.folder / f"p{number // IN_A_FOLDER}"
        if number % IN_A_FOLDER == 0:
            folder.mkdir()
        paths.append(folder / f"{number}.jsonl")
        paths[-1].write_bytes(line(number))
        os.utime(paths[-1], LONG_AGO)
    return paths


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_f42_only_the_files_that_changed_are_opened_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as pipeline:
        paths = _written(pipeline)
        with _watched(monkeypatch) as opened:
            assert pipeline.collect().files == FILES
        assert sorted(opened.paths) == sorted(map(str, paths))
        assert opened.descriptors - opened.before <= 2  # the file; perhaps SQLite's log
        changed = paths[:: FILES // CHANGED]
        for path in changed:
            with path.open("ab") as file:
                file.write(line(f"new {path.stem}"))
        with _watched(monkeypatch) as opened:
            assert pipeline.collect().files == CHANGED
        assert sorted(opened.paths) == sorted(map(str, changed))
        assert opened.descriptors - opened.before <= 2
        assert opened.descriptors <= 64
        with _watched(monkeypatch) as opened:
            assert pipeline.collect().bytes == 0
        assert set(opened.paths) <= set(map(str, changed))  # F31: those are looked at once more
        assert pipeline.outbox.queue().rows == 2 * (FILES + CHANGED)
