"""A tracer that is kept running, as a service manager would."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Self

from claude_code_tracer.health import read_health
from tests.e2e.world import World

__all__ = ["Service"]

_KILLED = -9
_FAILURES_MAX = 10
_STOP_S = 30


class Service:
    """`claude-tracer start` in the foreground. Use it in a `with` statement."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._process: subprocess.Popen[str] | None = None
        self._failures = 0
        self._log = (world.root / "start.log").open("ab")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process and self.pid:
            self._process.terminate()
            self._process.wait(_STOP_S)
        self._log.close()

    @property
    def pid(self) -> int | None:
        """The tracer's pid; None when it is dead."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start it; `env` may hold a kill point."""
        self._process = self._world.spawn(
            "start", "--quiet", env=dict(env or {}), stdout=self._log, stderr=self._log
        )

    def was_killed(self) -> bool:
        """Tell whether the dead tracer was killed; it must not fail by itself again and again."""
        assert self._process
        if self._process.wait() == _KILLED:
            self._failures = 0
            return True
        self._failures += 1
        assert self._failures < _FAILURES_MAX, (self._world.root / "start.log").read_text()
        return False

    def has_delivered(self) -> bool:
        """Tell whether it says that all is collected and sent."""
        health = read_health(self._world.config.home)
        return bool(health and health.last_scan_at and not health.pending_records)
