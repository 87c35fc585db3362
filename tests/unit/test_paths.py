"""Our own folders: what is said when one cannot be used."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from claude_code_tracer.errors import ConfigError, StorageFull
from claude_code_tracer.paths import Home, require_room, unusable


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_f49_full_disk_is_told_apart_from_a_wrong_folder(number: int) -> None:
    error = unusable(OSError(number, os.strerror(number)), "cannot write to /data", "do this")
    assert isinstance(error, StorageFull) and error.exit_code == 1
    assert str(error).startswith(f"cannot write to /data ({os.strerror(number)}): make room")


def test_other_failures_keep_their_advice() -> None:
    error = unusable(OSError(errno.EROFS, "Read-only file system"), "cannot write", "do this")
    assert isinstance(error, ConfigError)
    assert str(error) == "cannot write (Read-only file system): do this"


def test_room_is_required_where_it_is_needed(tmp_path: Path) -> None:
    require_room(tmp_path, 1)
    with pytest.raises(StorageFull, match=f"no space left on the disk of {tmp_path} .*make room"):
        require_room(tmp_path, 1 << 60)


def test_trying_to_write_leaves_nothing_behind(tmp_path: Path) -> None:
    home = Home(tmp_path / "data").create()
    assert [item.name for item in home.root.rglob("*") if item.is_file()] == []
