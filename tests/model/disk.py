"""Transcripts on a real disk, everything a tool or a person does to them, and what stands there."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from claude_code_tracer.clock import FakeClock
from tests.model.dialects import TOKEN, Dialect, Record

__all__ = ["Disk"]

_DAY_S = 86_400


@dataclass
class _Lineage:
    """One transcript, wherever it is moved to."""

    session: str
    rest: bytes = b""
    """What is missing of the record that was begun last."""


class Disk:
    """Write transcripts below one folder. Every change has a time of the (fake) clock."""

    def __init__(self, dialect: Dialect, home: Path, clock: FakeClock) -> None:
        self.root = home / dialect.root
        self.root.mkdir(parents=True, exist_ok=True)
        self.records: dict[int, Record] = {}
        self.is_coarse = False
        """Times are whole seconds."""
        self.unordered: set[str] = set()
        """Sessions that stand in several files, which are read in any order."""
        self.damaged: set[str] = set()
        """Sessions of which something that was there may not be there any more."""
        self._dialect = dialect
        self._clock = clock
        self._lineages: dict[str, _Lineage] = {}
        self._sessions = 0
        self._ticks = 0

    # What stands there ------------------------------------------------------------------------

    def session(self, name: str) -> str:
        """Return the session that a file's records are of."""
        return self._lineage(name).session

    def content(self, name: str) -> bytes:
        """Return what stands in a file; nothing when there is none."""
        path = self.root / name
        return path.read_bytes() if path.exists() else b""

    def whole(self, content: bytes, line_max: int) -> set[int]:
        """Return the records that stand whole on the lines of `content` that have an end."""
        found: set[int] = set()
        for line in content.split(b"\n")[:-1]:
            if len(line) <= line_max:
                found |= {number for number in self._numbers(line) if self._raw(number) in line}
        return found

    def standing(self, line_max: int) -> set[int]:
        """Return the records that stand whole in any file."""
        return {n for name in self.names() for n in self.whole(self.content(name), line_max)}

    def unfinished(self, content: bytes) -> set[int]:
        """Return the record that stands alone behind the last newline, if it is whole."""
        last = content.rpartition(b"\n")[2]
        return {number for number in self._numbers(last) if self._raw(number) == last}

    def _numbers(self, line: bytes) -> set[int]:
        return {int(number) for number in TOKEN.findall(line)} & self.records.keys()

    def _raw(self, number: int) -> bytes:
        return self.records[number].raw

    # What a tool does -------------------------------------------------------------------------

    def record(self, name: str, kind: str = "plain") -> bytes:
        """Return a new record for this file."""
        number = len(self.records) + 1
        self.records[number] = self._dialect.record(number, self._lineage(name).session, kind)
        return self.records[number].raw

    def place_of(self, name: str) -> str:
        """Return where the session of a file called so stands, when it was moved."""
        moved = [other for other in self.names() if Path(other).name == Path(name).name]
        return moved[0] if moved and self._dialect.is_file_session else name

    def again(self, name: str, share: float) -> bytes:
        """Return a record that stands in this file already; nothing when there is none."""
        content = self.content(name)
        whole = sorted(self.whole(content, len(content)))
        return self._raw(whole[int(share * (len(whole) - 1))]) if whole else b""

    def append(self, name: str, content: bytes) -> None:
        """Write behind what is there."""
        self._lineage(name).rest = b""
        self._write(name, content, "ab")

    def begin(self, name: str, raw: bytes, cut: int) -> None:
        """Write only the first `cut` bytes of a record."""
        self.append(name, raw[:cut])
        self._lineage(name).rest = raw[cut:]

    def complete(self, name: str) -> None:
        """Write the rest of what was begun."""
        if name in self._lineages and self._lineages[name].rest:
            self.append(name, self._lineages[name].rest + b"\n")

    def truncate(self, name: str, size: int) -> None:
        """Cut a file off."""
        content = self.content(name)[:size]
        self._is_damaged(name)
        self._write(name, content, "r+b", size=size)

    def rewrite(self, name: str, content: bytes) -> None:
        """Write other content into the same inode."""
        self._is_damaged(name)
        self._write(name, content, "wb")

    def replace(self, name: str, content: bytes) -> None:
        """Put another file in its place in one step."""
        self._is_damaged(name)
        path = self.root / name
        self._write(f"{name}.tmp", content, "wb")
        os.replace(f"{path}.tmp", path)

    # What a person does -----------------------------------------------------------------------

    def move(self, name: str, to: str) -> None:
        """Rename a file; what stood there is gone."""
        (self.root / to).parent.mkdir(exist_ok=True)
        os.replace(self.root / name, self.root / to)
        if to in self._lineages:
            self._is_damaged(to)
        self._lineages[to] = self._lineages.pop(name)

    def swap(self, name: str, other: str) -> None:
        """Let two files change their names."""
        aside = self.root / "aside"
        os.replace(self.root / name, aside)
        os.replace(self.root / other, self.root / name)
        os.replace(aside, self.root / other)
        lines = self._lineages
        lines[name], lines[other] = lines[other], lines[name]

    def move_folder(self, folder: str, to: str) -> None:
        """Rename a folder with all that is in it; one of that name is gone."""
        shutil.rmtree(self.root / to, ignore_errors=True)
        os.replace(self.root / folder, self.root / to)
        moved = [name for name in self._lineages if name.startswith(f"{folder}/")]
        for gone in [name for name in self._lineages if name.startswith(f"{to}/")]:
            self._is_damaged(gone)
            del self._lineages[gone]
        for name in moved:
            self._lineages[f"{to}/{name.partition('/')[2]}"] = self._lineages.pop(name)

    def copy(self, name: str, to: str) -> None:
        """Let a file stand in two places."""
        (self.root / to).parent.mkdir(exist_ok=True)
        self._write(to, self.content(name), "wb")
        self._lineages[to] = _Lineage(self._lineages[name].session)
        self.unordered.add(self._lineages[name].session)

    def delete(self, name: str) -> None:
        """Remove a file."""
        self._is_damaged(name)
        (self.root / name).unlink()
        del self._lineages[name]

    def touch(self, name: str, age_s: float) -> None:
        """Give a file another time."""
        self._set_time(self.root / name, age_s)

    def names(self) -> list[str]:
        """Return the files that are there."""
        return sorted(self._lineages)

    # ------------------------------------------------------------------------------------------

    def _is_damaged(self, name: str) -> None:
        self._lineage(name).rest = b""
        self.damaged.add(self._lineage(name).session)

    def _lineage(self, name: str) -> _Lineage:
        if name not in self._lineages:
            is_named = self._dialect.is_file_session
            self._sessions += 1
            self._lineages[name] = _Lineage(Path(name).stem if is_named else f"s{self._sessions}")
        return self._lineages[name]

    def _write(self, name: str, content: bytes, mode: str, size: int | None = None) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        if size is not None:
            os.truncate(path, size)
        else:
            with path.open(mode) as file:
                file.write(content)
        self._set_time(path, 0)

    def _set_time(self, path: Path, age_s: float) -> None:
        self._ticks += 1  # no two changes at the same time, but on a disk with coarse times
        at_ns = int((self._clock.now().timestamp() - age_s) * 1e9)
        at_ns = at_ns // 10**9 * 10**9 if self.is_coarse else at_ns - 10**6 + self._ticks
        os.utime(path, ns=(at_ns, at_ns))
