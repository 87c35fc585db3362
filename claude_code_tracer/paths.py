"""Where the tracer keeps its own files. Every folder is 0700 and every file 0600 from the start."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from claude_code_tracer.errors import ConfigError

__all__ = ["Home", "create_private_file", "write_private_file"]


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

    def create(self) -> Home:
        """Create the folder and its parts, 0700; ConfigError when that is not possible."""
        try:
            for folder in (self.root, self.outbox.parent, self.signing_key.parent, self.log.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.root / f".writable.{os.getpid()}"
            create_private_file(probe).unlink(missing_ok=True)
        except OSError as exc:
            raise ConfigError(
                f"cannot write to the data folder {self.root} ({exc.strerror}): "
                "make it writable or set CLAUDE_TRACER_HOME to another folder"
            ) from exc
        return self


def create_private_file(path: Path) -> Path:
    """Make sure `path` exists with mode 0600 before anybody writes to it (S38: no window)."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return path


def write_private_file(path: Path, content: bytes) -> None:
    """Replace `path` with `content` in one step; mode 0600, durable when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
