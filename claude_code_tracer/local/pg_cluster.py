"""The data folder of a server: make one, and say what is wrong with one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.errors import DatabaseFailed
from claude_code_tracer.local.pg_binaries import Binaries
from claude_code_tracer.local.pg_place import Place
from claude_code_tracer.local.pg_process import spawn
from claude_code_tracer.paths import require_room

__all__ = ["ADMIN", "advice", "check_data", "create_data"]

ADMIN = "supabase_admin"
"""The superuser, named as on hosted Supabase."""
_TIMEOUT_S = 120.0
_POLL_S = 0.05
_ROOM_BYTES = 64_000_000
"""A new data folder takes 40 MB, and grows at once."""
_PREFIX = ".new-data-"


def check_data(place: Place, binaries: Binaries) -> bool:
    """Tell whether there is a data folder; DatabaseFailed when it cannot be one of this version."""
    data = place.data
    if not data.is_dir() or not any(data.iterdir()):
        return False
    try:
        version = (data / "PG_VERSION").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise DatabaseFailed(
            f"{data} is damaged (no readable PG_VERSION): {advice(place)}"
        ) from exc
    if version != str(binaries.major):
        raise DatabaseFailed(
            f"{data} is of PostgreSQL {version[:20]}, not {binaries.major}: {advice(place)}"
        )
    return True


def advice(place: Place) -> str:
    """Say what to do with a data folder that cannot be used."""
    return (
        f"move the folder aside (mv {place.data} {place.data}.damaged) and start again; "
        "the transcripts are collected anew"
    )


def create_data(
    place: Place, binaries: Binaries, env: Mapping[str, str], cancel: threading.Event
) -> None:
    """Make the data folder in one step: it is complete or it is not there (kill -9 included).

    Raises DatabaseFailed saying why, also when `cancel` is set; StorageFull without enough room.
    """
    for left_over in place.folder.glob(f"{_PREFIX}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    require_room(place.folder, _ROOM_BYTES)
    # A name of its own: the initdb of a killed process may still be busy in the last one.
    temporary = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place.folder))
    try:
        if place.user:
            os.chown(temporary, place.user.uid, place.user.gid)
        _initdb(temporary, place, binaries, env, cancel)
        temporary.rename(place.data)
        _sync_folder(place.folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _initdb(
    data: Path, place: Place, binaries: Binaries, env: Mapping[str, str], cancel: threading.Event
) -> None:
    # Other users cannot enter the socket's folder; over TCP (only tests and tools) a password.
    command: list[str | Path] = [
        *(binaries.initdb, "--pgdata", data, "--username", ADMIN, "--no-instructions"),
        *("--auth-local=trust", "--auth-host=scram-sha-256", "--data-checksums"),
        *("--encoding=UTF8", "--locale=C"),
    ]
    if binaries.major >= 17:  # sorts alike on every system, and knows upper case beyond ASCII
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    with tempfile.TemporaryFile(dir=place.folder) as log:
        process = spawn(command, place, env, log.fileno())
        try:
            code = _wait(process, cancel)
        except BaseException:
            process.kill()
            process.wait()
            raise
        log.seek(0)
        output = log.read().decode("utf-8", "replace")
    if code != 0:
        words = ("error:", "FATAL:", "PANIC:")
        errors = [line for line in output.splitlines() if any(word in line for word in words)]
        reason = "; ".join(errors[:3]) or f"exit code {code}"
        raise DatabaseFailed(f"cannot create a database in {place.folder}: {reason}")


def _wait(process: subprocess.Popen[bytes], cancel: threading.Event) -> int:
    """Return the exit code; DatabaseFailed when nobody wants it any more or it takes too long."""
    deadline_s = time.monotonic() + _TIMEOUT_S
    while (code := process.poll()) is None:
        if cancel.wait(_POLL_S):
            raise DatabaseFailed("the start was cancelled while the database was made")
        if time.monotonic() > deadline_s:
            raise DatabaseFailed(f"making a database took longer than {_TIMEOUT_S:.0f} s")
    return code


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
