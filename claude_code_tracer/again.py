"""What is read again, and what that was set aside is forgotten: `resync` and `parked`.

A file that begins anew is read as if nobody had read it, and its rows change nothing where they are
(I3). Ranks of stores stay (`outbox.stores`): without them a poorer store would add what a better
one, that may be gone by now, has said already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from claude_code_tracer.clock import Clock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import FileBusy, NotFound
from claude_code_tracer.outbox import FileRow, Outbox, SetAside
from claude_code_tracer.requests import Done, Drop, Request, Resync, Retry, ask, obey
from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import Shape, Source, Transcript
from claude_code_tracer.tail.discover import find
from claude_code_tracer.tail.fingerprint import Fingerprint
from claude_code_tracer.tail.reader import open_tail

__all__ = ["Again", "chosen", "request"]

_SHOWN = 5


def request(config: Config, clock: Clock, what: Request) -> Done:
    """Have `what` done: by the running tracer, or here when none runs. See `requests.ask`."""
    home = config.home.create()

    def here() -> None:
        with Outbox.open(config, clock) as outbox:
            Again(config, clock, outbox, SOURCES).obey()

    return ask(home, clock, what, here)


def chosen(files: Iterable[FileRow], what: str) -> list[FileRow]:
    """Return the files of `all`, of a source, or of the session whose id is or begins with `what`.

    A session brings along those whose ids are made of its own, its subagents. Raises NotFound when
    there is none, or more than one.
    """
    files = list(files)
    if what == "all":
        return files
    if any(row.source == what for row in files):
        return [row for row in files if row.source == what]
    found = [row for row in files if what and row.session.startswith(what)]
    exact = [row for row in found if row.session == what]
    sessions = {(row.source, row.session) for row in exact or found}
    mains = sorted(name for name in sessions if not _is_subagent(name, sessions))
    if len(mains) == 1:
        return [row for row in found if _belongs(row, mains[0])]
    if not mains:
        raise NotFound(
            f"nothing was read of a session that begins with {what!r}: see `claude-tracer sessions "
            "list`; for a tool that keeps its sessions in one database give the tool's name"
        )
    some = ", ".join(f"{session} ({source})" for source, session in mains[:_SHOWN])
    raise NotFound(f"{what!r} fits {len(mains)} sessions ({some}): give more of its id")


@dataclass(slots=True)
class Again:
    """Do what requests say to `outbox`."""

    config: Config
    clock: Clock
    outbox: Outbox
    sources: Sequence[Source]
    files: list[FileRow] = field(default_factory=list)
    """What begins anew, as it is in the outbox by now."""

    def obey(self) -> bool:
        """Do all that waits; False when nothing does. `files` are then what it is about."""
        self.files = []
        return obey(self.config.home, self.clock.now(), self.do) > 0

    def do(self, what: Request) -> Done:
        """Do one thing."""
        match what:
            case Resync():
                return self._resync(what)
            case Retry():
                return self._retry(what)
            case Drop():
                return self._drop(what)

    def _resync(self, what: Resync) -> Done:
        rows = chosen(self.outbox.files(), what.what)
        here = [row for row in rows if find(row.path)]
        return Done(files=len(here), bytes=self._begin(here), gone=len(rows) - len(here))

    def _retry(self, what: Retry) -> Done:
        pointers, kept = self._pointers(what.ids)
        tried = 0
        rows: dict[int, FileRow] = {}
        obstacles: dict[int, str | None] = {}
        for item in pointers:
            row = item.file
            if row is None or row.id is None:
                obstacle: str | None = "it is not known which file it is from"
            elif not item.is_current:
                obstacle = "its file was replaced since"
            else:
                rows[row.id] = row
                if row.id not in obstacles:
                    obstacles[row.id] = self._obstacle(row)
                obstacle = obstacles[row.id]
            tried += obstacle is None
            if obstacle:
                kept.setdefault(obstacle, []).append(item.id)
        again = [row for number, row in rows.items() if obstacles[number] is None]
        return Done(files=len(again), bytes=self._begin(again), pointers=tried, kept=kept)

    def _drop(self, what: Drop) -> Done:
        kept = {} if what.ids is None else self._pointers(what.ids)[1]
        return Done(pointers=self.outbox.drop_parked(what.ids), kept=kept)

    def _pointers(self, ids: list[int] | None) -> tuple[list[SetAside], dict[str, list[int]]]:
        """Return the pointers with these numbers, and the numbers that nothing has."""
        pointers = self.outbox.set_aside()
        if ids is None:
            return pointers, {}
        missing = sorted(set(ids) - {item.id for item in pointers})
        kept = {"it is not set aside (any more)": missing} if missing else {}
        return [item for item in pointers if item.id in set(ids)], kept

    def _begin(self, rows: Iterable[FileRow]) -> int:
        """Let files begin anew; return how many bytes they hold."""
        rows = list(rows)
        self.outbox.begin_anew(rows)
        ids = {row.id for row in rows}
        self.files += [row for row in self.outbox.files() if row.id in ids]
        found = (find(row.path) for row in rows)
        return sum(file.size for file in found if file)

    def _obstacle(self, row: FileRow) -> str | None:
        """Say why what was set aside of a file cannot be read again."""
        file = self._transcript(row)
        if find(row.path) is None:
            return "its file is gone"
        if file is None:
            return "no tool that this version knows writes such a file"
        if file.shape is not Shape.LINES:
            return None
        try:
            with open_tail(row.path, Fingerprint(row.cursor, row.head, row.mark)) as tail:
                return "its file was replaced since" if tail.is_other else None
        except FileNotFoundError:
            return "its file is gone"
        except FileBusy:
            return "its file cannot be read just now"

    def _transcript(self, row: FileRow) -> Transcript | None:
        path = Path(row.path)
        for source in self.sources:
            if source.name != row.source:
                continue
            for root in source.roots(self.config.env, self.config.user_home):
                if path.is_relative_to(root) and (file := source.transcript(root, path)):
                    return file
        return None


def _is_subagent(name: tuple[str, str], sessions: set[tuple[str, str]]) -> bool:
    """Tell whether a session's id begins with another's and a slash."""
    source, session = name
    parts = session.split("/")
    return any((source, "/".join(parts[:n])) in sessions for n in range(1, len(parts)))


def _belongs(row: FileRow, main: tuple[str, str]) -> bool:
    source, session = main
    return row.source == source and (
        row.session == session or row.session.startswith(f"{session}/")
    )
