from __future__ import annotations

from dataclasses import dataclass

from claude_code_tracer.outbox import FileRow
from claude_code_tracer.outbox.catalog import Catalog, Seen


@dataclass(frozen=True)
class At:
    path: str
    ino: int
    dev: int = 1


def _row(path: str, ino: int, *, is_gone: bool = False) -> FileRow:
    return FileRow(source="s", path=path, session="a", dev=1, ino=ino, id=ino, is_gone=is_gone)


def _seen(*files: At) -> dict[str, Seen]:
    return {file.path: file for file in files}


def _anywhere(row: FileRow, found: Seen) -> bool:
    return True


def _nowhere(row: FileRow, found: Seen) -> bool:
    return False


def test_unknown_path_gets_a_new_row() -> None:
    catalog = Catalog([_row("/r/a", 1)])
    assert catalog.get("s", "/r/a", "a").id == 1
    assert catalog.get("s", "/r/b", "b").id is None
    assert catalog.get("t", "/r/a", "a").id is None


def test_moved_file_keeps_its_row() -> None:
    catalog = Catalog([_row("/r/a", 1)])
    (row,) = catalog.moved("s", _seen(At("/r/b", 1)), _anywhere)
    assert (row.id, row.path) == (1, "/r/b")
    assert catalog.get("s", "/r/b", "a") == row
    assert catalog.get("s", "/r/a", "a").id is None


def test_file_that_may_not_have_moved_is_new() -> None:
    catalog = Catalog([_row("/r/a", 1)])
    assert catalog.moved("s", _seen(At("/r/b", 1)), _nowhere) == []
    assert catalog.moved("s", _seen(At("/r/a", 7)), _anywhere) == []
    assert catalog.get("s", "/r/a", "a").id == 1


def test_vanished_files_are_those_below_the_root_that_are_not_there() -> None:
    catalog = Catalog([_row("/r/a", 1), _row("/r/b", 2), _row("/rr/c", 3)])
    seen = _seen(At("/r/a", 1))
    assert [row.path for row in catalog.vanished("s", "/r", seen)] == ["/r/b"]
    assert catalog.vanished("s", "/r", seen) == []


def test_empty_root_says_nothing_about_its_files() -> None:
    assert Catalog([_row("/r/a", 1)]).vanished("s", "/r", {}) == []


def test_file_that_is_back_is_told_once() -> None:
    catalog = Catalog([_row("/r/a", 1, is_gone=True)])
    seen = _seen(At("/r/a", 1))
    assert [row.path for row in catalog.returned("s", seen)] == ["/r/a"]
    assert catalog.returned("s", seen) == []
