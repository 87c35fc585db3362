"""How a command has the running tracer do something: a file in a folder, and an answer beside it.

Only one process writes the outbox (F54, L20), so a command beside a running tracer asks. The tracer
looks into the folder before every step of collecting, does what it finds in order, and answers. A
request is removed when it is answered and doing it twice changes nothing more, so a crash in
between is harmless. See docs/adr/0011.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from claude_code_tracer.clock import Clock
from claude_code_tracer.errors import AlreadyRunning, ConfigError, NotFound, RetryLater
from claude_code_tracer.lock import InstanceLock, running_pid
from claude_code_tracer.log import event
from claude_code_tracer.paths import Home, write_private_file

__all__ = ["Done", "Drop", "Request", "Resync", "Retry", "ask", "obey"]

_PATIENCE_S = 60.0
_POLL_S = 0.05
_REQUEST_MAX_BYTES = 4 * 1024 * 1024
_ANSWER_KEPT_S = 3600.0
"""Nobody waits for an answer as old as this: its command was ended."""
_REQUEST, _ANSWER = ".json", ".answer"


class Resync(msgspec.Struct, frozen=True, tag="resync"):
    """Read files again from their start."""

    what: str
    """`all`, a source's name, or a session's native id or its beginning."""


class Retry(msgspec.Struct, frozen=True, tag="retry"):
    """Read the files again that something was set aside of."""

    ids: list[int] | None
    """Numbers of pointers; None: all of them."""


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """Forget what was set aside."""

    ids: list[int] | None


Request = Resync | Retry | Drop


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What was done."""

    files: int = 0
    """Files that are read again from their start."""
    bytes: int = 0
    """Their size."""
    gone: int = 0
    """Files that are not there any more; what was collected of them stays."""
    pointers: int = 0
    """Pointers that are tried again, or that were dropped."""
    kept: dict[str, list[int]] = {}
    """Pointers that nothing could be done about, by the reason."""


class _Answer(msgspec.Struct, frozen=True):
    done: Done = Done()
    error: str | None = None


def ask(home: Home, clock: Clock, request: Request, here: Callable[[], None]) -> Done:
    """Have the running tracer do what `request` says, and return what it did.

    While no tracer runs, `here` is called with the instance lock held, to obey in this process.
    Raises NotFound when there is nothing of the kind, RetryLater when the tracer was busy for too
    long: the request stays and is obeyed later.
    """
    never = threading.Event()
    path = _put(home, clock.now(), request)
    deadline_s = clock.monotonic_s() + _PATIENCE_S
    try:
        while (answer := _taken_answer(path)) is None:
            if running_pid(home.daemon_lock) is None:
                with contextlib.suppress(AlreadyRunning), InstanceLock(home.daemon_lock):
                    here()
            elif clock.monotonic_s() > deadline_s:
                break
            else:
                clock.wait_s(never, _POLL_S)
    except BaseException:
        path.unlink(missing_ok=True)  # who asked was told that it failed
        raise
    if answer is None:
        raise RetryLater(
            f"claude-tracer has not got to it in {_PATIENCE_S:.0f} s, because it is reading: "
            "it will do so as soon as it can"
        )
    if answer.error:
        raise NotFound(answer.error)
    return answer.done


def obey(home: Home, now: datetime, do: Callable[[Request], Done]) -> int:
    """Have `do` do what waits in the folder, the oldest request first, and answer each.

    Returns how many there were.

    NotFound from `do` is the answer; with any other error the request stays for the next time.
    """
    try:
        answers = 0
        for path in _waiting(home.requests, now):
            if answer := _obeyed(path, do):
                write_private_file(path.with_suffix(_ANSWER), msgspec.json.encode(answer))
                path.unlink(missing_ok=True)
                answers += 1
        return answers
    except OSError as exc:
        raise ConfigError(
            f"cannot answer requests in {home.requests} ({exc.strerror}): "
            "make it writable, free some disk space"
        ) from exc


def _put(home: Home, now: datetime, request: Request) -> Path:
    path = home.requests / f"{int(now.timestamp() * 1e6):020d}-{os.getpid()}{_REQUEST}"
    try:
        write_private_file(path, msgspec.json.encode(request))
    except OSError as exc:
        raise ConfigError(f"cannot write {path} ({exc.strerror}): make room for it") from exc
    return path


def _taken_answer(request: Path) -> _Answer | None:
    path = request.with_suffix(_ANSWER)
    try:
        answer = msgspec.json.decode(path.read_bytes(), type=_Answer)
    except FileNotFoundError:
        return None
    path.unlink(missing_ok=True)
    return answer


def _waiting(folder: Path, now: datetime) -> list[Path]:
    """Return the requests, the oldest first; throw away answers that nobody came for."""
    found = []
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return []
    for entry in entries:
        if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
            continue
        if entry.name.endswith(_REQUEST):
            found.append(Path(entry.path))
            continue
        with contextlib.suppress(FileNotFoundError):  # its command has just taken it
            if now.timestamp() - entry.stat().st_mtime > _ANSWER_KEPT_S:
                os.unlink(entry.path)
    return sorted(found)


def _obeyed(path: Path, do: Callable[[Request], Done]) -> _Answer | None:
    """Return the answer to a request; None when it was withdrawn."""
    try:
        with path.open("rb") as file:
            request: Request = msgspec.json.decode(file.read(_REQUEST_MAX_BYTES), type=Request)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, RecursionError) as exc:
        event("requests", "not_understood", level=30, file=path.name, error=type(exc).__name__)
        return _Answer(error="the running claude-tracer does not understand this: restart it")
    try:
        done = do(request)
    except NotFound as exc:
        return _Answer(error=str(exc))
    event("requests", "obeyed", what=type(request).__name__.lower(), files=done.files)
    return _Answer(done)
