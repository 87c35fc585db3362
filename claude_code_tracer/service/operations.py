"""Install, remove and restart the service, and wait until the tracer in it serves."""

from __future__ import annotations

import sys
import time

from claude_code_tracer.config import Config
from claude_code_tracer.errors import AlreadyRunning, ConfigError, NotFound, TracerError
from claude_code_tracer.health import Health, read_health
from claude_code_tracer.lock import running_pid
from claude_code_tracer.service.launchd import Launchd
from claude_code_tracer.service.manager import Manager, ServiceStatus, write_unit
from claude_code_tracer.service.systemd import Systemd

__all__ = ["find_manager", "install", "restart", "running_service", "uninstall"]

_START_WAIT_S = 60.0
_POLL_S = 0.1


def find_manager(config: Config, platform: str = sys.platform) -> Manager:
    """Return the service manager of this system; ConfigError when we know none of it."""
    if platform == "darwin":
        return Launchd(config)
    if platform.startswith("linux"):
        return Systemd(config)
    raise ConfigError(
        f"no service manager is known for {platform}: start without a service, with "
        "`claude-tracer start --daemon`"
    )


def install(config: Config, manager: Manager) -> Health:
    """Have the tracer run as a service, now and at each login; again changes nothing.

    AlreadyRunning when one runs beside the service. Nothing is written then, nor when the manager
    does not answer.
    """
    manager.check()
    _refuse_a_stranger(config, manager.status())
    config.home.create()
    is_changed = write_unit(manager.file, manager.content())
    manager.start(is_changed=is_changed)
    return _wait_until_it_serves(config, manager, before=None)


def uninstall(manager: Manager) -> bool:
    """Stop the service and remove it; False when there was none."""
    was_there = manager.file.exists()
    manager.forget(is_answering=manager.status().problem is None)
    return was_there


def restart(config: Config, manager: Manager) -> Health:
    """Restart the service and wait until it serves."""
    if not manager.file.exists():
        raise NotFound("there is no service: make one with `claude-tracer service install`")
    before = running_pid(config.home.daemon_lock)
    manager.restart()
    return _wait_until_it_serves(config, manager, before)


def running_service(config: Config) -> Manager | None:
    """Return the manager whose service is what runs now, or None."""
    pid = running_pid(config.home.daemon_lock)
    if pid is None:
        return None
    try:
        manager = find_manager(config)
    except ConfigError:
        return None
    is_ours = manager.file.exists() and manager.status().pid == pid
    return manager if is_ours else None


def _refuse_a_stranger(config: Config, status: ServiceStatus) -> None:
    pid = running_pid(config.home.daemon_lock)
    if pid is not None and pid != status.pid:
        raise AlreadyRunning(
            f"claude-tracer is already running (pid {pid}), not as the service: "
            "run `claude-tracer stop`, then `claude-tracer service install` again"
        )


def _wait_until_it_serves(config: Config, manager: Manager, before: int | None) -> Health:
    deadline_s = time.monotonic() + _START_WAIT_S
    while time.monotonic() < deadline_s:
        health = read_health(config.home)
        if health and health.state == "running" and health.pid != before:
            return health
        if (status := manager.status()).has_failed:
            raise TracerError(
                f"the service does not start ({status.state}): see `{manager.log_hint}`; "
                "`claude-tracer start` in a terminal says the same"
            )
        time.sleep(_POLL_S)
    raise TracerError(
        f"the service does not serve yet: see `{manager.log_hint}` and `claude-tracer logs`"
    )
