"""A life with accidents: each start that cannot be says why, what to do, and with which code.

What is documented in docs/running.md is what is tried here, with the real command.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from claude_code_tracer.local.pg_binaries import find_binaries
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.lock import running_pid
from claude_code_tracer.outbox.schema import VERSION
from tests.e2e.world import World

pytestmark = pytest.mark.slow

STARTS = [["start", "--quiet"], ["start", "--daemon"]]
STOPS_WITHIN_S = 10


def test_f07_stop_right_after_start_leaves_nothing_running(world: World) -> None:
    world.run("start", "--daemon")
    with world.spawn("stop") as stopping:
        stopping.communicate(timeout=STOPS_WITHIN_S)
    assert stopping.returncode == 0
    assert processes_of(world) == []


def test_f07_stop_while_the_server_starts(world: World) -> None:
    with world.spawn("start", "--quiet") as starting:
        wait_for(lambda: lock_holder(world) == starting.pid)
        starting.send_signal(signal.SIGTERM)
        starting.communicate(timeout=STOPS_WITHIN_S)
    assert starting.returncode == 0
    assert processes_of(world) == []


@pytest.mark.parametrize("program", ["initdb", "postgres"])
def test_f07_stop_while_the_server_takes_for_ever_to_start(world: World, program: str) -> None:
    with world.spawn("start", "--quiet", env=slow(world, program)) as starting:
        wait_for(lambda: any("sleep" in name for name in processes_of(world)))
        starting.send_signal(signal.SIGTERM)
        assert starting.communicate(timeout=STOPS_WITHIN_S) == ("", "")
    assert starting.returncode == 0
    assert processes_of(world) == []
    world.run("start", "--daemon")  # what was half made is in nobody's way


def test_f52_two_starts_at_once_end_with_one_tracer(world: World) -> None:
    with world.spawn("start", "--quiet") as one, world.spawn("start", "--quiet") as two:
        wait_for(lambda: one.poll() is not None or two.poll() is not None)
        lost, won = (one, two) if one.poll() is not None else (two, one)
        said = lost.communicate()[1]
        assert lost.returncode == 75
        assert f"pid {won.pid}" in said and "claude-tracer stop" in said
        wait_for(lambda: world_state(world) == "running")
        world.run("stop")
        assert won.wait(STOPS_WITHIN_S) == 0


def test_a_restart_starts_stops_and_starts(world: World) -> None:
    assert "is running" in world.run("restart")
    first = world.json("status")["pid"]
    said = world.run("restart")
    second = world.json("status")["pid"]
    assert second != first and f"pid {second}" in said
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE


def test_a_restart_takes_a_port(world: World) -> None:
    port = free_port()
    world.run("start", "--daemon")
    assert f":{port}" in world.run("restart", "--port", str(port))
    assert world.json("status")["url"].endswith(f":{port}")


def test_broken_settings_keep_a_tracer_running_and_let_it_stop(world: World) -> None:
    world.run("start", "--daemon")
    running = lock_holder(world)
    (world.data / "config.yml").write_text("prot: 8420\n")
    assert "unknown settings: prot" in world.run("restart", code=78)
    assert lock_holder(world) == running
    assert f"stopped (pid {running})" in world.run("stop")
    (world.data / "config.yml").unlink()
    assert processes_of(world) == []


def test_a_port_that_a_stranger_holds_is_named(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = str(stranger.getsockname()[1])
        for command in (*STARTS, ["restart"]):
            said = world.run(*command, "--port", port, code=78)
            assert port in said and "--port" in said
            assert processes_of(world) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("port: [", "cannot read {file}"),
        ("- a\n- list\n", "{file} must hold one setting per line"),
        ("port: many\n", "setting port must be a number, not 'many'"),
        ("port: 70000\n", "setting port must be between 0 and 65535"),
        ("prot: 8420\n", "{file} has unknown settings: prot"),
        ("port: \0\n", "cannot read {file}"),
    ],
)
def test_broken_settings_are_named(world: World, settings: str, said: str) -> None:
    file = world.data / "config.yml"
    world.data.mkdir()
    file.write_text(settings)
    for command in STARTS:
        process = world.spawn(*command, env={"CLAUDE_TRACER_PORT": ""})
        error = process.communicate(timeout=60)[1]
        assert process.returncode == 78
        assert said.format(file=file) in error
    assert sorted(world.data.iterdir()) == [file]  # nothing was begun
    file.unlink()


def test_f51_read_only_data_folder_is_named(world: World) -> None:
    world.run("start", "--daemon")
    world.run("stop")
    with read_only(world):
        for command in STARTS:
            said = world.run(*command, code=78)
            assert str(world.data) in said
            assert "make it writable or set CLAUDE_TRACER_HOME" in said
        with world.spawn("doctor") as examining:
            assert f"{world.data} cannot be written" in examining.communicate(timeout=60)[0]
        assert examining.returncode == 1
    world.run("start", "--daemon")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("log/claude-tracer.log", STARTS[0]),
        ("log/start-errors.log", STARTS[1]),
        ("daemon.lock", STARTS[0]),
        ("credentials.json", STARTS[0]),
        ("keys/signing-key.json", STARTS[0]),
    ],
)
def test_a_file_of_ours_that_cannot_be_written_is_named(
    world: World, name: str, command: list[str]
) -> None:
    (world.data / name).mkdir(parents=True)  # as good as a file of another user, also for root
    assert str(world.data / name) in world.run(*command, code=78)
    assert processes_of(world) == []
    (world.data / name).rmdir()


@pytest.mark.parametrize("left", [0, 1_000_000], ids="{} bytes left".format)
def test_f49_first_start_on_a_full_disk(world: World, left: int) -> None:
    with disk(world, "120m"):
        filler = fill(world, left)
        says_that_the_disk_is_full(world)
        filler.unlink()
        world.run("start", "--daemon")  # nothing half made is in its way
        world.run("stop")


def test_f49_later_start_on_a_full_disk(world: World) -> None:
    with disk(world, "120m"):
        world.run("start", "--daemon")
        world.run("stop")
        filler = fill(world, 0)
        says_that_the_disk_is_full(world)
        filler.unlink()
        world.run("start", "--daemon")
        world.run("stop")


def test_f55_newer_outbox_is_named_and_left_alone(world: World) -> None:
    world.run("start", "--daemon")
    world.run("stop")
    outbox = world.config.home.outbox
    with closing(sqlite3.connect(outbox)) as db:
        db.execute(f"pragma user_version = {VERSION + 1}")
        db.execute("pragma journal_mode = delete")
    before = {file.name: file.read_bytes() for file in outbox.parent.iterdir()}
    for command in STARTS:
        said = world.run(*command, code=78)
        assert f"written by a newer claude-tracer (schema {VERSION + 1}" in said
        assert str(outbox) in said and "update claude-tracer" in said
        assert {file.name: file.read_bytes() for file in outbox.parent.iterdir()} == before
        assert processes_of(world) == []


def says_that_the_disk_is_full(world: World) -> None:
    for command in STARTS:
        said = world.run(*command, code=1)
        assert "no space left" in said.lower() and "make room" in said
        assert said.count("\n") == 1, f"more than one sentence: {said}"
        assert processes_of(world) == []
        assert lock_holder(world) is None


def slow(world: World, program: str) -> dict[str, str]:
    """Return the variables for a PostgreSQL of which one program never gets going."""
    real = find_binaries(world.env).folder
    folder = world.root / "slow"
    folder.mkdir(mode=0o755)
    for name in ("postgres", "initdb"):
        script = f'#!/bin/sh\nexec {real / name} "$@"\n'
        if name == program:
            script = (
                f'#!/bin/sh\n[ "$1" = --version ] && exec {real / name} --version\n'
                f": {world.root}\nexec sleep 600\n"
            )
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return {"CLAUDE_TRACER_PG_BIN": str(folder)}


def processes_of(world: World) -> list[str]:
    """Return the names of what still runs in or for this world."""
    folders = (str(world.root), str(Postgres(world.config).place.folder))
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            where = [process.cwd(), *process.cmdline()]
        except psutil.Error:
            continue
        if any(folder in part for folder in folders for part in where):
            found.append(process.name())
    return found


def lock_holder(world: World) -> int | None:
    return running_pid(world.data / "daemon.lock")


def world_state(world: World) -> str | None:
    with world.spawn("status", "--json") as asking:
        said = re.search(r'"state": "(\w+)"', asking.communicate(timeout=60)[0])
    return said[1] if said else None


def wait_for(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def disk(world: World, size: str) -> Iterator[None]:
    """Give the data folder a small disk of its own, which the server's user can enter."""
    world.data.mkdir()
    options = f"size={size},mode=755"
    command = ["mount", "-t", "tmpfs", "-o", options, "tracer-test", str(world.data)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    try:
        yield
    finally:
        with world.spawn("stop") as process:
            process.communicate(timeout=60)
        subprocess.run(["umount", str(world.data)], check=True)


def fill(world: World, left: int) -> Path:
    """Write until the disk is full but for `left` bytes."""
    filler = world.data / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            file.truncate(file.tell() - left)
    return filler


@contextmanager
def read_only(world: World) -> Iterator[None]:
    """Have nobody, not even root, write to the data folder."""
    if os.geteuid() != 0:
        world.data.chmod(0o500)
        yield
        world.data.chmod(0o700)
        return
    bind = ["mount", "--bind", str(world.data), str(world.data)]
    if subprocess.run(bind, capture_output=True).returncode:
        pytest.skip("this root may not mount")
    try:
        remount = ["mount", "-o", "remount,ro,bind", str(world.data)]
        subprocess.run(remount, check=True, capture_output=True)
        yield
    finally:
        subprocess.run(["umount", str(world.data)], check=True)
