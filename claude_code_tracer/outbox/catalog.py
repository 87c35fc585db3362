"""Which known file a found file is: the same path, or the same inode that moved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from claude_code_tracer.outbox.rows import FileRow

__all__ = ["Catalog", "Seen"]


class Seen(Protocol):
    """A file that stands in a folder now."""

    @property
    def path(self) -> str: ...
    @property
    def dev(self) -> int: ...
    @property
    def ino(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def ctime_ns(self) -> int: ...


class Catalog:
    """All files that were ever read, in memory. Says what changed; whoever asks writes it down."""

    def __init__(self, rows: Iterable[FileRow]) -> None:
        self._rows = {(row.source, row.path): row for row in rows}

    def get(self, source: str, path: str, session: str) -> FileRow:
        """Return the row of this path, a new one if nobody saw it before."""
        row = self._rows.get((source, path))
        return row or FileRow(source=source, path=path, session=session, dev=0, ino=0)

    def knows(self, source: str, path: str) -> bool:
        """Tell whether a file of this source was read at this path."""
        return (source, path) in self._rows

    def is_read(self, source: str, found: Seen) -> bool:
        """Tell whether all of a file was read as it stands there, so that nobody need open it."""
        row = self._rows.get((source, found.path))
        return row is not None and (
            (row.dev, row.ino, row.cursor, row.mtime_ns, row.ctime_ns)
            == (found.dev, found.ino, found.size, found.mtime_ns, found.ctime_ns)
        )

    def update(self, row: FileRow) -> None:
        """Remember `row` as it was put."""
        self._rows[row.source, row.path] = row

    def moved(
        self,
        source: str,
        seen: Mapping[str, Seen],
        may_be_at: Callable[[FileRow, Seen], bool],
    ) -> list[FileRow]:
        """Return the rows of files that now stand under a new path, with that path (F34).

        `may_be_at` says whether a row may have moved to a file with its inode; the content is
        compared when that is opened, because an inode says little.
        """
        unknown = [found for path, found in seen.items() if (source, path) not in self._rows]
        if not unknown:
            return []
        known = {(row.dev, row.ino): row for row in self._rows.values() if row.source == source}
        result = []
        for found in unknown:
            row = known.get((found.dev, found.ino))
            if row and may_be_at(row, found):
                self._rows.pop((source, row.path), None)
                result.append(replace(row, path=found.path, is_gone=False))
                self.update(result[-1])
        return result

    def vanished(self, source: str, root: str, seen: Mapping[str, Seen]) -> list[FileRow]:
        """Return the rows below `root` whose path is not there any more, marked as gone."""
        if not seen:  # F37: unmounted or emptied; that says nothing about single files
            return []
        prefix = os.path.join(root, "")
        gone = [
            replace(row, is_gone=True)
            for row in self._rows.values()
            if row.source == source
            and not row.is_gone
            and row.path.startswith(prefix)
            and row.path not in seen
        ]
        for row in gone:
            self.update(row)
        return gone

    def returned(self, source: str, seen: Mapping[str, Seen]) -> list[FileRow]:
        """Return the rows of files that were gone and are back, marked as there."""
        back = [
            replace(row, is_gone=False)
            for path in seen
            if (row := self._rows.get((source, path))) and row.is_gone
        ]
        for row in back:
            self.update(row)
        return back
