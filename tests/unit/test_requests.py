"""A command asks by a file, the tracer answers by another; nothing in between can hurt it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from claude_code_tracer.clock import FakeClock, SystemClock
from claude_code_tracer.errors import ConfigError, NotFound, RetryLater, StorageFull
from claude_code_tracer.lock import InstanceLock
from claude_code_tracer.paths import Home
from claude_code_tracer.requests import Done, Drop, Request, Resync, Retry, ask, obey

NOW = datetime.now(UTC)
HOLD = (
    "import sys; from pathlib import Path; from claude_code_tracer.lock import InstanceLock\n"
    "with InstanceLock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


class Tracer:
    """Notes what it is told to do."""

    def __init__(self, *answers: Done | Exception) -> None:
        self.told: list[Request] = []
        self._answers = list(answers)

    def do(self, what: Request) -> Done:
        self.told.append(what)
        answer = self._answers.pop(0) if self._answers else Done(files=1)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _put(home: Home, name: str, content: bytes) -> Path:
    path = home.requests / name
    path.write_bytes(content)
    return path


def _names(home: Home) -> set[str]:
    return {path.name for path in home.requests.iterdir()}


def test_without_a_tracer_the_command_does_it_itself(home: Home) -> None:
    tracer = Tracer(Done(files=3, bytes=9, kept={"odd": [1]}))

    def here() -> None:
        with pytest.raises(Exception, match="already running"), InstanceLock(home.daemon_lock):
            pass
        obey(home, NOW, tracer.do)

    done = ask(home, FakeClock(), Resync("all"), here)
    assert done == Done(files=3, bytes=9, kept={"odd": [1]})
    assert tracer.told == [Resync("all")]
    assert _names(home) == set()


def test_beside_a_tracer_the_command_waits_for_the_answer(home: Home) -> None:
    tracer, stop = Tracer(), threading.Event()

    def work() -> None:
        while not stop.wait(0.01):
            obey(home, datetime.now(UTC), tracer.do)

    def here() -> None:
        raise AssertionError("the tracer runs")

    with InstanceLock(home.daemon_lock):
        thread = threading.Thread(target=work)
        thread.start()
        try:
            wishes: list[Request] = [Resync("codex"), Retry([1, 2]), Drop(None)]
            for wish in wishes:
                assert ask(home, SystemClock(), wish, here) == Done(files=1)
        finally:
            stop.set()
            thread.join()
    assert tracer.told == wishes
    assert _names(home) == set()


def test_a_busy_tracer_obeys_later(home: Home) -> None:
    with InstanceLock(home.daemon_lock):
        with pytest.raises(RetryLater, match="as soon as it can"):
            ask(home, FakeClock(), Drop([7]), lambda: None)
        (path,) = home.requests.iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        tracer = Tracer()
        obey(home, NOW, tracer.do)
        assert tracer.told == [Drop([7])]


def test_the_command_does_it_when_the_tracer_ends_meanwhile(home: Home) -> None:
    tracer = Tracer()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.daemon_lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin and holder.stdout and holder.stdout.readline() == b"held\n"

    class Ending(FakeClock):
        def wait_s(self, event: threading.Event, seconds: float) -> bool:
            holder.kill()
            holder.wait()
            return super().wait_s(event, seconds)

    with holder.stdin, holder.stdout:
        ask(home, Ending(), Retry(None), lambda: obey(home, NOW, tracer.do))
    assert tracer.told == [Retry(None)]


def test_a_wish_that_cannot_be_done_is_answered_with_the_reason(home: Home) -> None:
    tracer = Tracer(NotFound("no such thing"))
    with pytest.raises(NotFound, match="no such thing"):
        ask(home, FakeClock(), Resync("x"), lambda: obey(home, NOW, tracer.do))
    assert _names(home) == set()


def test_a_command_that_fails_here_leaves_no_wish_behind(home: Home) -> None:
    tracer = Tracer(StorageFull("full"))
    with pytest.raises(StorageFull):
        ask(home, FakeClock(), Resync("x"), lambda: obey(home, NOW, tracer.do))
    assert _names(home) == set()


def test_what_cannot_be_done_now_is_tried_again_in_order(home: Home) -> None:
    for number in (3, 1, 2):
        _put(home, f"{number}.json", msgspec.json.encode(Drop([number])))
    tracer = Tracer(Done(), StorageFull("full"))
    with pytest.raises(StorageFull):
        obey(home, NOW, tracer.do)
    obey(home, NOW, tracer.do)
    assert [wish.ids for wish in tracer.told if isinstance(wish, Drop)] == [[1], [2], [2], [3]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe\0",
        b'{"type":"drop"}',
        b'{"type":"drop","ids":["1"]}',
        b'{"type":"format disk","what":"all"}',
        b'{"type":"resync","what":["all"]}',
        b"[" * 100_000,
        b'{"type":"resync","what":"' + b"x" * 5_000_000 + b'"}',
    ],
    ids=lambda content: repr(content[:30]),
)
def test_what_is_no_request_is_answered_and_removed(home: Home, content: bytes) -> None:
    path = _put(home, "1.json", content)
    _put(home, "2.json", msgspec.json.encode(Resync("all")))
    tracer = Tracer()
    obey(home, NOW, tracer.do)
    assert tracer.told == [Resync("all")]
    assert _names(home) == {"1.answer", "2.answer"}
    assert b"does not understand" in path.with_suffix(".answer").read_bytes()


def test_what_is_no_file_is_left_alone(home: Home) -> None:
    (home.requests / "folder.json").mkdir()
    os.mkfifo(home.requests / "pipe.json")
    (home.requests / "link.json").symlink_to("/etc/passwd")
    _put(home, ".3.json.77", b"half a requ")
    tracer = Tracer()
    obey(home, NOW, tracer.do)
    assert tracer.told == []
    assert _names(home) == {"folder.json", "pipe.json", "link.json", ".3.json.77"}


def test_answers_that_nobody_came_for_are_thrown_away_after_an_hour(home: Home) -> None:
    _put(home, "1.answer", b"{}")
    os.utime(home.requests / "1.answer", (NOW.timestamp(), NOW.timestamp()))
    obey(home, NOW + timedelta(minutes=59), Tracer().do)
    assert _names(home) == {"1.answer"}
    obey(home, NOW + timedelta(minutes=61), Tracer().do)
    assert _names(home) == set()


def test_a_folder_that_is_missing_asks_for_nothing(tmp_path: Path) -> None:
    obey(Home(tmp_path), NOW, Tracer().do)


def test_a_folder_that_is_none_says_what_to_do(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.requests.write_bytes(b"")
    with pytest.raises(ConfigError, match="make it writable"):
        obey(home, NOW, Tracer().do)
    with pytest.raises(ConfigError, match="cannot write"):
        ask(home, FakeClock(), Resync("all"), lambda: None)


def test_a_wish_that_is_withdrawn_meanwhile_is_not_answered(home: Home) -> None:
    later = _put(home, "2.json", msgspec.json.encode(Resync("all")))
    _put(home, "1.json", msgspec.json.encode(Drop(None)))
    told: list[Request] = []

    def do(wish: Request) -> Done:
        told.append(wish)
        later.unlink()  # its command was ended
        return Done()

    assert obey(home, NOW, do) == 1
    assert told == [Drop(None)]
    assert _names(home) == {"1.answer"}
