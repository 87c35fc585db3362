"""What systemd and launchd have in common for us, and how their programs are run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from claude_code_tracer.config import Config
from claude_code_tracer.errors import ConfigError, TracerError
from claude_code_tracer.paths import write_private_file
from claude_code_tracer.sources.registry import SOURCES

__all__ = [
    "Answer",
    "Manager",
    "ServiceStatus",
    "ask",
    "command",
    "environment_of",
    "write_unit",
]

_PATIENCE_S = 60.0
_OWN_VARIABLES = ("CLAUDE_TRACER_PORT", "CLAUDE_TRACER_PG_BIN", "CLAUDE_TRACER_PG_USER", "PATH")


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What the service manager says of our service."""

    manager: str
    file: Path
    is_installed: bool
    is_enabled: bool
    """It starts at the next login."""
    is_running: bool
    pid: int | None
    state: str
    """In the manager's own words."""
    has_failed: bool = False
    """Its last run ended with an error; the manager may try again."""
    problem: str | None = None
    """Why the manager could not be asked."""


class Manager(Protocol):
    """One kind of service manager."""

    name: str
    log_hint: str
    """The command that shows what a service that does not start said."""
    boot_hint: str
    """How to have it start without a login."""

    @property
    def file(self) -> Path:
        """Where the service is described."""
        ...

    def content(self) -> bytes:
        """Return the description as it would be written now."""
        ...

    def check(self) -> None:
        """Raise ConfigError with advice when there is no manager to talk to."""
        ...

    def start(self, *, is_changed: bool) -> None:
        """Have the described service run now and at each login."""
        ...

    def restart(self) -> None:
        """Stop the service and start it again."""
        ...

    def forget(self, *, is_answering: bool) -> None:
        """Stop the service and have it start never again; not running is fine.

        When the manager does not answer nothing of it runs, and files are all there is to remove.
        """
        ...

    def status(self) -> ServiceStatus:
        """Say what is installed, enabled and running; never raises for a silent manager."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """The last thing it said on stderr, else its exit code."""
        lines = self.err.strip().splitlines() or [f"exit code {self.code}"]
        return lines[-1]


def ask(env: Mapping[str, str], program: str, *arguments: str) -> Answer:
    """Run a program of the system and return its answer, whatever its exit code."""
    path = shutil.which(program, path=env.get("PATH"))
    if path is None:
        raise ConfigError(
            f"there is no {program} on this machine: start without a service, with "
            "`claude-tracer start --daemon`"
        )
    try:
        done = subprocess.run(
            [path, *arguments],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise TracerError(f"cannot run {path} {' '.join(arguments)}: {exc}") from exc
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return Answer(done.returncode, out, err)


def command() -> list[str]:
    """Return what the service runs: this Python, this installation."""
    return [sys.executable, "-m", "claude_code_tracer", "start", "--quiet"]


def environment_of(config: Config) -> dict[str, str]:
    """Return the variables the service needs: a service does not see those of a shell.

    These are ours and those that say where the tools keep their transcripts; nothing else, because
    the file is not secret and the environment may be (S37).
    """
    asked = _Asked(config.env)
    for source in SOURCES:
        source.roots(asked, config.user_home)
    wanted = dict.fromkeys([*_OWN_VARIABLES, *sorted(asked.names - {"HOME"})])
    told = {name: config.env[name] for name in wanted if config.env.get(name)}
    return {"CLAUDE_TRACER_HOME": str(config.home.root)} | told


def write_unit(file: Path, content: bytes) -> bool:
    """Put `content` at `file`, readable for everybody; False when it stands there already."""
    try:
        if file.is_file() and file.read_bytes() == content:
            return False
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private_file(file, content)
        file.chmod(0o644)
    except OSError as exc:
        raise ConfigError(f"cannot write {file} ({exc.strerror}): make it writable") from exc
    return True


class _Asked(Mapping[str, str]):
    """An environment that remembers what was looked up in it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)
