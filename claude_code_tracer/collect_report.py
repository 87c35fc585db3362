"""What a collecting pass says about itself, while it runs and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["CollectProgress", "CollectReport", "Progress", "Tally"]


@dataclass(frozen=True, slots=True)
class CollectProgress:
    """How far a pass is."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    records: int
    masked: int


Progress = Callable[[CollectProgress], None]


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
        )


@dataclass(slots=True)
class Tally:
    """A pass as it goes on."""

    progress: Progress | None = None
    files_total: int = 0
    files_done: int = 0
    bytes_total: int = 0
    files: int = 0
    bytes: int = 0
    records: int = 0
    masked: int = 0
    bad: int = 0
    unknown: int = 0
    errors: list[str] = field(default_factory=list)

    def show(self) -> None:
        """Tell whoever watches how far it is."""
        if self.progress:
            bytes_done = min(self.bytes, self.bytes_total)
            self.progress(
                CollectProgress(
                    files_done=self.files_done,
                    files_total=self.files_total,
                    bytes_done=bytes_done,
                    bytes_total=self.bytes_total,
                    records=self.records,
                    masked=self.masked,
                )
            )

    def report(self, *, is_scan: bool) -> CollectReport:
        """Return what was done."""
        return CollectReport(
            files=self.files,
            bytes=self.bytes,
            records=self.records,
            masked=self.masked,
            bad=self.bad,
            unknown=self.unknown,
            errors=self.errors,
            is_scan=is_scan,
        )
