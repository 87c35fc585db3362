from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from claude_code_tracer.tail.discover import discover, find


def _names(root: Path) -> list[str]:
    found = discover(str(root), lambda path: path.endswith(".jsonl"))
    return sorted(os.path.relpath(file.path, root) for file in found.files)


def test_finds_files_at_any_depth(tmp_path: Path) -> None:
    for name in ("a.jsonl", "p/b.jsonl", "p/q/r/c.jsonl", "p/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert _names(tmp_path) == ["a.jsonl", "p/b.jsonl", "p/q/r/c.jsonl"]


def test_says_what_each_file_looks_like(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"12345")
    (found,) = discover(str(tmp_path), lambda _: True).files
    status = (tmp_path / "a.jsonl").stat()
    assert (found.size, found.dev, found.ino) == (5, status.st_dev, status.st_ino)
    assert found == find(found.path)


def test_skips_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.jsonl"))
        assert _names(tmp_path) == []
    assert find(str(tmp_path / "fifo.jsonl")) is None


def test_follows_no_links(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret.jsonl").write_bytes(b"x")
    (root / "loop").symlink_to(root)
    (root / "way-out").symlink_to(outside)
    (root / "link.jsonl").symlink_to(outside / "secret.jsonl")
    assert _names(root) == []
    assert find(str(root / "link.jsonl")) is None


def test_f38_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jsonl").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert _names(tmp_path / "link") == ["a.jsonl"]


def test_missing_root_holds_nothing(tmp_path: Path) -> None:
    found = discover(str(tmp_path / "nowhere"), lambda _: True)
    assert (found.files, found.errors, found.folders) == ([], [], {})


def test_file_as_root_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert discover(str(tmp_path / "file"), lambda _: True).errors == []


def test_reports_a_folder_it_cannot_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "closed").mkdir()
    (tmp_path / "open" / "a.jsonl").write_bytes(b"x")
    scandir = os.scandir

    def refuse(path: str) -> os._ScandirIterator[str]:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover(str(tmp_path), lambda _: True)
    assert len(found.files) == 1
    assert found.errors == [(str(tmp_path / "closed"), "Permission denied")]


def test_path_need_not_be_utf8(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.jsonl"
    with open(raw, "wb") as file:
        file.write(b"x")
    (found,) = discover(str(tmp_path), lambda _: True).files
    assert os.fsencode(found.path) == raw
    assert stat.S_ISREG(os.stat(found.path).st_mode)
