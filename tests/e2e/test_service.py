"""The tracer as a service: the real tracer, started by stand-ins for systemd and launchd."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.config import load_config
from claude_code_tracer.lock import running_pid
from claude_code_tracer.service import find_manager, install, restart, running_service, uninstall
from tests.e2e.test_commands import is_alive
from tests.e2e.world import World
from tests.service_managers import FakePrograms

pytestmark = pytest.mark.slow


class ServedWorld(World):
    """A world whose commands find the stand-ins."""

    def __init__(self) -> None:
        super().__init__()
        self.programs = FakePrograms(self.root / "programs")

    @property
    def env(self) -> dict[str, str]:
        return super().env | self.programs.env


@pytest.fixture
def world() -> Iterator[ServedWorld]:
    world = ServedWorld()
    try:
        yield world
    finally:
        world.close()


def test_the_life_of_a_service(world: ServedWorld) -> None:
    assert "not installed" in printed(world, "service", "status", code=1)
    assert "no service to remove" in world.run("service", "uninstall")

    installed = world.run("service", "install")
    status = world.json("service", "status")
    unit = Path(status["file"])
    assert (status["is_installed"], status["is_enabled"], status["is_running"]) == (True,) * 3
    assert f"pid {status['pid']}" in installed and str(unit) in installed
    assert stat.S_IMODE(unit.stat().st_mode) == 0o644
    assert world.json("status")["pid"] == status["pid"]
    assert str(unit) in printed(world, "service", "status")

    world.run("service", "install")  # again: nothing is restarted
    assert world.json("service", "status")["pid"] == status["pid"]

    assert "is running" in world.run("restart")
    second = world.json("service", "status")["pid"]
    assert second != status["pid"] and not is_alive(status["pid"])
    assert "service" in world.run("restart", "--port", "0", code=2)

    with world.spawn("stop") as stopping:
        assert "next login" in stopping.communicate(timeout=60)[1]
    assert not is_alive(second)
    assert "inactive" in printed(world, "service", "status", code=1)

    world.run("service", "install")
    third = world.json("status")["pid"]
    assert "removed" in world.run("service", "uninstall")
    assert not is_alive(third) and not unit.exists()
    assert not (unit.parent / "default.target.wants" / unit.name).is_symlink()


def test_a_change_of_settings_reaches_the_service(world: ServedWorld) -> None:
    world.run("service", "install")
    first = world.json("status")["pid"]
    with world.spawn("service", "install", env={"CODEX_HOME": str(world.root)}) as again:
        assert again.communicate(timeout=60) and again.returncode == 0
    assert world.json("status")["pid"] != first
    assert b"CODEX_HOME" in find_manager(world.config, "linux").file.read_bytes()


def test_the_life_of_an_agent(world: ServedWorld) -> None:
    config = load_config(world.env)
    manager = find_manager(config, "darwin")
    first = install(config, manager).pid
    assert (manager.status().pid, manager.status().is_running) == (first, True)
    assert install(config, manager).pid == first

    second = restart(config, manager).pid
    assert second != first and not is_alive(first)

    world.run("stop")
    assert manager.status().state == "not running"
    assert not manager.status().has_failed
    third = install(config, manager).pid
    assert uninstall(manager) and not is_alive(third) and not manager.file.exists()
    names = [call[1] for call in world.programs.calls]
    assert names == ["enable", "bootstrap", "enable", "kickstart", "kickstart", "enable",
                     "kickstart", "bootout"]  # fmt: skip


def test_a_tracer_beside_the_service_is_named(world: ServedWorld) -> None:
    world.run("start", "--daemon")
    pid = running_pid(world.config.home.daemon_lock)
    said = world.run("service", "install", code=75)
    assert f"pid {pid}" in said and "claude-tracer stop" in said
    assert running_service(world.config) is None
    assert world.programs.calls == []


def test_nobody_to_install_it_with(world: ServedWorld) -> None:
    world.programs.hide()
    assert "start --daemon" in world.run("service", "install", code=78)
    said = json.loads(printed(world, "service", "status", "--json", code=1))
    assert "Failed to connect" in said["problem"]
    assert not (world.home / ".config").exists()


def printed(world: World, *arguments: str, code: int = 0) -> str:
    with world.spawn(*arguments) as process:
        out, err = process.communicate(timeout=100)
    assert process.returncode == code, out + err
    return out


def test_root_is_told_whose_service_it_is(world: ServedWorld) -> None:
    with world.spawn("service", "install") as installing:
        said = installing.communicate(timeout=60)[1]
    assert ("service of root" in said) == (os.geteuid() == 0)
    assert "loginctl enable-linger" in said
