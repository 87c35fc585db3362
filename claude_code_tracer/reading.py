"""One transcript to the outbox: what is new in it, as far as it is complete.

Rows, pointers, the cursor and the parser's state are put together, chunk by chunk, so that whatever
happens in between nothing is lost and nothing is there twice (I1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b

import msgspec

from claude_code_tracer.clock import Clock
from claude_code_tracer.collect_report import Tally
from claude_code_tracer.intake import Intake, Taken
from claude_code_tracer.killpoints import KillPoints
from claude_code_tracer.log import event
from claude_code_tracer.model import Message
from claude_code_tracer.outbox import FileRow, Lane, Outbox
from claude_code_tracer.outbox.catalog import Catalog
from claude_code_tracer.outbox.stores import Stores
from claude_code_tracer.portions import portions, too_long, unsent
from claude_code_tracer.sources.source import Line, Shape, Source, Transcript
from claude_code_tracer.tail.discover import Found
from claude_code_tracer.tail.fingerprint import Fingerprint
from claude_code_tracer.tail.reader import Chunk, Limits, TailFile, open_tail
from claude_code_tracer.tail.watch import IDLE_S, is_fresh

__all__ = ["Task", "TranscriptReader"]

_LIVE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Task:
    """A file with news."""

    source: Source
    transcript: Transcript
    found: Found

    def age_s(self, clock: Clock) -> float:
        """Return how long ago the file was written."""
        return clock.now().timestamp() - self.found.mtime_ns / 1e9

    def lane(self, clock: Clock) -> Lane:
        """Return the lane of its records: a file of today is somebody's session."""
        return Lane.LIVE if self.age_s(clock) < _LIVE_S else Lane.BACKFILL


