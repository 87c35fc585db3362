"""A server to talk to: the running tracer's, or one started for the length of a command."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from claude_code_tracer.config import Config
from claude_code_tracer.errors import AlreadyRunning, NotRunning
from claude_code_tracer.health import Health, read_health
from claude_code_tracer.local.backend import Backend
from claude_code_tracer.lock import InstanceLock, running_pid

__all__ = ["served", "wait_until_running"]

_START_WAIT_S = 30.0
_POLL_S = 0.05
_WATCH_S = 0.5


@contextmanager
def served(config: Config) -> Iterator[None]:
    """Make sure the server answers while the body runs; what is started here is stopped here."""
    config.home.create()
    try:
        lock = InstanceLock(config.home.daemon_lock).__enter__()
    except AlreadyRunning:
        wait_until_running(config)
        yield
        return
    try:
        with _own_backend(config):
            yield
    finally:
        lock.__exit__(None, None, None)


@contextmanager
def _own_backend(config: Config) -> Iterator[None]:
    """Serve, and restart what dies, until the body ends."""
    backend = Backend(config)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_WATCH_S):
            backend.watch()

    watcher = threading.Thread(target=watch, name="backend-watch", daemon=True)
    try:
        backend.start()
        watcher.start()
        yield
    finally:
        done.set()
        if watcher.ident is not None:
            watcher.join()
        backend.stop()


def wait_until_running(config: Config) -> Health:
    """Wait for the tracer that holds the lock to serve; NotRunning when it does not."""
    deadline_s = time.monotonic() + _START_WAIT_S
    while running_pid(config.home.daemon_lock) and time.monotonic() < deadline_s:
        health = read_health(config.home)
        if health and health.state == "running":
            return health
        time.sleep(_POLL_S)
    raise NotRunning("claude-tracer did not finish starting: see `claude-tracer logs`")
