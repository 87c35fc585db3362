"""Who runs PostgreSQL. It refuses root, so root steps down to a user without any rights."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from claude_code_tracer.errors import DatabaseFailed

__all__ = ["RunAs", "can_reach", "choose_user"]

_SYSTEM_USER = "claude-tracer"
_ROOT = 0


@dataclass(frozen=True, slots=True)
class RunAs:
    """A user to step down to."""

    name: str
    uid: int
    gid: int


def choose_user(env: Mapping[str, str], folders: Iterable[Path]) -> RunAs | None:
    """Return the user to step down to, or None when we are an ordinary user already.

    That is `CLAUDE_TRACER_PG_USER`, the owner of the first of `folders` that is not root's (so
    that `sudo` does not take a data folder away from its user), the system user `claude-tracer`
    (created on first use), or `nobody`.
    """
    if os.geteuid() != _ROOT:
        return None
    told = env.get("CLAUDE_TRACER_PG_USER")
    if told:
        user = _by_name(told)
        if user is None or user.uid == _ROOT:
            raise DatabaseFailed(
                f"CLAUDE_TRACER_PG_USER names {told!r}: an ordinary user is needed"
            )
        return user
    owners = (owner for folder in folders if (owner := _owner(folder)))
    user = next(owners, None) or _by_name(_SYSTEM_USER)
    user = user or _create_system_user(env) or _by_name("nobody")
    if user is None:
        raise DatabaseFailed(
            "PostgreSQL does not run as root and no other user was found: "
            "set CLAUDE_TRACER_PG_USER to an ordinary user"
        )
    return user


def can_reach(user: RunAs, path: Path) -> bool:
    """Tell whether `user` may enter every folder above `path` (which need not exist)."""
    parents = path.resolve().parents
    return all(_may_enter(user, folder) for folder in parents if folder.exists())


def _may_enter(user: RunAs, folder: Path) -> bool:
    facts = folder.stat()
    if facts.st_uid == user.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == user.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def _owner(folder: Path) -> RunAs | None:
    try:
        uid = folder.stat().st_uid
        entry = pwd.getpwuid(uid)  # PostgreSQL refuses a user without a name
    except (OSError, KeyError):
        return None
    return RunAs(entry.pw_name, uid, entry.pw_gid) if uid != _ROOT else None


def _by_name(name: str) -> RunAs | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return RunAs(name, entry.pw_uid, entry.pw_gid)


def _create_system_user(env: Mapping[str, str]) -> RunAs | None:
    program = shutil.which("useradd", path=f"{env.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return None
    nowhere = ["--system", "--no-create-home", "--home-dir", "/nonexistent"]
    # Its exit code says little: when two start at once the second finds the user there.
    subprocess.run(
        [program, *nowhere, "--shell", "/usr/sbin/nologin", _SYSTEM_USER],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )
    return _by_name(_SYSTEM_USER)