class TranscriptReader:
    """Read files one at a time; `catalog` and `stores` are kept as what is put says.

    `pause` is called after every chunk, when everything read so far is kept; True ends the reading.
    """

    def __init__(
        self,
        intake: Intake,
        outbox: Outbox,
        catalog: Catalog,
        limits: Limits,
        clock: Clock,
        kill: KillPoints,
    ) -> None:
        self._intake = intake
        self._outbox = outbox
        self._catalog = catalog
        self.stores = Stores(outbox.stores())
        self._limits = limits
        self._clock = clock
        self._kill = kill

    def read(self, task: Task, tally: Tally, pause: Callable[[Tally], bool]) -> bool:
        """Put what is new in a file; True when something is left, for later.

        Raises FileBusy when it cannot be read now; FileNotFoundError and StorageFull pass through.
        """
        row = self._catalog.get(task.source.name, task.found.path, task.transcript.session)
        if task.transcript.shape is not Shape.LINES:
            return self._read_portions(task, row, tally, pause)
        with open_tail(task.found.path, Fingerprint(row.cursor, row.head, row.mark)) as file:
            return self._read_lines(task, file, row, tally, pause)

    def state(self, row: FileRow) -> bytes | None:
        """Return what the parser must know to go on with a file."""
        return None if row.id is None else self._outbox.state(row.id)

    def _read_lines(
        self,
        task: Task,
        file: TailFile,
        row: FileRow,
        tally: Tally,
        pause: Callable[[Tally], bool],
    ) -> bool:
        """Put everything behind the cursor; True when an unfinished line is left."""
        if file.is_other:
            event("collector", "generation_changed", file=row.path, old=row.generation)
            row = replace(_begun_anew(row), dev=file.dev, ino=file.ino)
            row = self._put(row, Taken(), Lane.BACKFILL)
        state = self.state(row)
        if row.id is not None and (row.dev, row.ino) != (file.dev, file.ino):
            # F33: the same content in another file; a later move is known by its inode.
            row = replace(row, dev=file.dev, ino=file.ino)
            row = self._put(row, Taken(state=state), Lane.BACKFILL)
        row = replace(row, dev=file.dev, ino=file.ino)
        for chunk in file.chunks(self._limits):
            self._kill.hit("after_read")
            row, state = self._take(task, row, chunk, state, tally)
            tally.show()
            if pause(tally):
                return True
        row = self._stamped(task, row, state)
        return self._take_idle_line(task, row, file, state, tally)

    def _read_portions(
        self, task: Task, row: FileRow, tally: Tally, pause: Callable[[Tally], bool]
    ) -> bool:
        """Put what is new in a file of another shape; True when that was interrupted."""
        row = replace(row, dev=task.found.dev, ino=task.found.ino)
        state = self.state(row) if task.transcript.shape is Shape.ROWS else None
        for portion in portions(task.transcript, row, self._limits):
            self._kill.hit("after_read")
            taken = self._taken(task, portion.lines, state)
            taken.parked += portion.parked
            state = taken.state
            tally.bytes += portion.size
            row = replace(portion.row, id=row.id)
            if portion.is_all:
                row, taken.entities = unsent(row, taken.entities)
            row = self._put(row, taken, task.lane(self._clock), task.transcript.rank)
            _count(taken, tally)
            tally.show()
            if pause(tally):
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
            row,
            cursor=behind.cursor,
            head=behind.head,
            mark=behind.mark,
            seen=behind.cursor,
            mtime_ns=0,
            ctime_ns=0,
        )
        row = self._put(row, taken, task.lane(self._clock), task.transcript.rank)
        _count(taken, tally)
        return row, taken.state

    def _stamped(self, task: Task, row: FileRow, state: bytes | None) -> FileRow:
        """Note the times of a file of which all is read: no later start need open it (F42)."""
        found = task.found
        times = (found.mtime_ns, found.ctime_ns)
        is_settled = row.cursor == found.size and not is_fresh(found, self._clock.now())
        if not is_settled or times == (row.mtime_ns, row.ctime_ns):
            return row
        row = replace(row, mtime_ns=found.mtime_ns, ctime_ns=found.ctime_ns)
        return self._put(row, Taken(state=state), Lane.BACKFILL)

    def _take_idle_line(
        self, task: Task, row: FileRow, file: TailFile, state: bytes | None, tally: Tally
    ) -> bool:
        """Send a last line that never got its newline, once, without moving the cursor (F11)."""
        seen = _number_of(file.partial)
        if not file.partial or row.seen == seen:
            return False
        if task.age_s(self._clock) < IDLE_S:
            return True
        line = Line(row.cursor, row.cursor + len(file.partial), file.partial)
        if _is_record(line.raw):
            taken = self._taken(task, [line], state)
            taken.parked, taken.state = [], state
            self._put(replace(row, seen=seen), taken, task.lane(self._clock), task.transcript.rank)
            _count(taken, tally)
        return False

    def _taken(self, task: Task, lines: list[Line], state: bytes | None) -> Taken:
        """Return what lines give, without what a better store gives."""
        file = task.transcript
        taken = self._intake.take(task.source, file, lines, state)
        taken.entities = self.stores.best(file.source, taken.entities, file.rank)
        return taken

    def _put(self, row: FileRow, taken: Taken, lane: Lane, rank: int = 0) -> FileRow:
        won = self.stores.won(row.source, taken.entities, rank)
        row = self._outbox.put(
            row, taken.entities, state=taken.state, lane=lane, parked=taken.parked, ranks=won
        )
        self._kill.hit("after_put")
        self._catalog.update(row)
        self.stores.update(row.source, won)
        return row


def _begun_anew(row: FileRow) -> FileRow:
    """Return the row of a file whose content is another's: what its pointers point at is gone."""
    return FileRow(
        row.source, row.path, row.session, row.dev, row.ino, row.id, generation=row.generation + 1
    )


def _number_of(line: bytes) -> int:
    """Return what a line is known again by: another one may end at the same place."""
    return int.from_bytes(blake2b(line, digest_size=8).digest()) >> 1


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
