"""What a collecting pass says about itself, while it runs and afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

__all__ = ["CollectProgress", "CollectReport", "Progress", "SourceReport", "Tally"]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What one or several passes did for one tool."""

    files: int = 0
    records: int = 0
    masked: int = 0
    bad: int = 0
    unreadable: int = 0
    """Files and folders that the latest search could not read."""

    def __add__(self, other: SourceReport) -> SourceReport:
        """Return the sum."""
        return SourceReport(
            files=self.files + other.files,
            records=self.records + other.records,
            masked=self.masked + other.masked,
            bad=self.bad + other.bad,
            unreadable=self.unreadable + other.unreadable,
        )


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What one or several passes did."""

    files: int = 0
    """Files that had news."""
    bytes: int = 0
    records: int = 0
    masked: int = 0
    bad: int = 0
    """Pieces of files that were set aside."""
    unknown: int = 0
    """Records of a type this version does not know; they are kept."""
    errors: list[str] = field(default_factory=list)
    """Files and folders that cannot be read: which, why and what to do."""
    is_scan: bool = False
    """Every folder was searched, so `errors` is all there is."""
    sources: Mapping[str, SourceReport] = field(default_factory=dict, compare=False)
    """The same figures tool by tool."""

    def __add__(self, other: CollectReport) -> CollectReport:
        """Return the sum; `errors` are those of the latest search."""
        return CollectReport(
            files=self.files + other.files,
            bytes=self.bytes + other.bytes,
            records=self.records + other.records,
            masked=self.masked + other.masked,
            bad=self.bad + other.bad,
            unknown=self.unknown + other.unknown,
            errors=other.errors if other.is_scan else self.errors,
            is_scan=self.is_scan or other.is_scan,
            sources=_sum(self.sources, other),
        )


@dataclass(frozen=True, slots=True)
class CollectProgress:
    """How far a pass is."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    records: int
    masked: int
    so_far: CollectReport = field(default_factory=CollectReport)
    unread: Mapping[str, float] = field(default_factory=dict)
    """For each tool with news when the pass began: when the oldest of it was written (Unix)."""


Progress = Callable[[CollectProgress], None]


@dataclass(slots=True)
class Tally:
    """A pass as it goes on."""

    progress: Progress | None = None
    files_total: int = 0
    files_done: int = 0
    bytes_total: int = 0
    unread: dict[str, float] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    records: int = 0
    masked: int = 0
    bad: int = 0
    unknown: int = 0
    errors: list[str] = field(default_factory=list)
    _source: str = ""
    _sources: dict[str, SourceReport] = field(default_factory=dict)
    _booked: SourceReport = SourceReport()
    """What stands in `_sources` already, as one sum."""

    def expect(self, news: Iterable[tuple[str, float]]) -> None:
        """Take note of the files to be read: of which tool, and when each was written (Unix)."""
        for source, at in news:
            self.unread[source] = min(at, self.unread.get(source, at))

    def turn_to(self, source: str) -> str:
        """Count what follows for `source`; return the tool that was counted for before."""
        self._book()
        before, self._source = self._source, source
        return before

    def show(self) -> None:
        """Tell whoever watches how far it is."""
        if self.progress:
            self.progress(
                CollectProgress(
                    files_done=self.files_done,
                    files_total=self.files_total,
                    bytes_done=min(self.bytes, self.bytes_total),
                    bytes_total=self.bytes_total,
                    records=self.records,
                    masked=self.masked,
                    so_far=self.report(is_scan=False),
                    unread=self.unread,
                )
            )

    def report(self, *, is_scan: bool) -> CollectReport:
        """Return what was done."""
        self._book()
        return CollectReport(
            files=self.files,
            bytes=self.bytes,
            records=self.records,
            masked=self.masked,
            bad=self.bad,
            unknown=self.unknown,
            errors=self.errors,
            is_scan=is_scan,
            sources=dict(self._sources),
        )

    def _book(self) -> None:
        """Give what was counted since the last time to the tool it was counted for."""
        now = SourceReport(self.files, self.records, self.masked, self.bad, len(self.errors))
        if now == self._booked:
            return
        done = self._booked
        news = SourceReport(
            files=now.files - done.files,
            records=now.records - done.records,
            masked=now.masked - done.masked,
            bad=now.bad - done.bad,
            unreadable=now.unreadable - done.unreadable,
        )
        self._sources[self._source] = self._sources.get(self._source, SourceReport()) + news
        self._booked = now


def _sum(known: Mapping[str, SourceReport], other: CollectReport) -> dict[str, SourceReport]:
    """Add the figures of `other`; like its `errors`, what is unreadable is the latest search's."""
    total: dict[str, SourceReport] = {}
    for name in {**known, **other.sources}:
        old, new = known.get(name, SourceReport()), other.sources.get(name, SourceReport())
        latest = new if other.is_scan else old
        total[name] = replace(old + new, unreadable=latest.unreadable)
    return total
