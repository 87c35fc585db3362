from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from claude_code_tracer.tail.discover import Found, find
from claude_code_tracer.tail.watch import HOT_MAX, Watch

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def _file(path: Path, age_s: float, content: bytes = b"x") -> Found:
    path.write_bytes(content)
    at = NOW.timestamp() - age_s
    os.utime(path, (at, at))
    found = find(str(path))
    assert found
    return found


def test_file_has_news_until_it_was_read(tmp_path: Path) -> None:
    watch, found = Watch(), _file(tmp_path / "a", age_s=60)
    assert watch.has_news(found, NOW)
    watch.was_read(found, NOW, has_tail=False)
    assert not watch.has_news(found, NOW)
    assert watch.has_news(_file(tmp_path / "a", 60, b"longer"), NOW)


def test_change_of_the_inode_alone_is_news(tmp_path: Path) -> None:
    watch, found = Watch(), _file(tmp_path / "a", age_s=60)
    watch.was_read(found, NOW, has_tail=False)
    _file(tmp_path / "b", age_s=60)
    (tmp_path / "b").replace(tmp_path / "a")
    again = find(str(tmp_path / "a"))
    assert again and watch.has_news(again, NOW)


def test_f31_file_that_just_changed_is_read_once_more(tmp_path: Path) -> None:
    watch, found = Watch(), _file(tmp_path / "a", age_s=1)
    watch.was_read(found, NOW, has_tail=False)
    assert watch.has_news(found, NOW)
    watch.was_read(found, NOW + timedelta(seconds=2), has_tail=False)
    assert not watch.has_news(found, NOW + timedelta(seconds=2))


def test_unfinished_line_is_news_after_ten_minutes(tmp_path: Path) -> None:
    watch, found = Watch(), _file(tmp_path / "a", age_s=60)
    watch.was_read(found, NOW, has_tail=True)
    assert not watch.has_news(found, NOW + timedelta(seconds=500))
    assert watch.has_news(found, NOW + timedelta(seconds=541))


def test_only_files_that_changed_lately_are_hot(tmp_path: Path) -> None:
    watch = Watch()
    for name, age_s in (("old", 3600), ("new", 60)):
        watch.was_read(_file(tmp_path / name, age_s), NOW, has_tail=False)
    for name in ("old", "new"):
        (tmp_path / name).write_bytes(b"changed")
    assert [found.path for found in watch.hot_news(NOW)] == [str(tmp_path / "new")]


def test_file_that_changes_becomes_hot_whatever_its_time_says(tmp_path: Path) -> None:
    watch = Watch()
    watch.was_read(_file(tmp_path / "a", 99999), NOW, has_tail=False)
    watch.was_read(_file(tmp_path / "a", 88888), NOW, has_tail=False)
    _file(tmp_path / "a", 77777)
    assert len(watch.hot_news(NOW)) == 1


def test_hot_files_cool_down_and_are_bounded(tmp_path: Path) -> None:
    watch = Watch()
    for number in range(HOT_MAX + 10):
        watch.was_read(_file(tmp_path / str(number), 60 + number), NOW, has_tail=False)
    watch.was_searched({}, NOW)
    for path in tmp_path.iterdir():
        path.write_bytes(b"changed")
    assert len(watch.hot_news(NOW)) == HOT_MAX
    watch.was_searched({}, NOW + timedelta(hours=1))
    assert watch.hot_news(NOW) == []


def test_vanished_hot_file_is_forgotten(tmp_path: Path) -> None:
    watch, found = Watch(), _file(tmp_path / "a", 60)
    watch.was_read(found, NOW, has_tail=False)
    (tmp_path / "a").unlink()
    assert watch.hot_news(NOW) == []
    assert watch.has_news(found, NOW)


def test_new_name_beside_a_hot_file_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    watch = Watch()
    watch.was_read(_file(folder / "a", 60), NOW, has_tail=False)
    times = {str(path): path.stat().st_mtime_ns for path in (tmp_path, folder)}
    watch.was_searched(times, NOW)
    assert not watch.has_new_names()
    os.utime(folder, (1, 1))
    assert watch.has_new_names()


def test_file_that_rests_is_looked_at_once_a_second(tmp_path: Path) -> None:
    watch = Watch()
    watch.was_read(_file(tmp_path / "a", age_s=120), NOW, has_tail=False)
    assert watch.hot_news(NOW) == []
    changed = _file(tmp_path / "a", age_s=0, content=b"changed")
    assert watch.hot_news(NOW + timedelta(seconds=0.25)) == []
    assert watch.hot_news(NOW + timedelta(seconds=1)) == [changed]


def test_nobody_is_at_work_when_nothing_changed_for_an_hour(tmp_path: Path) -> None:
    watch = Watch()
    assert watch.has_rested(NOW)
    watch.was_read(_file(tmp_path / "old", age_s=7200), NOW, has_tail=False)
    assert watch.has_rested(NOW)
    watch.was_read(_file(tmp_path / "old", age_s=0), NOW, has_tail=False)
    assert not watch.has_rested(NOW + timedelta(minutes=59))
    assert watch.has_rested(NOW + timedelta(minutes=61))
