"""The server as a process: start it, find one that runs, signal it, wait for its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from claude_code_tracer.local.pg_place import Place

__all__ = ["Postmaster", "clear_the_dead", "find_postmaster", "spawn"]

_INHERITED = ("PATH", "LD_LIBRARY_PATH")
_CHILDREN_LEAVE_S = 3.0
_FAST, _IMMEDIATE = signal.SIGINT, signal.SIGQUIT
_FAST_S, _IMMEDIATE_S, _KILL_S = 10.0, 5.0, 5.0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server: our child, or one that an earlier process of ours left behind."""

    process: psutil.Process
    sockets: Path
    port: int
    child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_alive(self) -> bool:
        """Tell whether it runs and can be reached; a child that has died is reaped."""
        if self.child is not None:
            if self.child.poll() is not None:
                return False
        elif not _is_running(self.process):
            return False
        return (self.sockets / f".s.PGSQL.{self.port}").exists()

    def stop(self) -> None:
        """End it: politely, then at once (it recovers at the next start), then by force."""
        for number, patience_s in (
            (_FAST, _FAST_S),
            (_IMMEDIATE, _IMMEDIATE_S),
            (signal.SIGKILL, _KILL_S),
        ):
            with contextlib.suppress(psutil.NoSuchProcess):
                self.process.send_signal(number)
            if self.has_ended(patience_s):
                return

    def has_ended(self, within_s: float) -> bool:
        """Wait up to `within_s` for its end."""
        try:
            if self.child is not None:
                self.child.wait(within_s)
            elif _is_running(self.process):
                self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        except psutil.TimeoutExpired:
            return not _is_running(self.process)  # a zombie stays as long as its parent likes
        return True


def spawn(
    command: Sequence[str | Path], place: Place, env: Mapping[str, str], log: int
) -> subprocess.Popen[bytes]:
    """Start a program of PostgreSQL as the place's user, its output going to `log`.

    In a session of its own, so that Ctrl-C in the terminal does not reach it, and with hardly any
    environment: PGDATA, PGOPTIONS and the like are the user's, not ours.
    """
    user = place.user
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=place.folder,
        env={name: env[name] for name in _INHERITED if name in env} | {"LC_ALL": "C", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        umask=0o077,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )


def find_postmaster(place: Place) -> Postmaster | None:
    """Return the server that runs on the place's data folder, whoever started it.

    `postmaster.pid` alone proves nothing: the number may be a zombie's or a stranger's by now.
    A server works inside its data folder, which no other process does; so the working folder is
    what is compared. Start times are not: those of the system shift when its clock is set.
    """
    try:
        lines = (place.data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        process = psutil.Process(int(lines[0]))
        if not _works_in(process, place.data):
            return None
        return Postmaster(process, sockets=Path(lines[4]), port=int(lines[3]))
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def clear_the_dead(place: Place) -> None:
    """Remove what a killed server left: its last processes and the files that hold its number.

    PostgreSQL would take a zombie or a stranger with that number for the old server and not start.
    """
    left_over = [place.data / "postmaster.pid", *place.sockets.glob(".s.PGSQL.*")]
    if not any(path.exists() for path in left_over):
        return
    # They notice that their parent is gone and leave; one that computes does not look up.
    _, stubborn = psutil.wait_procs(list(_servers_below(place.folder)), _CHILDREN_LEAVE_S)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, _KILL_S)
    for path in left_over:
        path.unlink(missing_ok=True)


def _servers_below(folder: Path) -> Iterator[psutil.Process]:
    """Find the processes of this place's servers, also those of a data folder moved aside."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _works_in(process, folder):
                yield process


def _works_in(process: psutil.Process, folder: Path) -> bool:
    return (
        process.name().startswith("postgres")
        and _is_running(process)
        and Path(os.path.realpath(process.cwd())).is_relative_to(os.path.realpath(folder))
    )


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
