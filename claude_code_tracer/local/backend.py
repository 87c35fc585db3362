"""The embedded Supabase as one thing: PostgreSQL, its schema, the local account and the gateway."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from claude_code_tracer.clock import Clock, SystemClock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import TracerError
from claude_code_tracer.local.account import ensure_local_account
from claude_code_tracer.local.gateway_process import GatewayProcess
from claude_code_tracer.local.keys import ensure_keys
from claude_code_tracer.local.migrate import migrate
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.local.probe import Probe
from claude_code_tracer.log import event

__all__ = ["Backend", "GatewayCommand", "stop_orphans"]

GatewayCommand = Callable[[int, str], Sequence[str]]
"""Builds the gateway's command line from a port and a conninfo."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_STABLE_S = 60.0
"""Who ran this long has recovered; who dies sooner is restarted ever more slowly."""


class Backend:
    """The server on this machine. `start` it, call `watch` about once a second, `stop` it."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock | None = None,
        postgres: Postgres | None = None,
        gateway_command: GatewayCommand | None = None,
    ) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._postgres = postgres or Postgres(config)
        self._gateway_command = gateway_command or _gateway_command
        self._gateway = GatewayProcess(
            {**config.env, "CLAUDE_TRACER_HOME": str(config.home.root)},
            config.home.gateway_log,
            config.settings.log_max_bytes,
        )
        self._probe = Probe(self._clock)
        self._port = config.settings.port
        self._is_started = False
        self._cancel = threading.Event()
        self._restarter: ThreadPoolExecutor | None = None
        self._restart: Future[None] | None = None
        self._problem = ""
        self._pause_s = _FIRST_PAUSE_S
        self._restarted_at_s = float("-inf")

    @property
    def url(self) -> str:
        """Where the dashboard and the API are."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Have everything serve when this returns; a TracerError says what to do otherwise."""
        self._is_started = True
        self._bring_up()
        event("backend", "started", url=self.url)

    def watch(self) -> dict[str, str]:
        """Restart what died or hangs, in the background, ever more slowly; return `state()`."""
        if self._restart is not None and self._restart.done():
            self._finish_restart(self._restart)
        if self._restart is None and self._is_started and not self._cancel.is_set():
            self._end_what_hangs()
            is_whole = self._postgres.is_alive() and self._gateway.is_alive()
            since_last_s = self._clock.monotonic_s() - self._restarted_at_s
            if not is_whole and since_last_s >= self._pause_s:
                self._begin_restart(since_last_s)
        return self.state()

    def state(self) -> dict[str, str]:
        """Return what runs, for the health file, and the `problem` if a restart failed.

        Each part is `running`, `restarting`, `failed` (waiting for the next try) or `stopped`.
        """
        down = "failed" if self._problem and self._restart is None else "restarting"
        if not self._is_started or self._cancel.is_set():
            down = "stopped"
        state = {
            "postgres": "running" if self._postgres.is_alive() else down,
            "gateway": "running" if self._gateway.is_alive() else down,
        }
        return state | ({"problem": self._problem} if self._problem else {})

    def cancel(self) -> None:
        """Give up a start or restart under way: `start` raises; `stop` is still to be called."""
        self._cancel.set()

    def stop(self) -> None:
        """Stop the gateway, then PostgreSQL; a restart under way is given up."""
        self._cancel.set()
        if self._restarter is not None:
            self._restarter.shutdown()
        self._restart, self._problem = None, ""
        self._probe.forget()
        try:
            self._gateway.stop()
        finally:
            if self._postgres.pid is not None:
                self._postgres.stop()

    def _bring_up(self) -> None:
        """Start what does not run; what runs is left alone."""
        self._config.home.create()
        keys = ensure_keys(self._config.home)
        if not self._postgres.is_alive():
            self._postgres.start(self._cancel)
            migrate(self._postgres.conninfo)
        if not self._gateway.is_alive():
            command = self._gateway_command(self._port, self._postgres.conninfo("authenticator"))
            self._port = self._gateway.start(command, self._port, self._cancel)
        owner = self._postgres.conninfo("postgres")
        ensure_local_account(owner, self._config.home, self.url, keys.publishable)

    def _end_what_hangs(self) -> None:
        """Kill a gateway that has not answered for half a minute, so that it is restarted."""
        if self._gateway.is_alive() and self._probe.is_hanging(self._port):
            event("backend", "gateway_hangs", level=logging.ERROR, consequence="it is restarted")
            self._gateway.kill()

    def _begin_restart(self, since_last_s: float) -> None:
        is_new_trouble = since_last_s > _STABLE_S
        self._pause_s = (
            _FIRST_PAUSE_S if is_new_trouble else min(self._pause_s * 2, _LONGEST_PAUSE_S)
        )
        self._restarted_at_s = self._clock.monotonic_s()
        event("backend", "restarting", level=logging.WARNING, **self.state())
        if self._restarter is None:
            self._restarter = ThreadPoolExecutor(1, "backend-restart")
        self._restart = self._restarter.submit(self._bring_up)

    def _finish_restart(self, restart: Future[None]) -> None:
        self._restart = None
        self._probe.forget()
        error = restart.exception()
        self._problem = str(error) if error else ""
        if error:
            event("backend", "restart_failed", level=logging.ERROR, reason=error)
            if not isinstance(error, TracerError | OSError):
                raise error


def stop_orphans(config: Config) -> None:
    """Stop the server that a killed tracer left behind, if there is one."""
    if config.home.root.exists():
        Postgres(config).stop()


def _gateway_command(port: int, conninfo: str) -> list[str]:
    module = "claude_code_tracer.local.gateway"
    return [sys.executable, "-m", module, "--port", str(port), "--conninfo", conninfo]
