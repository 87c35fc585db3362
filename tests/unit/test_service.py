"""What the service's description says, and what is refused.

How it runs: tests/e2e/test_service.py.
"""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from claude_code_tracer.config import Config, load_config
from claude_code_tracer.errors import AlreadyRunning, ConfigError, NotFound, TracerError
from claude_code_tracer.lock import InstanceLock
from claude_code_tracer.service import find_manager, install, restart, running_service, uninstall
from tests.service_managers import FakePrograms

COMMAND = [sys.executable, "-m", "claude_code_tracer", "start", "--quiet"]
SYSTEMS = ["linux", "darwin"]


@pytest.fixture
def programs(tmp_path: Path) -> FakePrograms:
    return FakePrograms(tmp_path / "programs")


@pytest.fixture
def config(tmp_path: Path, programs: FakePrograms) -> Config:
    return configured(tmp_path, programs)


def configured(tmp_path: Path, programs: FakePrograms, **env: str) -> Config:
    own = {"HOME": str(tmp_path), "CLAUDE_TRACER_HOME": str(tmp_path / "data")}
    return load_config(programs.env | own | env)


def unit_of(config: Config) -> dict[str, list[str]]:
    """Read the systemd unit as systemd does: words, C escapes, specifiers."""
    settings: dict[str, list[str]] = {}
    for line in find_manager(config, "linux").content().decode().splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            settings.setdefault(name, []).append(value)
    return settings


def words(text: str) -> list[str]:
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(text)]


def variables_of(config: Config, system: str) -> dict[str, str]:
    if system == "darwin":
        agent = plistlib.loads(find_manager(config, system).content())
        return dict(agent["EnvironmentVariables"])
    told = unit_of(config)["Environment"]
    return dict(word.split("=", 1) for line in told for word in words(line))


def test_the_unit_runs_this_python_in_the_foreground(config: Config) -> None:
    unit = unit_of(config)
    assert words(unit["ExecStart"][0]) == COMMAND
    assert unit["RestartPreventExitStatus"] == ["2 75 77 78"]
    assert unit["Restart"] == ["on-failure"]
    assert int(unit["TimeoutStopSec"][0]) > 10
    assert unit["KillMode"] == ["mixed"]
    assert unit["WorkingDirectory"] == ["/"]
    assert "{" not in find_manager(config, "linux").content().decode()


def test_the_agent_runs_this_python_in_the_foreground(config: Config) -> None:
    agent = plistlib.loads(find_manager(config, "darwin").content())
    assert agent["ProgramArguments"] == COMMAND
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["ExitTimeOut"] > 10
    assert agent["Umask"] == 0o077
    assert agent["WorkingDirectory"] == "/"


@pytest.mark.parametrize("system", SYSTEMS)
def test_s37_only_named_variables_are_written_down(
    tmp_path: Path, programs: FakePrograms, system: str
) -> None:
    config = configured(
        tmp_path,
        programs,
        CLAUDE_TRACER_PORT="9000",
        CLAUDE_CONFIG_DIR="/elsewhere/claude",
        CODEX_HOME="/elsewhere/codex",
        ANTHROPIC_API_KEY="sk-ant-secret",
        CLAUDE_TRACER_TOKEN="ctd_secret",
        GITHUB_TOKEN="ghp_secret",
    )
    assert variables_of(config, system) == {
        "CLAUDE_TRACER_HOME": str(tmp_path / "data"),
        "CLAUDE_TRACER_PORT": "9000",
        "PATH": programs.env["PATH"],
        "CLAUDE_CONFIG_DIR": "/elsewhere/claude",
        "CODEX_HOME": "/elsewhere/codex",
    }
    assert b"secret" not in find_manager(config, system).content()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", ["a b", "50%h $HOME ${x}", 'it\'s "quoted" \\ back', "über ☃"])
def test_odd_folders_arrive_as_they_are(
    tmp_path: Path, programs: FakePrograms, system: str, name: str
) -> None:
    folder = str(tmp_path / name)
    config = configured(tmp_path, programs, CLAUDE_TRACER_HOME=folder)
    assert variables_of(config, system)["CLAUDE_TRACER_HOME"] == folder


