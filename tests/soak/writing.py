"""Transcripts of many sessions at work, and what tools and people do to such files.

Every text holds a token of its own, `<r17>`, so that it is known again in the database.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from pathlib import Path
from random import Random

from claude_code_tracer.errors import TracerError
from claude_code_tracer.outbox import OutboxReader
from tests.transcripts import Conversation

__all__ = ["TOKEN", "Writer"]

TOKEN = re.compile(r"<r(\d+)>")
_PROJECTS = 20
_HALVES = 0.2


class _Talk(Conversation):
    """A conversation whose records wait in memory until they are taken."""

    waiting = b""

    def raw(self, data: bytes) -> None:
        self.waiting += data

    def flush(self, size: int) -> None:
        """Write the first `size` bytes of what waits."""
        with self.path.open("ab") as file:
            file.write(self.waiting[:size])
        self.waiting = self.waiting[size:]


class Writer:
    """Write to the sessions of one home. `written` counts the texts that must arrive."""

    def __init__(self, home: Path, outbox: Path, files: int, rng: Random) -> None:
        self.written = 0
        self.changes = 0
        """Files that were cut off, replaced, moved or removed."""
        self._home = home
        self._outbox = outbox
        self._rng = rng
        self._sessions = 0
        self._talks = [self._new_talk() for _ in range(files)]
        self._half: _Talk | None = None

    def write(self) -> None:
        """Let one session say something, sometimes only half of it for now."""
        self.complete()
        talk = self._rng.choice(self._talks)
        talk.now()
        self._say_something(talk)
        is_half = self._rng.random() < _HALVES
        talk.flush(self._rng.randrange(len(talk.waiting)) if is_half else len(talk.waiting))
        self._half = talk

    def complete(self) -> None:
        """Write the rest of what is half written."""
        if self._half:
            self._half.flush(len(self._half.waiting))
        self._half = None

    def change(self) -> None:
        """Do to a file what loses what is in it, or where it was, once the tracer has it all."""
        self.complete()
        number = self._rng.randrange(len(self._talks))
        talk = self._talks[number]
        if not talk.path.exists() or not self._is_read(talk.path):
            return
        self.changes += 1
        match self._rng.choice(["cut off", "replace", "move", "remove"]):
            case "cut off":
                os.truncate(talk.path, 0)
            case "replace":
                other = talk.path.with_suffix(".tmp")
                other.write_bytes(b"")
                other.replace(talk.path)
            case "move":
                folder = talk.path.parent.with_name(f"-home-u-moved{self.changes % _PROJECTS}")
                folder.mkdir(exist_ok=True)
                shutil.move(talk.path, folder)
                talk.path = folder / talk.path.name
            case "remove":
                talk.path.unlink()
                self._talks[number] = self._new_talk()

    def _say_something(self, talk: _Talk) -> None:
        talk.prompt(self._text())
        for _ in range(self._rng.randint(0, 2)):
            tool = talk.tool_use("Bash", {"command": self._text()})
            talk.tool_result(tool, self._text())
        talk.answer(self._text())

    def _text(self) -> str:
        self.written += 1
        return f"<r{self.written}> " + "words and more words " * self._rng.randint(1, 60)

    def _new_talk(self) -> _Talk:
        self._sessions += 1
        session = f"{self._sessions:08x}-3333-4333-8333-333333333333"
        return _Talk(self._home, session, f"/home/u/p{self._sessions % _PROJECTS}")

    def _is_read(self, path: Path) -> bool:
        """Tell whether the outbox says that all of a file was read, so that it may go."""
        size = path.stat().st_size
        try:
            with OutboxReader.open_readonly(self._outbox) as outbox:
                return any(row.path == str(path) and row.cursor == size for row in outbox.files())
        except (TracerError, sqlite3.Error):
            return False
