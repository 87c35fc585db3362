"""One tracer per data folder (F52, F53)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from claude_code_tracer.errors import AlreadyRunning, ConfigError
from claude_code_tracer.lock import InstanceLock, running_pid

HOLD = """
import sys, time
from pathlib import Path
from claude_code_tracer.lock import InstanceLock
with InstanceLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def test_f52_second_instance_is_refused_and_told_the_pid(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path) as first:
        try:
            assert running_pid(path) == first.pid
            with pytest.raises(AlreadyRunning, match=f"pid {first.pid}"), InstanceLock(path):
                pass
        finally:
            first.kill()


def test_f53_killed_holder_leaves_no_stale_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path) as first:
        os.kill(first.pid, signal.SIGKILL)
    assert running_pid(path) is None
    with InstanceLock(path):
        assert running_pid(path) == os.getpid()
    assert running_pid(path) is None


def test_f53_unlinked_lock_file_does_not_let_two_in(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with InstanceLock(path):
        path.unlink()
        with InstanceLock(path):  # a new file is a new lock ...
            assert running_pid(path) == os.getpid()
        with InstanceLock(path):  # ... and works like one
            assert path.stat().st_mode & 0o777 == 0o600


def test_lock_in_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make it writable"), InstanceLock(tmp_path / "no" / "x"):
        pass
