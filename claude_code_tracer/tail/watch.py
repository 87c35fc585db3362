"""Which files have news, found by looking at them often or rarely; nothing is watched by the OS.

A file that changed in the last minute is looked at several times a second, one that did in the last
quarter of an hour every second; all others when the folders are searched. A change is any
difference in device, inode, size, mtime or ctime since the file was last read, so a lost
notification cannot exist (F43).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from claude_code_tracer.tail.discover import Found, find

__all__ = ["IDLE_S", "Watch", "is_fresh"]

HOT_S = 15 * 60
HOT_MAX = 64
FOLDERS_MAX = 500
"""As many are looked at every second; that is about a millisecond."""
AT_WORK_S = 3600.0
RESTS_S = 60.0
REST_EVERY_S = 1.0
RACY_S = 2.0
IDLE_S = 10 * 60
"""How long a last line without newline must stand still to count as finished (F11)."""


@dataclass(frozen=True, slots=True)
class _Look:
    found: Found
    has_tail: bool
    is_racy: bool


class Watch:
    """Remember how every file looked when it was read, and say which need reading again."""

    def __init__(self) -> None:
        self._looks: dict[str, _Look] = {}
        self._hot: dict[str, datetime] = {}
        self._folders: dict[str, int] = {}
        self._all_at = self._changed_at = datetime.min.replace(tzinfo=UTC)
        """When all hot files were looked at, and when the last change of any file was seen."""

    def knows(self, path: str) -> bool:
        """Tell whether the file was looked at since the start."""
        return path in self._looks

    def has_news(self, found: Found, now: datetime) -> bool:
        """Tell whether `found` must be read: it changed, or its last line stands still by now."""
        look = self._looks.get(found.path)
        if look is None or look.found != found or look.is_racy:
            return True
        return look.has_tail and _age_s(found, now) >= IDLE_S

    def was_read(self, found: Found, now: datetime, *, has_tail: bool) -> None:
        """Remember that everything `found` (taken before reading) shows was read.

        A file that changed within two seconds before may change again without any visible trace,
        because its times are that coarse on some disks: it is read once more (F31).
        """
        previous = self._looks.get(found.path)
        is_racy = is_fresh(found, now)
        self._looks[found.path] = _Look(found, has_tail, is_racy)
        if previous and previous.found != found:
            self._hot[found.path] = self._changed_at = now
        elif previous is None and abs(_age_s(found, now)) < HOT_S:
            self._hot[found.path] = datetime.fromtimestamp(found.mtime_ns / 1e9, UTC)
            self._changed_at = max(self._changed_at, self._hot[found.path])

    def forget(self, path: str) -> None:
        """Forget a file that is gone or must be read anew."""
        self._looks.pop(path, None)
        self._hot.pop(path, None)

    def hot_news(self, now: datetime) -> list[Found]:
        """Look at the hot files and return those with news, newest first."""
        news = []
        for path in self._due(now):
            found = find(path)
            if found is None:
                self.forget(path)
            elif self.has_news(found, now):
                news.append(found)
        return sorted(news, key=lambda found: -found.mtime_ns)

    def _due(self, now: datetime) -> list[str]:
        """Return the files to look at now: those that rest for a minute take turns of a second."""
        if abs((now - self._all_at).total_seconds()) >= REST_EVERY_S:
            self._all_at = now
            return list(self._hot)
        return [path for path, at in self._hot.items() if (now - at).total_seconds() < RESTS_S]

    def was_searched(self, folders: dict[str, int], now: datetime) -> None:
        """Remember the folders of a search and when each last got or lost a name."""
        self._folders = folders
        self._cool_down(now)

    def has_rested(self, now: datetime) -> bool:
        """Tell whether no file changed within the last hour: nobody is at work."""
        return abs((now - self._changed_at).total_seconds()) > AT_WORK_S

    def has_new_names(self) -> bool:
        """Tell whether a folder got a new name; with very many, only those near hot files count."""
        folders = set(self._folders)
        if len(folders) > FOLDERS_MAX:
            near = {os.path.dirname(path) for path in self._hot}
            folders &= near | {os.path.dirname(folder) for folder in near}
        return any(_mtime_ns(path) != self._folders[path] for path in folders)

    def _cool_down(self, now: datetime) -> None:
        newest = sorted(self._hot.items(), key=lambda item: item[1], reverse=True)[:HOT_MAX]
        self._hot = {path: at for path, at in newest if (now - at).total_seconds() < HOT_S}


def is_fresh(found: Found, now: datetime) -> bool:
    """Tell whether the file may change again without a visible trace (F31)."""
    return 0 <= _age_s(found, now) < RACY_S


def _age_s(found: Found, now: datetime) -> float:
    return now.timestamp() - found.mtime_ns / 1e9


def _mtime_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1
