"""Who runs the server and where its folders are."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from claude_code_tracer.config import Config
from claude_code_tracer.errors import DatabaseFailed
from claude_code_tracer.local.pg_binaries import find_binaries
from claude_code_tracer.local.pg_place import (
    Place,
    find_place,
    prepare_place,
    reachable_binaries,
)
from claude_code_tracer.local.pg_user import RunAs, can_reach, choose_user
from claude_code_tracer.paths import Home

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root steps down")
STRANGER = RunAs("stranger", 54321, 54321)
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody can reach (those of pytest only their owner can)."""
    root = Path(tempfile.mkdtemp(prefix="ct-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


def test_reaching_means_entering_every_folder_above(folder: Path) -> None:
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    assert can_reach(STRANGER, inner / "not there yet")
    (folder / "a").chmod(0o710)
    assert not can_reach(STRANGER, inner)
    assert can_reach(replace(STRANGER, gid=os.getegid()), inner)
    (folder / "a").chmod(0o700)
    assert not can_reach(replace(STRANGER, gid=os.getegid()), inner)
    assert can_reach(replace(STRANGER, uid=os.geteuid()), inner)


def test_a_link_is_followed_to_what_can_be_reached(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    (folder / "link").symlink_to(closed)
    assert not can_reach(STRANGER, folder / "link" / "x")


@as_user
def test_an_ordinary_user_stays_who_he_is() -> None:
    assert choose_user({"CLAUDE_TRACER_PG_USER": "nobody"}, []) is None


@as_root
def test_the_named_user_is_taken() -> None:
    user = choose_user({"CLAUDE_TRACER_PG_USER": "nobody"}, [])
    assert user == RunAs("nobody", NOBODY.pw_uid, NOBODY.pw_gid)


@as_root
@pytest.mark.parametrize("name", ["no-such-user", "root"])
def test_a_user_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(DatabaseFailed, match="CLAUDE_TRACER_PG_USER"):
        choose_user({"CLAUDE_TRACER_PG_USER": name}, [])


@as_root
def test_whose_folder_it_is_runs_it(folder: Path) -> None:
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    user = choose_user({}, [folder / "missing", folder])
    assert user and user.uid == NOBODY.pw_uid


@as_root
def test_root_gets_a_user_without_rights(folder: Path) -> None:
    user = choose_user({"PATH": os.environ["PATH"]}, [folder])
    assert user and user.uid != 0
    assert not pwd.getpwnam(user.name).pw_shell.endswith("/bash")


@as_root
def test_a_closed_data_folder_is_left_for_the_systems(tracer_config: Config) -> None:
    place = find_place(tracer_config, 18)
    assert place.folder.parent == Path("/var/lib/claude-tracer")
    assert find_place(tracer_config, 16).folder != place.folder


@as_root
def test_an_open_data_folder_is_used(folder: Path, tracer_config: Config) -> None:
    config = replace(tracer_config, home=Home(folder))
    place = find_place(config, 18)
    assert place.folder == folder / "postgres" / "18"
    prepare_place(place)
    prepare_place(place)
    for made in (folder / "postgres", place.folder, place.sockets):
        facts = made.stat()
        assert (facts.st_mode & 0o777, facts.st_uid) == (0o700, place.owner)
    assert folder.stat().st_uid == 0


@as_user
def test_a_long_path_gets_its_sockets_elsewhere(tmp_path: Path, tracer_config: Config) -> None:
    long = replace(tracer_config, home=Home(tmp_path / ("x" * 90)))
    runtime = {**tracer_config.env, "XDG_RUNTIME_DIR": str(tmp_path / "missing")}
    place = find_place(replace(long, env=runtime), 18)
    assert place.sockets.parent == Path("/tmp")
    assert place.folder.is_relative_to(long.home.root)
    short = {**tracer_config.env, "XDG_RUNTIME_DIR": str(tracer_config.user_home)}
    assert find_place(replace(long, env=short), 18).sockets.parent == tracer_config.user_home


def _place(folder: Path) -> Place:
    return Place(folder / "18", folder / "sockets", None)


def test_somebody_elses_socket_folder_is_refused(folder: Path) -> None:
    (folder / "elsewhere").mkdir(mode=0o700)
    (folder / "sockets").symlink_to(folder / "elsewhere")
    with pytest.raises(DatabaseFailed, match="sockets is not a folder of you"):
        prepare_place(_place(folder))


@as_root
def test_a_socket_folder_with_another_owner_is_refused(folder: Path) -> None:
    (folder / "sockets").mkdir(mode=0o700)
    os.chown(folder / "sockets", NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(DatabaseFailed, match="sockets is not a folder of you"):
        prepare_place(_place(folder))


def test_a_folder_that_others_can_open_is_refused(folder: Path) -> None:
    (folder / "18").mkdir()
    (folder / "18").chmod(0o750)
    with pytest.raises(DatabaseFailed, match=r"open to other users: run chmod 700"):
        prepare_place(_place(folder))


def test_a_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(DatabaseFailed, match=r"cannot create .*file"):
        prepare_place(_place(folder / "file"))


def test_reachable_binaries_are_not_copied() -> None:
    binaries = find_binaries({})
    assert reachable_binaries(binaries, None) is binaries


@as_root
@pytest.mark.slow
def test_binaries_below_a_closed_folder_are_copied_once(folder: Path) -> None:
    source = find_binaries({}).folder.parent
    closed = folder / "site-packages"
    shutil.copytree(source, closed / source.parent.name / source.name, symlinks=True)
    libraries = source.parent.with_name(f"{source.parent.name}.libs")
    shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    told = {"CLAUDE_TRACER_PG_BIN": str(closed / source.parent.name / source.name / "bin")}
    user = choose_user({"CLAUDE_TRACER_PG_USER": "nobody"}, [])
    copy = reachable_binaries(find_binaries(told), user)
    root = copy.folder.parents[2]
    try:
        assert root.parent == Path("/var/lib/claude-tracer/runtime")
        assert user and can_reach(user, copy.initdb)
        assert find_binaries({"CLAUDE_TRACER_PG_BIN": str(copy.folder)}).major == 18
        again = reachable_binaries(find_binaries(told), user)
        assert again == copy
        assert not list(root.parent.glob(".new-*"))
    finally:
        shutil.rmtree(root)
        with contextlib.suppress(OSError):  # others may have copies there
            root.parent.rmdir()
