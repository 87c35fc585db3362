"""Folders to outbox: discover, read, parse, price, guard, put; one pass at a time.

Raw text lives only in a pass's memory. A file that cannot be read is reported and tried again; it
stands in nobody's way (I6). While old transcripts are worked off, sessions at work are looked at in
between, so that they never wait behind them (F75).

Where a tool keeps a session in several stores, only the best is read: see `outbox.stores`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from claude_code_tracer.clock import Clock
from claude_code_tracer.collect_report import CollectProgress, CollectReport, Progress, Tally
from claude_code_tracer.config import Config
from claude_code_tracer.errors import FileBusy
from claude_code_tracer.intake import Guarding, Intake, Taken
from claude_code_tracer.killpoints import KillPoints
from claude_code_tracer.log import event
from claude_code_tracer.model import Message, ModelCall
from claude_code_tracer.outbox import FileRow, Lane, Outbox
from claude_code_tracer.outbox.catalog import Catalog, Seen
from claude_code_tracer.outbox.stores import Stores
from claude_code_tracer.portions import portions, too_long, unsent
from claude_code_tracer.sources.source import Line, Shape, Source, Transcript
from claude_code_tracer.tail.discover import Discovery, Found, discover, find
from claude_code_tracer.tail.fingerprint import Fingerprint
from claude_code_tracer.tail.reader import Chunk, Limits, TailFile, open_tail
from claude_code_tracer.tail.watch import IDLE_S, Watch

__all__ = ["CollectProgress", "CollectReport", "Collector", "Guarding", "Progress", "Task"]

_LIVE_S = 24 * 3600.0
_NEW_NAMES_S = 1.0
_OWNERS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Task:
    """A file with news."""

    source: Source
    transcript: Transcript
    found: Found


class Collector:
    """Follow the transcripts of some tools. One thread calls it; `interrupt` may come from another.

    StorageFull from any pass means: nothing is lost, call again later.
    """

    def __init__(
        self,
        config: Config,
        sources: Iterable[Source],
        guard: Guarding,
        price: Callable[[ModelCall], ModelCall],
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._config = config
        self._sources = tuple(sources)
        self._outbox = outbox
        self._clock = clock
        self._kill = KillPoints(config.env)
        self._intake = Intake(guard, price, self._kill)
        self._limits = Limits(line_max=config.settings.line_max_bytes)
        self._catalog = Catalog(outbox.files())
        self._stores = Stores(outbox.stores())
        self._watch = Watch()
        self._owners: dict[str, tuple[Source, Transcript] | None] = {}
        """Which tool a path belongs to; None: to none, so that nobody is asked again."""
        self._stop = threading.Event()
        self._reading: str | None = None
        """The file that is open; what is served in between leaves it alone."""
        self._next_hot_s = 0.0
        self._next_names_s = 0.0

    def interrupt(self) -> None:
        """End the running pass, and every later one, before its next chunk."""
        self._stop.set()

    def scan(self, tally: Tally | None = None) -> list[Task]:
        """Search all folders and return the files with news, in the order to read them."""
        tasks: list[Task] = []
        folders: dict[str, int] = {}
        now = self._clock.now()
        for source in self._sources:
            for root in source.roots(self._config.env, self._config.user_home):
                found = self._search(source, root)
                folders |= found.folders
                if tally:
                    tally.errors += [_unreadable(*error) for error in found.errors]
                news = [file for file in found.files if self._watch.has_news(file, now)]
                tasks += [self._task(file) for file in news]
        self._watch.was_searched(folders, now)
        self._stores.look_again(self._reading)
        return _in_order(tasks)

    def run_once(self, progress: Progress | None = None) -> CollectReport:
        """Search all folders and read every file with news to its end."""
        tally = Tally(progress)
        tasks = self.scan(tally)
        tally.files_total = len(tasks)
        tally.bytes_total = sum(self._unread(task) for task in tasks)
        for task in tasks:
            if self._stop.is_set():
                break
            if self._watch.has_news(task.found, self._clock.now()):  # not served meanwhile
                self._collect(task, tally)
            tally.files_done += 1
            tally.show()
            self._serve_hot(tally)
        return tally.report(is_scan=not self._stop.is_set())

    def run_hot(self) -> CollectReport:
        """Read the news of the files that changed lately; cheap enough for every instant."""
        tally = Tally()
        self._run_hot(tally)
        return tally.report(is_scan=False)

    def _run_hot(self, tally: Tally) -> None:
        tasks = _in_order([self._task(found) for found in self._watch.hot_news(self._clock.now())])
        if self._clock.monotonic_s() >= self._next_names_s and self._watch.has_new_names():
            self._next_names_s = self._clock.monotonic_s() + _NEW_NAMES_S
            tasks = [task for task in self.scan() if self._lane(task) is Lane.LIVE]
        for task in tasks:
            if not self._stop.is_set() and task.found.path != self._reading:
                self._collect(task, tally)

    def _serve_hot(self, tally: Tally) -> None:
        """Look at the hot files in the middle of a long pass (F75)."""
        if self._clock.monotonic_s() < self._next_hot_s:
            return
        self._next_hot_s = float("inf")  # not again from within
        try:
            self._run_hot(tally)
        finally:
            self._next_hot_s = self._clock.monotonic_s() + self._config.settings.poll_hot_s

    def _search(self, source: Source, root: Path) -> Discovery:
        def accept(path: str) -> bool:
            if path not in self._owners:
                transcript = source.transcript(root, Path(path))
                if len(self._owners) > _OWNERS_MAX:  # names come and go for weeks
                    self._owners = {p: owner for p, owner in self._owners.items() if owner}
                self._owners[path] = (source, transcript) if transcript else None
            return self._owners[path] is not None

        found = discover(str(root), accept)
        seen = {file.path: file for file in found.files}
        self._note_places(source, root, seen, is_whole=not found.errors)
        return found

    def _note_places(
        self, source: Source, root: Path, seen: dict[str, Found], *, is_whole: bool
    ) -> None:
        """Write down which files moved, came back, or are gone; delete nothing (I7)."""
        back = self._catalog.returned(source.name, seen)
        for row in (*back, *self._catalog.moved(source.name, seen, self._may_be_at)):
            event("collector", "file_moved_or_returned", level=logging.DEBUG, file=row.path)
            self._outbox.put(row, [], state=self._state(row), lane=Lane.BACKFILL)
        gone = self._catalog.vanished(source.name, str(root), seen) if is_whole else []
        if gone:
            self._outbox.mark_gone(row.id for row in gone if row.id is not None)
        for row in gone:
            self._forget(row.path)

    def _may_be_at(self, row: FileRow, found: Seen) -> bool:
        """Tell whether `row` may have moved to `found`: its old place is free, its session same."""
        old = find(row.path)
        is_free = old is None or (old.dev, old.ino) != (row.dev, row.ino)
        return is_free and self._owner(found.path)[1].session == row.session

    def _collect(self, task: Task, tally: Tally) -> None:
        """Read the news of one file; afterwards it has none, or is reported."""
        path = task.found.path
        row = self._catalog.get(task.source.name, path, task.transcript.session)
        if self._is_left_out(task):
            self._stores.end(path)
            self._watch.was_read(task.found, self._clock.now(), has_tail=False)
            return
        if not self._stores.begin(row, task.transcript.rank, self._age_s(task)):
            return  # it still has news the next time
        outer, self._reading = self._reading, path
        before = tally.bytes
        try:
            if task.transcript.shape is Shape.LINES:
                with open_tail(path, Fingerprint(row.cursor, row.head, row.mark)) as file:
                    has_tail = self._read(task, file, row, tally)
            else:
                has_tail = self._read_portions(task, row, tally)
        except FileNotFoundError:
            self._forget(path)
        except FileBusy as exc:
            self._watch.forget(path)
            tally.errors.append(str(exc).removeprefix("cannot read "))
            if self._lane(task) is Lane.BACKFILL:  # nobody uses it: it may stay like this
                self._stores.end(path)
        else:
            if not self._stop.is_set():
                self._stores.end(path)
                self._watch.was_read(task.found, self._clock.now(), has_tail=has_tail)
                tally.files += tally.bytes > before
        finally:
            self._reading = outer

    def _is_left_out(self, task: Task) -> bool:
        """Tell whether a better store has the session of a file; a database's rows say theirs."""
        file = task.transcript
        has_one = file.shape is not Shape.ROWS
        return has_one and self._stores.has_better(file.source, file.session, file.rank)

    def _read(self, task: Task, file: TailFile, row: FileRow, tally: Tally) -> bool:
        """Put everything behind the cursor; True when an unfinished line is left."""
        if file.is_other:
            event("collector", "generation_changed", file=row.path, old=row.generation)
            row = replace(_begun_anew(row), dev=file.dev, ino=file.ino)
            row = self._put(row, Taken(), Lane.BACKFILL)
        state = self._state(row)
        if row.id is not None and (row.dev, row.ino) != (file.dev, file.ino):
            # F33: the same content in another file; a later move is known by its inode.
            row = replace(row, dev=file.dev, ino=file.ino)
            row = self._put(row, Taken(state=state), Lane.BACKFILL)
        row = replace(row, dev=file.dev, ino=file.ino)
        for chunk in file.chunks(self._limits):
            self._kill.hit("after_read")
            row, state = self._take(task, row, chunk, state, tally)
            tally.show()
            self._serve_hot(tally)
            if self._stop.is_set():
                return True
        return self._take_idle_line(task, row, file, state, tally)

    def _read_portions(self, task: Task, row: FileRow, tally: Tally) -> bool:
        """Put what is new in a file of another shape; True when that was interrupted."""
        row = replace(row, dev=task.found.dev, ino=task.found.ino)
        state = self._state(row) if task.transcript.shape is Shape.ROWS else None
        for portion in portions(task.transcript, row, self._limits):
            self._kill.hit("after_read")
            taken = self._taken(task, portion.lines, state)
            taken.parked += portion.parked
            state = taken.state
            tally.bytes += portion.size
            row = replace(portion.row, id=row.id)
            if portion.is_all:
                row, taken.entities = unsent(row, taken.entities)
            row = self._put(row, taken, self._lane(task), task.transcript.rank)
            _count(taken, tally)
            tally.show()
            self._serve_hot(tally)
            if self._stop.is_set():
                return True
        return False

    def _take(
        self, task: Task, row: FileRow, chunk: Chunk, state: bytes | None, tally: Tally
    ) -> tuple[FileRow, bytes | None]:
        lines = [Line(piece.start, piece.end, piece.raw) for piece in chunk.lines]
        taken = self._taken(task, lines, state)
        taken.parked += [
            too_long(line.start, line.end, line.sha256, self._limits.line_max)
            for line in chunk.oversize
        ]
        tally.bytes += chunk.fingerprint.cursor - row.cursor
        behind = chunk.fingerprint
        row = replace(
            row, cursor=behind.cursor, head=behind.head, mark=behind.mark, seen=behind.cursor
        )
        row = self._put(row, taken, self._lane(task), task.transcript.rank)
        _count(taken, tally)
        return row, taken.state

    def _take_idle_line(
        self, task: Task, row: FileRow, file: TailFile, state: bytes | None, tally: Tally
    ) -> bool:
        """Send a last line that never got its newline, once, without moving the cursor (F11)."""
        end = row.cursor + len(file.partial)
        age_s = self._age_s(task)
        if not file.partial or row.seen >= end:
            return False
        if age_s < IDLE_S:
            return True
        line = Line(row.cursor, end, file.partial)
        if _is_record(line.raw):
            taken = self._taken(task, [line], state)
            taken.parked, taken.state = [], state
            self._put(replace(row, seen=end), taken, self._lane(task), task.transcript.rank)
            _count(taken, tally)
        return False

    def _taken(self, task: Task, lines: list[Line], state: bytes | None) -> Taken:
        """Return what lines give, without what a better store gives."""
        file = task.transcript
        taken = self._intake.take(task.source, file, lines, state)
        taken.entities = self._stores.best(file.source, taken.entities, file.rank)
        return taken

    def _put(self, row: FileRow, taken: Taken, lane: Lane, rank: int = 0) -> FileRow:
        won = self._stores.won(row.source, taken.entities, rank)
        row = self._outbox.put(
            row, taken.entities, state=taken.state, lane=lane, parked=taken.parked, ranks=won
        )
        self._kill.hit("after_put")
        self._catalog.update(row)
        self._stores.update(row.source, won)
        return row

    def _state(self, row: FileRow) -> bytes | None:
        return None if row.id is None else self._outbox.state(row.id)

    def _task(self, found: Found) -> Task:
        source, transcript = self._owner(found.path)
        return Task(source, transcript, found)

    def _owner(self, path: str) -> tuple[Source, Transcript]:
        owner = self._owners[path]
        assert owner is not None, "only transcripts are watched"
        return owner

    def _forget(self, path: str) -> None:
        self._watch.forget(path)
        self._stores.end(path)
        self._owners.pop(path, None)

    def _unread(self, task: Task) -> int:
        if self._is_left_out(task):
            return 0
        row = self._catalog.get(task.source.name, task.found.path, task.transcript.session)
        return max(0, task.found.size - row.cursor)

    def _lane(self, task: Task) -> Lane:
        return Lane.LIVE if self._age_s(task) < _LIVE_S else Lane.BACKFILL

    def _age_s(self, task: Task) -> float:
        return self._clock.now().timestamp() - task.found.mtime_ns / 1e9


def _in_order(tasks: list[Task]) -> list[Task]:
    """Return files newest first, but of one tool never one before a better store."""
    newest_first = sorted(tasks, key=lambda task: -task.found.mtime_ns)
    own: dict[str, list[Task]] = {}
    for task in newest_first:
        own.setdefault(task.source.name, []).append(task)
    best_first = {
        name: iter(sorted(mine, key=lambda task: -task.transcript.rank))
        for name, mine in own.items()
    }
    return [next(best_first[task.source.name]) for task in newest_first]


def _begun_anew(row: FileRow) -> FileRow:
    return replace(row, generation=row.generation + 1, cursor=0, head=b"", mark=b"", seen=0)


def _is_record(raw: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(raw), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _count(taken: Taken, tally: Tally) -> None:
    tally.records += len(taken.entities)
    tally.masked += taken.masked
    tally.bad += len(taken.parked)
    tally.unknown += sum(
        isinstance(entity, Message) and entity.kind == "unknown" for entity in taken.entities
    )


def _unreadable(path: str, reason: str) -> str:
    shown = path.encode("utf-8", "backslashreplace").decode()
    return f"{shown} ({reason}): make it readable for you, such as with chmod u+rX"
