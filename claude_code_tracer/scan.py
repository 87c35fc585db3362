"""Usage straight from the transcripts, for `usage --scan`: nothing is collected, kept or sent.

It answers the same questions as the server, by the same rules (docs/counting.md). Claude Code's
files, which are most, are read by a scan of their own, every other file by its parser; two
processes share the files where that is worth it.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import msgspec

from claude_code_tracer.config import load_config
from claude_code_tracer.errors import FileBusy, NotFound
from claude_code_tracer.merge import merge
from claude_code_tracer.model import ModelCall, Session
from claude_code_tracer.outbox import FileRow
from claude_code_tracer.portions import portions
from claude_code_tracer.pricing import Prices
from claude_code_tracer.reports.rows import Question, Row
from claude_code_tracer.reports.summing import Counted, Place, sum_calls
from claude_code_tracer.sources.claude_code.scan import UsageScan, project_of
from claude_code_tracer.sources.registry import SOURCES, source_named
from claude_code_tracer.sources.source import Line, Shape, Source, Transcript
from claude_code_tracer.tail.discover import discover
from claude_code_tracer.tail.reader import Limits
from claude_code_tracer.timezones import zone_named

__all__ = ["scanned"]

_SCANNED = "claude_code"
"""The source with a scan of its own."""
_WORTH_A_PROCESS = 48 * 1024 * 1024
_LIMITS = Limits(line_max=16 * 1024 * 1024)


class _Job(NamedTuple):
    """A file to read."""

    source: str
    root: str
    path: str
    size: int


class _Billed(msgspec.Struct):
    """What some files bill: calls, and where the sessions they are in were."""

    calls: list[Counted]
    places: dict[str, Place]


def scanned(env: Mapping[str, str], question: Question) -> list[Row]:
    """Return the rows that answer `question`, counted in the transcripts as they are now."""
    if question.workspace is not None:
        raise NotFound("transcripts know no workspaces: leave --workspace or --scan out")
    config = load_config(env)
    jobs = _jobs(config.env, config.user_home, question.source)
    has_places = question.project is not None or {"project", "session"} & {*question.dimensions}
    with _no_garbage():
        parts = _read_all(jobs, Prices(config.prices), has_places=bool(has_places))
        calls = _once(call for part in parts for call in part.calls)
        places = {name: place for part in parts for name, place in part.places.items()}
        return sum_calls(calls, places, question, zone_named(question.timezone))


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Let nobody look for garbage while there is none: that takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _jobs(env: Mapping[str, str], user_home: Path, source_name: str | None) -> list[_Job]:
    jobs = []
    for source in SOURCES:
        if source_name not in (None, source.name):
            continue
        for root in source.roots(env, user_home):

            def accept(path: str, source: Source = source, root: Path = root) -> bool:
                if source.name == _SCANNED and path.endswith(".jsonl"):
                    return True  # looked at more closely when it is read
                return source.transcript(root, Path(path)) is not None

            found = discover(str(root), accept)
            jobs += [_Job(source.name, str(root), file.path, file.size) for file in found.files]
    return jobs


def _read_all(jobs: Sequence[_Job], prices: Prices, *, has_places: bool) -> list[_Billed]:
    """Read all files, in two processes when they are many."""
    if sum(job.size for job in jobs) < _WORTH_A_PROCESS or (os.cpu_count() or 1) < 2:
        return [_read(jobs, prices, has_places)]
    mine, other = _halves(jobs)
    with ProcessPoolExecutor(1, get_context("fork" if hasattr(os, "fork") else None)) as pool:
        waiting = pool.submit(_read_encoded, other, prices, has_places)
        read = _read(mine, prices, has_places)
        return [read, msgspec.msgpack.decode(waiting.result(), type=_Billed)]


def _halves(jobs: Iterable[_Job]) -> tuple[list[_Job], list[_Job]]:
    """Return two lists of files of about the same size."""
    halves: tuple[list[_Job], list[_Job]] = ([], [])
    sizes = [0, 0]
    for job in sorted(jobs, key=lambda job: -job.size):
        smaller = sizes.index(min(sizes))
        halves[smaller].append(job)
        sizes[smaller] += job.size
    return halves


def _read_encoded(jobs: Sequence[_Job], prices: Prices, has_places: bool) -> bytes:
    return msgspec.msgpack.encode(_read(jobs, prices, has_places))


def _read(jobs: Iterable[_Job], prices: Prices, has_places: bool) -> _Billed:
    """Return what these files bill. A file that cannot be read is left out."""
    scan = UsageScan(_parsed_calls)
    calls: list[ModelCall] = []
    places: dict[str, Place] = {}
    buffer = bytearray()
    for job in jobs:
        transcript = source_named(job.source).transcript(Path(job.root), Path(job.path))
        if transcript is None:
            continue
        try:
            if job.source == _SCANNED:
                buffer, size = _read_into(buffer, job)
                scan.read(transcript, buffer, size)
                if has_places:
                    _place(places, transcript, project_of(buffer, size))
            else:
                calls += _parse(transcript, places)
        except (OSError, FileBusy):
            continue
    versions = merge(list(enumerate([*scan.parsed_calls(), *calls])))
    calls = [row.entity for row in versions if isinstance(row.entity, ModelCall)]
    found = [Counted.of(call, prices.cost(call)) for call in (*scan.calls(), *calls)]
    return _Billed(found, places)


def _read_into(buffer: bytearray, job: _Job) -> tuple[bytearray, int]:
    """Read a file into `buffer`, or a larger one: new memory for each costs as much as reading."""
    with open(job.path, "rb", buffering=0) as file:
        expected = os.fstat(file.fileno()).st_size
        if expected > len(buffer):
            buffer = bytearray(expected * 2)
        view, size = memoryview(buffer), 0
        while size < expected and (count := file.readinto(view[size:expected])):
            size += count
        return buffer, size


def _place(places: dict[str, Place], transcript: Transcript, project: str | None) -> None:
    name = f"{transcript.source}/{transcript.session}"
    known = places.get(name)
    if known is None or known.project is None:
        places[name] = Place(project, transcript.parent, None, str(transcript.path))


def _parse(transcript: Transcript, places: dict[str, Place]) -> list[ModelCall]:
    """Return the calls of a file of another source, as its parser gives them."""
    source = source_named(transcript.source)
    calls: list[ModelCall] = []
    state: bytes | None = None
    for lines in _lines(transcript):
        parsed = source.parse(transcript, lines, state)
        state = parsed.state
        for entity in parsed.entities:
            if isinstance(entity, ModelCall):
                calls.append(entity)
            elif isinstance(entity, Session):
                name = f"{entity.source}/{entity.session}"
                places[name] = Place.of(entity, places.get(name))
    return calls


def _parsed_calls(transcript: Transcript, lines: Sequence[Line]) -> list[ModelCall]:
    parsed = source_named(transcript.source).parse(transcript, lines, None)
    return [entity for entity in parsed.entities if isinstance(entity, ModelCall)]


def _lines(transcript: Transcript) -> Iterable[list[Line]]:
    if transcript.shape is Shape.LINES:
        yield _split(transcript.path.read_bytes())
        return
    row = FileRow(transcript.source, str(transcript.path), transcript.session, 0, 0)
    for portion in portions(transcript, row, _LIMITS):
        yield portion.lines


def _split(content: bytes) -> list[Line]:
    lines = []
    start = 0
    for raw in content.split(b"\n"):
        if raw:
            lines.append(Line(start, start + len(raw) + 1, raw))
        start += len(raw) + 1
    return lines


def _once(calls: Iterable[Counted]) -> list[Counted]:
    """Return every call once, though both processes found it: as `merge` would."""
    once: dict[tuple[str, str], Counted] = {}
    for call in calls:
        known = once.setdefault((call.source, call.key), call)
        if known is not call:
            once[call.source, call.key] = known.merged(call)
    return list(once.values())
