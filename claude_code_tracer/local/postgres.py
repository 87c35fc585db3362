"""The embedded PostgreSQL: one server per data folder, started, adopted, watched and stopped."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from claude_code_tracer.config import Config
from claude_code_tracer.errors import DatabaseFailed
from claude_code_tracer.local.pg_binaries import Binaries, find_binaries
from claude_code_tracer.local.pg_cluster import ADMIN, advice, check_data, create_data
from claude_code_tracer.local.pg_place import (
    Place,
    find_place,
    leave_pointer,
    prepare_place,
    reachable_binaries,
)
from claude_code_tracer.local.pg_process import (
    Postmaster,
    clear_the_dead,
    find_postmaster,
    spawn,
)
from claude_code_tracer.log import event
from claude_code_tracer.paths import create_private_file, require_room

__all__ = ["Postgres"]

_START_S = 120.0
"""Recovery after a crash reads the whole log; on a slow disk that takes its time."""
_POLL_S = 0.01
_ROOM_BYTES = 4_000_000
"""With less the server cannot even write down that it runs."""
_SOCKET_PORT = 5432
_REASON_BYTES = 8192
_DAMAGE = ("control file", "checkpoint record", "incompatible", "the database system", "PANIC")

_SETTINGS = {
    "shared_buffers": "32MB",
    "max_connections": "40",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
    # Errors quote values and statements, that is transcripts; the client has them anyway.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


class Postgres:
    """The server of one data folder; `major` picks the PostgreSQL, `extra` adds settings.

    It listens on a unix socket that only its owner can open; with `tcp_port` also on 127.0.0.1,
    where a role needs a password. It outlives its starter on purpose: the next one adopts it.
    """

    def __init__(
        self,
        config: Config,
        *,
        major: int | None = None,
        tcp_port: int | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self._config = config
        self._major = major
        self._tcp_port = tcp_port
        self._extra = dict(extra or {})
        self._postmaster: Postmaster | None = None

    @cached_property
    def _binaries(self) -> Binaries:
        return find_binaries(self._config.env, self._major)

    @cached_property
    def place(self) -> Place:
        """Where its folders are."""
        return find_place(self._config, self._binaries.major)

    @property
    def pid(self) -> int | None:
        """The server's process id once it was started or adopted."""
        return self._postmaster.pid if self._postmaster else None

    def start(self, cancel: threading.Event | None = None) -> None:
        """Have a server that answers when this returns; adopts one that already runs.

        The data folder exists (`Home.create`). Raises DatabaseFailed with advice, also when
        `cancel` is set while it waits.
        """
        deadline = _Deadline(_START_S, cancel)
        try:
            with self._locked(deadline):
                prepare_place(self.place)
                self._postmaster = self._adopt(deadline) or self._launch(deadline)
        except OSError as exc:
            raise DatabaseFailed(
                f"cannot start PostgreSQL in {self.place.folder}: {exc.filename or ''} "
                f"({exc.strerror}): make room or correct the permissions, then start again"
            ) from exc

    def stop(self) -> None:
        """Stop the server, also one that somebody else of us started; nothing runs: no harm."""
        postmaster = self._postmaster or find_postmaster(self.place)
        self._postmaster = None
        if postmaster is not None:
            postmaster.stop()
            event("postgres", "stopped", pid=postmaster.pid)

    def is_alive(self) -> bool:
        """Tell whether the server that was started or adopted still runs."""
        return self._postmaster is not None and self._postmaster.is_alive()

    def conninfo(self, user: str, dbname: str = "postgres") -> str:
        """Return how to connect as `user` over the socket."""
        running = self._postmaster or find_postmaster(self.place)
        sockets = running.sockets if running else self.place.sockets
        return _conninfo(sockets, running.port if running else self._port, user, dbname=dbname)

    @property
    def _port(self) -> int:
        return self._tcp_port or _SOCKET_PORT

    def _adopt(self, deadline: _Deadline) -> Postmaster | None:
        running = find_postmaster(self.place)
        if running is None:
            return None
        if self._postmaster is not None and self._postmaster.pid == running.pid:
            running = self._postmaster  # our child: who else would reap it
        if running.is_alive() and self._answers(running, deadline):
            event("postgres", "adopted", pid=running.pid)
            return running
        running.stop()  # it lives and nobody can reach it: its socket was deleted
        return None

    def _launch(self, deadline: _Deadline) -> Postmaster:
        binaries = reachable_binaries(self._binaries, self.place.user)
        if not check_data(self.place, binaries):
            create_data(self.place, binaries, self._config.env, deadline.cancel)
            leave_pointer(self.place, self._config.home)
        require_room(self.place.folder, _ROOM_BYTES)
        clear_the_dead(self.place)
        with _log_file(self._config) as log:
            begin = os.fstat(log).st_size
            child = spawn(self._command(binaries), self.place, self._config.env, log)
        process = psutil.Process(child.pid)
        started = Postmaster(process, self.place.sockets, self._port, child)
        self._postmaster = started  # whatever happens next, `stop` knows what to stop
        if not self._answers(started, deadline):
            raise DatabaseFailed(self._failure(begin))
        event("postgres", "started", pid=started.pid)
        return started

    def _command(self, binaries: Binaries) -> list[str | Path]:
        settings = _SETTINGS | {
            "unix_socket_directories": str(self.place.sockets),
            "listen_addresses": "127.0.0.1" if self._tcp_port else "",
            "port": str(self._port),
        }
        if binaries.major >= 18:
            settings["io_method"] = "sync"  # three processes less
        settings |= self._extra
        options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return [binaries.postgres, "-D", self.place.data, *options]

    def _answers(self, running: Postmaster, deadline: _Deadline) -> bool:
        """Wait for a connection; False when the process ends, DatabaseFailed on the deadline.

        A server that takes too long is left alone: to recover it again from the start would only
        take longer, and the next start adopts it.
        """
        conninfo = _conninfo(running.sockets, running.port, ADMIN, connect_timeout=2)
        while not running.has_ended(0):
            try:
                psycopg.connect(conninfo).close()
                return True
            except psycopg.OperationalError:
                deadline.pause(f"PostgreSQL in {self.place.folder} does not answer yet")
        return False

    def _failure(self, begin: int) -> str:
        log = self._config.home.postgres_log
        with log.open("rb") as file:
            file.seek(max(begin, file.seek(0, os.SEEK_END) - _REASON_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        said = (fatal[-1:] or lines[:1] or ["it ended without a word"])[0]
        reason = said.partition("FATAL:")[2].strip() or said
        todo = advice(self.place)
        if not any(word in reason for word in _DAMAGE):
            todo = f"see {log}; if it says that the folder is damaged, {todo}"
        return f"PostgreSQL does not start in {self.place.data} ({reason}): {todo}"

    @contextlib.contextmanager
    def _locked(self, deadline: _Deadline) -> Iterator[None]:
        """Hold the start lock: two starts at once end with one server."""
        path = create_private_file(self._config.home.root / "postgres.lock")
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            while not _try_lock(fd):
                deadline.pause(f"another process is busy starting PostgreSQL (it holds {path})")
            yield
        finally:
            os.close(fd)


def _conninfo(
    sockets: Path, port: int, user: str, *, dbname: str = "postgres", connect_timeout: int = 10
) -> str:
    return make_conninfo(
        host=str(sockets),
        port=port,
        user=user,
        dbname=dbname,
        connect_timeout=connect_timeout,
        client_encoding="utf8",
        options="",  # the user's PGOPTIONS are not meant for us
    )


class _Deadline:
    """A wait that ends: by time, or because somebody does not want it any more."""

    def __init__(self, seconds: float, cancel: threading.Event | None = None) -> None:
        self.cancel = cancel or threading.Event()
        self._end_s = time.monotonic() + seconds
        self._seconds = seconds

    def pause(self, waiting_for: str) -> None:
        if self.cancel.wait(_POLL_S):
            raise DatabaseFailed(f"{waiting_for}: the start was cancelled")
        if time.monotonic() > self._end_s:
            raise DatabaseFailed(f"{waiting_for} after {self._seconds:.0f} s: try again later")


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _log_file(config: Config) -> Iterator[int]:
    """Open the server's log; it grows little, so it is enough to set a big one aside at a start."""
    path = create_private_file(config.home.postgres_log)
    if path.stat().st_size > config.settings.log_max_bytes:
        path.replace(path.with_name(f"{path.name}.1"))
        create_private_file(path)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
