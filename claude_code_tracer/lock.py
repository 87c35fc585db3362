"""One tracer per data folder: an flock that dies with its process, so no stale lock exists."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from claude_code_tracer.errors import AlreadyRunning, ConfigError

__all__ = ["InstanceLock", "running_pid"]

_ATTEMPTS = 10
_PAUSE_S = 0.02


class InstanceLock:
    """Hold the data folder's lock as a context manager; AlreadyRunning names the holder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> InstanceLock:
        for _ in range(_ATTEMPTS):
            fd = _open(self._path)
            locked = _try_lock(fd, fcntl.LOCK_EX)
            if locked and _is_same_file(fd, self._path):  # F53: the file may be unlinked meanwhile
                os.ftruncate(fd, 0)
                os.pwrite(fd, str(os.getpid()).encode(), 0)
                self._fd = fd
                return self
            pid = _read_pid(fd)
            os.close(fd)
            time.sleep(0 if locked else _PAUSE_S)  # `running_pid` holds it for an instant
        raise AlreadyRunning(
            f"claude-tracer is already running (pid {pid or 'unknown'}): "
            "see `claude-tracer status`, or stop it with `claude-tracer stop`"
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def running_pid(path: Path) -> int | None:
    """Return the pid of the tracer that holds the lock at `path`, or None when nobody does."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(fd, fcntl.LOCK_SH) else _read_pid(fd)
    finally:
        os.close(fd)


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ConfigError(f"cannot open {path} ({exc.strerror}): make it writable") from exc


def _read_pid(fd: int) -> int | None:
    text = os.pread(fd, 20, 0)
    return int(text) if text.isdigit() else None


def _is_same_file(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