@pytest.mark.parametrize("name", ["plain", '50%h $HOME "q" \\ \''])
def test_systemd_itself_finds_nothing_wrong_with_the_unit(
    tmp_path: Path, programs: FakePrograms, name: str
) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    config = configured(tmp_path, programs, CLAUDE_TRACER_HOME=str(tmp_path / name))
    unit = tmp_path / "claude-tracer.service"
    unit.write_bytes(find_manager(config, "linux").content())
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_stands_where_systemd_looks(tmp_path: Path, programs: FakePrograms) -> None:
    config = configured(tmp_path, programs)
    assert find_manager(config, "linux").file == (
        tmp_path / ".config" / "systemd" / "user" / "claude-tracer.service"
    )
    told = configured(tmp_path, programs, XDG_CONFIG_HOME=str(tmp_path / "xdg"))
    assert find_manager(told, "linux").file.is_relative_to(tmp_path / "xdg" / "systemd" / "user")
    relative = configured(tmp_path, programs, XDG_CONFIG_HOME="relative")  # not valid: ignored
    assert find_manager(relative, "linux").file == find_manager(config, "linux").file


@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_is_written_when_the_manager_does_not_answer(
    config: Config, programs: FakePrograms, system: str
) -> None:
    programs.hide()
    manager = find_manager(config, system)
    with pytest.raises(ConfigError, match=r"nothing was changed.*start --daemon"):
        install(config, manager)
    assert not manager.file.parent.exists()
    assert not config.home.root.exists()
    assert manager.status().problem == "Failed to connect to bus: No medium found"


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_machine_without_a_manager_is_told_what_to_do(tmp_path: Path, system: str) -> None:
    config = load_config({"HOME": str(tmp_path), "PATH": str(tmp_path)})
    manager = find_manager(config, system)
    with pytest.raises(ConfigError, match=r"there is no .*ctl on this machine.*start --daemon"):
        install(config, manager)
    assert "there is no" in str(manager.status().problem)
    assert not uninstall(manager)


def test_an_unknown_system_is_told_what_to_do(config: Config) -> None:
    with pytest.raises(ConfigError, match="no service manager is known for win32"):
        find_manager(config, "win32")


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_tracer_beside_the_service_is_named_and_left_alone(
    config: Config, programs: FakePrograms, system: str
) -> None:
    config.home.create()
    manager = find_manager(config, system)
    with InstanceLock(config.home.daemon_lock):
        with pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}.*`claude-tracer stop`"):
            install(config, manager)
        assert running_service(config) is None
    assert not manager.file.exists()
    assert programs.calls == []


def test_what_is_not_installed_cannot_be_restarted(config: Config) -> None:
    with pytest.raises(NotFound, match="service install"):
        restart(config, find_manager(config, "linux"))


def test_a_folder_that_cannot_be_written_is_named(config: Config) -> None:
    manager = find_manager(config, "linux")
    manager.file.parents[1].mkdir(parents=True)
    manager.file.parent.write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match=str(manager.file)):
        install(config, manager)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_service_without_a_manager_is_removed_by_its_files(
    config: Config, programs: FakePrograms, system: str
) -> None:
    manager = find_manager(config, system)
    manager.file.parent.mkdir(parents=True)
    manager.file.write_bytes(manager.content())
    wanted = manager.file.parent / "default.target.wants" / manager.file.name
    wanted.parent.mkdir()
    if system == "linux":
        wanted.symlink_to(manager.file)
    programs.hide()
    assert uninstall(manager)
    assert not manager.file.exists() and not wanted.is_symlink()
    assert not uninstall(manager)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "where"), [("linux", "journalctl"), ("darwin", "service-errors")]
)
def test_a_service_that_does_not_start_says_where_to_look(
    config: Config, system: str, where: str
) -> None:
    config.home.create()
    config.home.settings.write_text("port: many")
    manager = find_manager(config, system)
    with pytest.raises(TracerError, match=f"does not start .*{where}"):
        install(config, manager)
    assert manager.status().has_failed
    assert stat.S_IMODE(manager.file.stat().st_mode) == 0o644
