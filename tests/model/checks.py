"""What must hold, whatever happens: nothing is lost, nothing doubled, nothing told.

What must arrive: every record that stood whole in a file when a scan ran to its end. What may:
every record that ever stood whole in a file. What must not: anything twice, a secret, a fragment.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import HaltStage, RetryLater
from claude_code_tracer.model import Message
from claude_code_tracer.outbox import Parked
from claude_code_tracer.tail.watch import IDLE_S
from tests.faults.pipeline import SECRET, make_config, with_settings
from tests.model.dialects import Dialect
from tests.model.disk import Disk
from tests.model.server import MoodyServer
from tests.model.tracer import TextGuard, Tracer
from tests.model.whole import whole_rows, without_paths

__all__ = ["LINE_MAX", "CheckedMachine"]

LINE_MAX = 2000
_START = datetime(2026, 6, 1, 12, 0, 0, 500_000, UTC)
_MEMORY = Path("/dev/shm")
_DRAIN_STEPS = 500


class CheckedMachine(RuleBasedStateMachine):
    """Real files, a real outbox and a server in memory; checked at every step and at the end."""

    make_dialect: Callable[[int], Dialect]

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = tempfile.mkdtemp(prefix="ct-model-", dir=_MEMORY if _MEMORY.is_dir() else None)
        self._stack.callback(shutil.rmtree, folder)
        self._config = make_config(Path(folder))
        self.dialect = type(self).make_dialect(LINE_MAX)
        self.clock = FakeClock(_START)
        self.disk = Disk(self.dialect, Path(folder), self.clock)
        self.must: set[int] = set()
        """Numbers of the records that must arrive."""

    def start(self, seed: int, **settings: int) -> None:
        """Start the server and the tracer."""
        config = with_settings(self._config, **settings)
        self.server = MoodyServer(seed)
        self.tracer = Tracer(config, self.clock, self.server, self.dialect.source, TextGuard())
        self._stack.enter_context(self.tracer.dying())
        self._stack.callback(lambda: self.tracer.outbox.close())

    def teardown(self) -> None:
        try:
            if hasattr(self, "tracer"):
                self._end_well()
        finally:
            self._stack.close()

    # Steps ------------------------------------------------------------------------------------

    def scan_all(self) -> bool:
        """Search all folders; what stands there whole must arrive from now on."""
        standing = self.disk.standing(LINE_MAX)
        is_done = self.collect(lambda: self.tracer.collect())
        if is_done:
            self.must |= standing
            self._check_cursors()
        return is_done

    def collect(self, action: Callable[[], object]) -> bool:
        """Read files in some way; tell whether that came to its end."""
        before = set(self._parked())
        is_done = self.tracer.attempt(action)
        self._check_parked([pointer for pointer in self._parked() if pointer not in before])
        for file in self.tracer.outbox_files:
            assert SECRET.encode() not in file.read_bytes(), "a secret stands in the outbox"
        return is_done

    def send(self, mood: str, count: int) -> None:
        """Have the shipper try some times, with the server in a mood."""
        self.server.mood = mood
        for _ in range(count):
            if not self.tracer.attempt(lambda: self.tracer.shipper.run_once()):
                self.clock.advance_s(1.0)

    def arrived(self) -> Counter[int]:
        """Return the numbers of the records that the server has, and in how many rows."""
        return self.dialect.arrived(self.server.rows.values())

    # At every step ----------------------------------------------------------------------------

    def _parked(self) -> list[Parked]:
        return self.tracer.outbox.parked(1_000_000)

    def _check_cursors(self) -> None:
        """A cursor points just behind a newline: after a scan, behind the last one (I2)."""
        for row in self.tracer.outbox.files():
            name = os.path.relpath(row.path, self.disk.root)
            if name in self.disk.names():
                assert not row.is_gone
                assert row.cursor == self.disk.content(name).rfind(b"\n") + 1

    def _check_parked(self, pointers: list[Parked]) -> None:
        """What was just set aside holds no whole record."""
        files = {row.id: row for row in self.tracer.outbox.files()}
        for pointer in pointers:
            if pointer.kind is None and pointer.end is not None and pointer.start is not None:
                name = os.path.relpath(files[pointer.file].path, self.disk.root)
                span = self.disk.content(name)[pointer.start : pointer.end]
                assert not self.disk.whole(span + b"\n", LINE_MAX), "a good record was parked"

    # At the end -------------------------------------------------------------------------------

    def _end_well(self) -> None:
        """Let server and disk be well again and everything come to rest."""
        self.server.mood = "up"
        self.tracer.kill()
        self.clock.advance_s(3.0)
        self._drain()
        self.clock.advance_s(IDLE_S + 1.0)
        for name in self.disk.names():
            self.must |= self.disk.unfinished(self.disk.content(name))
        self._drain()
        self._check_arrived()
        self._check_order()
        self._check_rows()
        self._check_nothing_more_is_sent()

    def _drain(self) -> None:
        for _ in range(_DRAIN_STEPS):
            is_all = self.scan_all()
            while self.tracer.outbox.stats().pending_rows:
                try:
                    self.tracer.shipper.run_once()
                except (RetryLater, HaltStage):
                    self.clock.advance_s(300.0)
            if is_all:
                return
        raise AssertionError("it does not come to an end")

    def _check_arrived(self) -> None:
        arrived = self.arrived()
        parked = {number for number, record in self.disk.records.items() if record.is_parked}
        assert self.must - parked <= arrived.keys(), f"lost: {sorted(self.must - arrived.keys())}"
        assert {number for number, count in arrived.items() if count > 1} == set(), "doubled"
        assert not parked & arrived.keys(), "the server has what nobody can take"

    def _check_order(self) -> None:
        """Of a session in one file what was written first arrived first."""
        sessions: dict[str, list[int]] = {}
        for entity in self.server.order:
            if isinstance(entity, Message):
                sessions.setdefault(entity.session, []).extend(self.dialect.arrived([entity]))
        for session, numbers in sessions.items():
            firsts = list(dict.fromkeys(numbers))
            assert session in self.disk.unordered or firsts == sorted(firsts), "out of order"

    def _check_rows(self) -> None:
        """Of a file that only grew every row is as if all of it were read at once."""
        spoilt = self.disk.damaged | self.disk.unordered
        for name in self.disk.names() if self.dialect.is_file_session else []:
            session = self.disk.session(name)
            content = self.disk.content(name)
            content += b"\n" if self.disk.unfinished(content) else b""
            # What stands on an unfinished line now may have been sent while it was a record (F11).
            if session not in spoilt and content.endswith(b"\n"):
                rows = whole_rows(self.dialect, self.disk.root, name, content, LINE_MAX)
                kept = {key: row for key, row in self.server.rows.items() if row.session == session}
                assert without_paths(kept) == without_paths(rows)

    def _check_nothing_more_is_sent(self) -> None:
        before = self.server.requests
        for again in (self.tracer.restart, self.tracer.kill):
            again()
            self.clock.advance_s(3600.0)
            self._drain()
        assert self.server.requests == before, "what arrived was sent again"
