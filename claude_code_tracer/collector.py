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
from datetime import datetime
from pathlib import Path

from claude_code_tracer.clock import Clock
from claude_code_tracer.collect_report import CollectProgress, CollectReport, Progress, Tally
from claude_code_tracer.config import Config
from claude_code_tracer.errors import FileBusy
from claude_code_tracer.intake import Guarding, Intake
from claude_code_tracer.killpoints import KillPoints
from claude_code_tracer.log import event
from claude_code_tracer.model import ModelCall
from claude_code_tracer.outbox import FileRow, Lane, Outbox
from claude_code_tracer.outbox.catalog import Catalog, Seen
from claude_code_tracer.outbox.stores import Stores
from claude_code_tracer.reading import Task, TranscriptReader
from claude_code_tracer.sources.source import Shape, Source, Transcript
from claude_code_tracer.tail.discover import Discovery, Found, discover, find
from claude_code_tracer.tail.reader import Limits
from claude_code_tracer.tail.watch import Watch

__all__ = ["CollectProgress", "CollectReport", "Collector", "Guarding", "Progress", "Task"]

_NEW_NAMES_S = 1.0
_REFUSED_MAX = 200_000


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
        kill = KillPoints(config.env)
        self._catalog = Catalog(outbox.files())
        self._reader = TranscriptReader(
            Intake(guard, price, kill),
            outbox,
            self._catalog,
            Limits(line_max=config.settings.line_max_bytes),
            clock,
            kill,
        )
        self._watch = Watch()
        self._owners: dict[str, tuple[Source, Transcript]] = {}
        """Which tool a path belongs to."""
        self._claims: dict[str, tuple[Source, Path]] = {}
        """The same of files that were read before, with their root: asked only if there is news."""
        self._refused: set[tuple[str, str, str]] = set()
        """Which tool, asked below which root, does not know a path: it is not asked again."""
        self._stop = threading.Event()
        self._reading: str | None = None
        """The file that is open; what is served in between leaves it alone."""
        self._next_hot_s = 0.0
        self._next_names_s = 0.0

    def interrupt(self) -> None:
        """End the running pass, and every later one, before its next chunk."""
        self._stop.set()

    def read_again(self, rows: Iterable[FileRow]) -> None:
        """Take `rows` as the outbox has them now, and look at their files anew."""
        self._reader.stores = Stores(self._outbox.stores())
        for row in rows:
            self._catalog.update(row)
            self._watch.forget(row.path)

    def has_rested(self) -> bool:
        """Tell whether nobody has been at work for an hour: searching may take its time."""
        return self._watch.has_rested(self._clock.now())

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
                    tally.turn_to(source.name)
                    tally.errors += [_unreadable(*error) for error in found.errors]
                news = [file for file in found.files if self._has_news(source, file, now)]
                tasks += self._tasks(news)
        self._watch.was_searched(folders, now)
        self._reader.stores.look_again(self._reading)
        return _in_order(tasks)

    def _has_news(self, source: Source, found: Found, now: datetime) -> bool:
        """Tell whether a file must be opened; after a restart its times say so."""
        if not self._watch.knows(found.path) and self._catalog.is_read(source.name, found):
            self._watch.was_read(found, now, has_tail=False)
        return self._watch.has_news(found, now)

    def run_once(self, progress: Progress | None = None) -> CollectReport:
        """Search all folders and read every file with news to its end."""
        tally = Tally(progress)
        tasks = self.scan(tally)
        tally.files_total = len(tasks)
        tally.bytes_total = sum(self._unread(task) for task in tasks)
        tally.expect((task.source.name, task.found.mtime_ns / 1e9) for task in tasks)
        for task in tasks:
            if self._stop.is_set():
                break
            if self._watch.has_news(task.found, self._clock.now()):  # not served meanwhile
                self._collect(task, tally)
            tally.files_done += 1
            tally.show()
            self._serve_hot(tally)
        return tally.report(is_scan=not self._stop.is_set())

    def run_hot(self, progress: Progress | None = None) -> CollectReport:
        """Read the news of the files that changed lately; cheap enough for every instant."""
        tally = Tally(progress)
        self._run_hot(tally)
        return tally.report(is_scan=False)

    def _run_hot(self, tally: Tally) -> None:
        tasks = _in_order(self._tasks(self._watch.hot_news(self._clock.now())))
        if self._has_new_names():
            tasks = [task for task in self.scan() if task.lane(self._clock) is Lane.LIVE]
        for task in tasks:
            if not self._stop.is_set() and task.found.path != self._reading:
                self._collect(task, tally)

    def _has_new_names(self) -> bool:
        """Look at the folders, but seldomer than at the hot files: they are many."""
        now_s = self._clock.monotonic_s()
        if now_s < self._next_names_s:
            return False
        self._next_names_s = now_s + _NEW_NAMES_S
        return self._watch.has_new_names()

    def _serve_hot(self, tally: Tally) -> None:
        """Look at the hot files in the middle of a long pass (F75)."""
        if self._clock.monotonic_s() < self._next_hot_s:
            return
        self._next_hot_s = float("inf")  # not again from within
        try:
            self._run_hot(tally)
        finally:
            self._next_hot_s = self._clock.monotonic_s() + self._config.settings.poll_hot_s

    def _pause(self, tally: Tally) -> bool:
        """Serve the hot files in the middle of another; tell whether to leave it for now."""
        self._serve_hot(tally)
        return self._stop.is_set()

    def _search(self, source: Source, root: Path) -> Discovery:
        asked = (source.name, str(root))
        if len(self._refused) > _REFUSED_MAX:  # names come and go for weeks
            self._refused.clear()

        def accept(path: str) -> bool:
            owner = self._owners.get(path) or self._claims.get(path)
            if owner is None and self._catalog.knows(source.name, path):
                self._claims[path] = (source, root)
                return True
            if owner is None and (*asked, path) not in self._refused:
                if transcript := source.transcript(root, Path(path)):
                    owner = self._owners[path] = (source, transcript)
                else:
                    self._refused.add((*asked, path))
            return owner is not None and owner[0] is source

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
            self._outbox.put(row, [], state=self._reader.state(row), lane=Lane.BACKFILL)
        gone = self._catalog.vanished(source.name, str(root), seen) if is_whole else []
        if gone:
            self._outbox.mark_gone(row.id for row in gone if row.id is not None)
        for row in gone:
            self._forget(row.path)

    def _may_be_at(self, row: FileRow, found: Seen) -> bool:
        """Tell whether `row` may have moved to `found`: its old place is free, its session same."""
        old = find(row.path)
        is_free = old is None or (old.dev, old.ino) != (row.dev, row.ino)
        owner = self._owner(found.path)
        return is_free and owner is not None and owner[1].session == row.session

    def _collect(self, task: Task, tally: Tally) -> None:
        """Read the news of one file; afterwards it has none, or is reported."""
        path = task.found.path
        row = self._catalog.get(task.source.name, path, task.transcript.session)
        if self._is_left_out(task):
            self._reader.stores.end(path)
            self._watch.was_read(task.found, self._clock.now(), has_tail=False)
            return
        if not self._reader.stores.begin(row, task.transcript.rank, task.age_s(self._clock)):
            return  # it still has news the next time
        outer, self._reading = self._reading, path
        outer_source = tally.turn_to(task.source.name)
        before = tally.bytes
        try:
            has_tail = self._reader.read(task, tally, self._pause)
        except FileNotFoundError:
            self._forget(path)
        except FileBusy as exc:
            self._watch.forget(path)
            tally.errors.append(str(exc).removeprefix("cannot read "))
            if task.lane(self._clock) is Lane.BACKFILL:  # nobody uses it: it may stay like this
                self._reader.stores.end(path)
        else:
            if not self._stop.is_set():
                self._reader.stores.end(path)
                self._watch.was_read(task.found, self._clock.now(), has_tail=has_tail)
                tally.files += tally.bytes > before
        finally:
            self._reading = outer
            tally.turn_to(outer_source)

    def _is_left_out(self, task: Task) -> bool:
        """Tell whether a better store has the session of a file; a database's rows say theirs."""
        file = task.transcript
        has_one = file.shape is not Shape.ROWS
        return has_one and self._reader.stores.has_better(file.source, file.session, file.rank)

    def _tasks(self, news: Iterable[Found]) -> list[Task]:
        owned = [(self._owner(found.path), found) for found in news]
        return [Task(*owner, found) for owner, found in owned if owner]

    def _owner(self, path: str) -> tuple[Source, Transcript] | None:
        """Return whose a path is; None when it was a tool's and this version knows better."""
        if path in self._claims:
            source, root = self._claims[path]
            transcript = source.transcript(root, Path(path))
            if transcript is None:
                return None
            self._owners[path] = (source, transcript)
            del self._claims[path]
        return self._owners[path]

    def _forget(self, path: str) -> None:
        self._watch.forget(path)
        self._reader.stores.end(path)
        self._owners.pop(path, None)
        self._claims.pop(path, None)

    def _unread(self, task: Task) -> int:
        if self._is_left_out(task):
            return 0
        row = self._catalog.get(task.source.name, task.found.path, task.transcript.session)
        return max(0, task.found.size - row.cursor)


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


def _unreadable(path: str, reason: str) -> str:
    shown = path.encode("utf-8", "backslashreplace").decode()
    return f"{shown} ({reason}): make it readable for you, such as with chmod u+rX"
