"""The tracer between a folder and a server, to be killed at any point and started again."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import msgspec

from claude_code_tracer.clock import Clock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import GuardFailed, HaltStage, RetryLater
from claude_code_tracer.intake import Guarding
from claude_code_tracer.model import Entity
from claude_code_tracer.outbox import database
from claude_code_tracer.sources.source import Source
from tests.faults.pipeline import SECRET, UNGUARDABLE, Pipeline

__all__ = ["Killed", "TextGuard", "Tracer"]

_Images = dict[str, bytes]


class Killed(BaseException):
    """The process is no more; nothing of ours may catch this and go on."""


class TextGuard:
    """Masks one secret wherever it stands, and fails on one text."""

    def mask_entity(self, entity: Entity) -> Entity:
        raw = msgspec.json.encode(entity)
        if UNGUARDABLE.encode() in raw:
            raise GuardFailed("no")
        if SECRET.encode() not in raw:
            return entity
        masked = raw.replace(SECRET.encode(), b"[MASKED]")
        return msgspec.json.decode(masked, type=type(entity))


class Tracer(Pipeline):
    """A pipeline whose death leaves on the disk what kill -9 leaves there."""

    _images: _Images | None = None

    def __init__(
        self, config: Config, clock: Clock, server: Any, source: Source, guard: Guarding
    ) -> None:
        super().__init__(config, clock, server, source, guard)

    @property
    def outbox_files(self) -> list[Path]:
        """The outbox's file and its log, as far as they are there."""
        path = self.config.home.outbox
        files = [path, path.with_name(path.name + "-wal")]
        return [file for file in files if file.exists()]

    def dying(self) -> AbstractContextManager[Any]:
        """While this is entered a kill point raises Killed instead of ending the tests."""
        stub = SimpleNamespace(getpid=os.getpid, kill=self._die)
        return mock.patch("claude_code_tracer.killpoints.os", stub)

    def attempt(self, action: Callable[[], object]) -> bool:
        """Tell whether `action` ran to its end; after a death the tracer is started again."""
        try:
            action()
        except (RetryLater, HaltStage):
            return False
        except Killed:
            self.kill()
            return False
        return True

    def kill(self, log_kept: float = 1.0) -> None:
        """Die here (or where Killed was raised) and start again.

        With `log_kept` below 1 the power was cut: so much of the write-ahead log is on the disk.
        """
        images = self._images or self._take_images()
        self._images = None
        self.outbox.close()
        self._lay_out(images, log_kept)
        self.start()

    def start(self, kill_at: str = "", pages: int = 0) -> None:
        """Open everything, with a kill point armed or room for so many more pages only."""
        self.config = replace(self.config, env={**self.config.env, "TRACER_KILL_AT": kill_at})
        connect = database.connect

        def small_disk(path: Path) -> sqlite3.Connection:
            db = connect(path)
            used = db.execute("pragma page_count").fetchone()[0]
            db.execute(f"pragma max_page_count = {used + pages}")
            return db

        if pages:
            with mock.patch.object(database, "connect", small_disk):
                self._open()
        else:
            self._open()

    def begin_anew(self, name: str) -> None:
        """Have every file read again, as after `resync`."""
        self.outbox.follow(name)
        self.restart()

    def _die(self, *_: object) -> None:
        self._images = self._take_images()
        raise Killed

    def _take_images(self) -> _Images:
        return {file.name: file.read_bytes() for file in self.outbox_files}

    def _lay_out(self, images: _Images, log_kept: float) -> None:
        folder = self.config.home.outbox.parent
        shutil.rmtree(folder)
        folder.mkdir(0o700)
        for name, content in images.items():
            kept = int(len(content) * log_kept) if name.endswith("-wal") else len(content)
            (folder / name).write_bytes(content[:kept])
            (folder / name).chmod(0o600)
