"""The gateway as a child process: started, waited for, and gone when we are gone."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from claude_code_tracer.errors import ConfigError, DatabaseFailed
from claude_code_tracer.log import event
from claude_code_tracer.paths import create_private_file

__all__ = ["GatewayProcess"]

_START_S = 60.0
_STOP_S = 2.0
_POLL_S = 0.05
_BAD_CONFIGURATION = 78
_REASON_BYTES = 4096
_PACKAGES = Path(__file__).parents[2]


class GatewayProcess:
    """One gateway at a time; it serves when `start` returns and ends when its stdin does.

    `log` takes what it says on stderr; a log above `log_max_bytes` is set aside at a start.
    """

    def __init__(self, env: Mapping[str, str], log: Path, log_max_bytes: int) -> None:
        self._env = dict(env)
        self._log = log
        self._log_max_bytes = log_max_bytes
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], port: int, cancel: threading.Event) -> int:
        """Run `command` and return the port it serves on (`port` is what it was told).

        Raises ConfigError when it cannot have that port, DatabaseFailed when it ends or is silent
        for other reasons.
        """
        self.stop()
        begin = self._spawn(command)
        line = self._first_line(cancel)
        try:
            return int(json.loads(line)["port"])
        except (ValueError, KeyError, TypeError) as exc:
            raise self._failure(port, begin) from exc

    def is_alive(self) -> bool:
        """Tell whether it runs; one that has died is reaped."""
        return self._child is not None and self._child.poll() is None

    def kill(self) -> None:
        """End it at once, because it hears nothing."""
        if self._child is not None:
            self._child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_STOP_S)

    def stop(self) -> None:
        """End it: by the end of its stdin, then by SIGTERM, then by force."""
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.terminate()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        event("gateway", "stopped", pid=child.pid, code=child.returncode)

    def _spawn(self, command: Sequence[str]) -> int:
        create_private_file(self._log)
        if self._log.stat().st_size > self._log_max_bytes:
            self._log.replace(self._log.with_name(f"{self._log.name}.1"))
            create_private_file(self._log)
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                command,
                # `python -m` looks into the working folder first; the user's may hold anything.
                cwd=_PACKAGES,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for us: we still send through it
            )
            event("gateway", "started", pid=self._child.pid)
            return log.tell()

    def _first_line(self, cancel: threading.Event) -> bytes:
        assert self._child and self._child.stdout
        fd = self._child.stdout.fileno()
        deadline_s = time.monotonic() + _START_S
        line = b""
        while not line.endswith(b"\n"):
            if cancel.is_set() or time.monotonic() > deadline_s:
                return b""
            if select.select([fd], [], [], _POLL_S)[0]:
                part = os.read(fd, _REASON_BYTES)
                if not part:
                    return line
                line += part
        return line

    def _failure(self, port: int, begin: int) -> ConfigError | DatabaseFailed:
        assert self._child
        child = self._child
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_POLL_S if child.poll() is None else 0)
        code = child.returncode
        self.stop()
        lines = _tail(self._log, begin).decode("utf-8", "replace").splitlines()
        if code == _BAD_CONFIGURATION:
            advice = f"port {port} cannot be used: choose another one with `--port`"
            return ConfigError(lines[-1].strip() if lines else advice)
        reason = lines[-1].strip() if lines else "it said nothing"
        how = "does not answer" if code is None else f"ended with code {code}"
        return DatabaseFailed(f"the gateway {how} ({reason}): see {self._log}")


def _tail(log: Path, begin: int) -> bytes:
    with log.open("rb") as file:
        file.seek(max(begin, file.seek(0, os.SEEK_END) - _REASON_BYTES))
        return file.read()
