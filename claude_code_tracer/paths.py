"""Where the tracer keeps its own files. Every folder is 0700 and every file 0600 from the start."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from claude_code_tracer.errors import ConfigError, StorageFull

__all__ = ["Home", "create_private_file", "require_room", "unusable", "write_private_file"]

_PROBE = bytes(256 * 1024)
"""What the first minutes of a start write at least, the server not counted."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MAKE_ROOM = "make room and try again; nothing is lost"


@dataclass(frozen=True, slots=True)
class Home:
    """The data folder (`CLAUDE_TRACER_HOME`) and the names in it."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "config.yml"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox" / "records.db"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials.json"

    @property
    def signing_key(self) -> Path:
        return self.root / "keys" / "signing-key.json"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def log(self) -> Path:
        return self.root / "log" / "claude-tracer.log"

    @property
    def gateway_log(self) -> Path:
        return self.root / "log" / "gateway.log"

    @property
    def postgres_log(self) -> Path:
        return self.root / "log" / "postgres.log"

    @property
    def daemon_lock(self) -> Path:
        return self.root / "daemon.lock"

    @property
    def health(self) -> Path:
        return self.root / "health.json"

    @property
    def requests(self) -> Path:
        return self.root / "requests"

    def create(self) -> Home:
        """Create the folder and its parts, 0700.

        ConfigError when that is not possible, StorageFull when there is no room.
        """
        try:
            parents = (self.outbox.parent, self.signing_key.parent, self.log.parent)
            for folder in (self.root, *parents, self.requests):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _try_to_write(self.root / f".writable.{os.getpid()}")
        except OSError as exc:
            raise unusable(
                exc,
                f"cannot write to the data folder {self.root}",
                "make it writable or set CLAUDE_TRACER_HOME to another folder",
            ) from exc
        return self


def unusable(exc: OSError, what: str, advice: str) -> ConfigError | StorageFull:
    """Return the error for a file that cannot be used; a full disk has an advice of its own."""
    full = exc.errno in _FULL
    message = f"{what} ({exc.strerror}): {_MAKE_ROOM if full else advice}"
    return StorageFull(message) if full else ConfigError(message)


def require_room(folder: Path, size: int) -> None:
    """Raise StorageFull when the disk of `folder` has less than `size` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise StorageFull(
            f"no space left on the disk of {folder} ({free / 1e6:.1f} MB of the "
            f"{size / 1e6:.0f} MB that are needed): {_MAKE_ROOM}"
        )


def _try_to_write(probe: Path) -> None:
    try:
        create_private_file(probe).write_bytes(_PROBE)
    finally:
        probe.unlink(missing_ok=True)


def create_private_file(path: Path) -> Path:
    """Make sure `path` exists with mode 0600 before anybody writes to it (S38: no window)."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return path


def write_private_file(path: Path, content: bytes, *, is_durable: bool = True) -> None:
    """Replace `path` with `content` in one step; mode 0600, durable when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
