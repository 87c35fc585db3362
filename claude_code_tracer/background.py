"""Start the tracer detached from the terminal, and stop or restart it from another process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import psutil

from claude_code_tracer.config import Config, find_home, load_config
from claude_code_tracer.errors import (
    AlreadyRunning,
    ConfigError,
    NotRunning,
    TracerError,
)
from claude_code_tracer.health import Health, read_health
from claude_code_tracer.local.backend import stop_orphans
from claude_code_tracer.lock import running_pid
from claude_code_tracer.paths import create_private_file, unusable

__all__ = ["restart_detached", "start_detached", "stop_running"]

_START_WAIT_S = 60.0
_STOP_WAIT_S = 15.0
_POLL_S = 0.03


def start_detached(config: Config, *, verbose: bool = False) -> Health:
    """Start the tracer in the background and wait until it serves; its own error if it does not."""
    home = config.home.create()
    if pid := running_pid(home.daemon_lock):
        raise AlreadyRunning(f"claude-tracer is already running (pid {pid})")
    errors = home.log.with_name("start-errors.log")
    command = [sys.executable, "-m", "claude_code_tracer", "start", "--quiet"]
    command += ["--port", str(config.settings.port), *(["--verbose"] if verbose else [])]
    with _opened(errors) as stderr:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
            cwd="/",
            env=dict(config.env),
        )
    deadline_s = time.monotonic() + _START_WAIT_S
    while time.monotonic() < deadline_s:
        health = read_health(home)
        if health and health.pid == child.pid and health.state == "running":
            return health
        if (code := child.poll()) is not None:
            raise _start_error(code, errors.read_text("utf-8", "replace"))
        time.sleep(_POLL_S)
    raise TracerError(
        f"claude-tracer (pid {child.pid}) does not serve yet: see `claude-tracer logs`"
    )


def _opened(errors: Path) -> BinaryIO:
    try:
        return create_private_file(errors).open("wb")
    except OSError as exc:
        raise unusable(exc, f"cannot write {errors}", "make it a file of yours") from exc


def restart_detached(config: Config, *, verbose: bool = False) -> Health:
    """Stop the tracer if one runs, and start it in the background."""
    with contextlib.suppress(NotRunning):
        stop_running(config.env)
    return start_detached(config, verbose=verbose)


def _start_error(code: int, said: str) -> TracerError:
    """Return the error the child ended with, so that this process ends with the same code."""
    last_line = said.strip().rsplit("\n", 1)[-1].removeprefix("error: ")
    message = last_line or f"claude-tracer ended with code {code}: see `claude-tracer logs`"
    kinds = (AlreadyRunning, ConfigError, TracerError)
    return next((kind for kind in kinds if kind.exit_code == code), TracerError)(message)


def stop_running(env: Mapping[str, str]) -> int:
    """Stop the running tracer and return its pid; NotRunning when there is none.

    What a killed tracer left behind (its database server) is stopped as well. Settings are not
    needed to stop one that runs, so broken ones are in nobody's way.
    """
    pid = running_pid(find_home(env).daemon_lock)
    if pid is None:
        stop_orphans(load_config(env))
        raise NotRunning("claude-tracer is not running")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline_s = time.monotonic() + _STOP_WAIT_S
    while _is_alive(pid):
        if time.monotonic() > deadline_s:
            raise TracerError(
                f"claude-tracer (pid {pid}) does not stop: kill -9 {pid} loses nothing"
            )
        time.sleep(_POLL_S)
    return pid


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # nobody may reap it
    except psutil.NoSuchProcess:
        return False
