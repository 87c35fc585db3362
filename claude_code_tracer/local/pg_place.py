"""Where the server's folders are: in the data folder, or where its user can go."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from claude_code_tracer.config import Config
from claude_code_tracer.errors import DatabaseFailed
from claude_code_tracer.local.pg_binaries import Binaries
from claude_code_tracer.local.pg_user import RunAs, can_reach, choose_user
from claude_code_tracer.paths import Home, write_private_file

__all__ = ["Place", "find_place", "leave_pointer", "prepare_place", "reachable_binaries"]

_SYSTEM_FOLDER = Path("/var/lib/claude-tracer")
_LONGEST_SOCKET = 103
"""What fits the operating systems' `sun_path` (104 bytes on macOS, 108 on Linux)."""
_SOCKET_NAME = ".s.PGSQL.65535"


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one server and the user that owns them (None: ourselves)."""

    folder: Path
    sockets: Path
    user: RunAs | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def owner(self) -> int:
        return self.user.uid if self.user else os.geteuid()


def find_place(config: Config, major: int) -> Place:
    """Return where the server of version `major` lives or would live; create nothing but a user."""
    folder = config.home.postgres / str(major)
    elsewhere = _SYSTEM_FOLDER / _name(folder)
    user = choose_user(config.env, (folder / "data", elsewhere / "data", config.home.root))
    if user is None:
        return Place(folder, _short(folder / "run", config.env), None)
    if not can_reach(user, folder) or _is_too_long(folder / "run"):
        folder = elsewhere
    return Place(folder, folder / "run", user)


def prepare_place(place: Place) -> None:
    """Create the folders, 0700; DatabaseFailed when one of them is not ours alone."""
    try:
        if place.folder.parent == _SYSTEM_FOLDER:
            _open_folder(_SYSTEM_FOLDER)
        elif not place.folder.parent.is_dir():
            _create_folder(place.folder.parent, place)
        _private_folder(place.folder, place)
        _private_folder(place.sockets, place)
    except OSError as exc:
        raise DatabaseFailed(
            f"cannot create {exc.filename} ({exc.strerror}): make the folder above it writable, "
            "or use a hosted server with `claude-tracer login`"
        ) from exc


def leave_pointer(place: Place, home: Home) -> None:
    """Say in the data folder where the database is if not there: who deletes one means both."""
    if place.folder.parent == _SYSTEM_FOLDER:
        home.postgres.mkdir(mode=0o700, exist_ok=True)
        write_private_file(home.postgres / "database-is-in.txt", f"{place.folder}\n".encode())


def reachable_binaries(binaries: Binaries, user: RunAs | None) -> Binaries:
    """Return `binaries`, or a copy of them where `user` can run them (made once)."""
    if user is None or can_reach(user, binaries.postgres):
        return binaries
    facts = binaries.postgres.stat()
    version = f"{binaries.folder}:{facts.st_size}:{facts.st_mtime_ns}"
    copy = _SYSTEM_FOLDER / "runtime" / f"postgresql-{binaries.major}-{_hash(version)}"
    prefix = binaries.folder.parent
    if not copy.exists():
        try:
            _copy_runtime(prefix, copy)
        except (OSError, shutil.Error) as exc:
            raise DatabaseFailed(
                f"user {user.name} cannot run {binaries.postgres}, and it cannot be copied to "
                f"{copy}: set CLAUDE_TRACER_PG_BIN to a PostgreSQL that every user can run"
            ) from exc
    return Binaries(copy / prefix.parent.name / prefix.name / "bin", binaries.major)


def _copy_runtime(prefix: Path, copy: Path) -> None:
    _open_folder(_SYSTEM_FOLDER)
    _open_folder(copy.parent)
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=copy.parent))
    try:
        temporary.chmod(0o755)
        unneeded = shutil.ignore_patterns("include", "doc", "man", "*.a")
        target = temporary / prefix.parent.name
        shutil.copytree(prefix, target / prefix.name, symlinks=True, ignore=unneeded)
        # The wheel's programs look for their libraries in `../../../<package>.libs`.
        libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, temporary / libraries.name, symlinks=True)
        _make_readable(temporary)
        temporary.rename(copy)
    except OSError:
        if not copy.exists():  # somebody else was first
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make_readable(root: Path) -> None:
    for folder, _, names in os.walk(root):
        os.chmod(folder, 0o755)
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _name(folder: Path) -> str:
    return _hash(str(folder))


def _hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]


def _is_too_long(sockets: Path) -> bool:
    return len(os.fsencode(sockets / _SOCKET_NAME)) > _LONGEST_SOCKET


def _short(sockets: Path, env: Mapping[str, str]) -> Path:
    name = f"claude-tracer-{os.geteuid()}-{_name(sockets)}"
    bases = [Path(env.get("XDG_RUNTIME_DIR") or "/tmp"), Path("/tmp")]
    candidates = [sockets, *(base / name for base in bases if base.is_dir())]
    return next(path for path in candidates if not _is_too_long(path))


def _open_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # ours and new; a strict umask would lock the server's user out


def _create_folder(folder: Path, place: Place) -> None:
    folder.mkdir(mode=0o700)
    if place.user:
        os.chown(folder, place.user.uid, place.user.gid)


def _private_folder(folder: Path, place: Place) -> None:
    with contextlib.suppress(FileExistsError):
        _create_folder(folder, place)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != place.owner:
        who = f"user {place.user.name}" if place.user else "you"
        raise DatabaseFailed(f"{folder} is not a folder of {who}: move it aside")
    if facts.st_mode & 0o077:
        raise DatabaseFailed(f"{folder} is open to other users: run chmod 700 {folder}")
