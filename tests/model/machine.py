"""Anything may happen to transcripts, tracer and server, in any order: these are the rules."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from claude_code_tracer.killpoints import KILL_POINTS
from claude_code_tracer.requests import Resync, Retry
from claude_code_tracer.tail.watch import IDLE_S
from tests.faults.asking import asked
from tests.model.checks import LINE_MAX, CheckedMachine
from tests.model.dialects import KINDS
from tests.model.server import MOODS

__all__ = ["TracerMachine"]

slots = st.sampled_from([0, 0, 0, 1, 1, 2, 3])
sizes = st.integers(0, 1500)
moods = st.sampled_from(["up", "up", *sorted(MOODS)])
kinds = st.sampled_from(KINDS)
shares = st.one_of(st.just(1.0), st.floats(0, 1, width=16))
ages = st.sampled_from([0, 0, 0, 60, 90_000, 400_000])


def _has_files(machine: TracerMachine) -> bool:
    return bool(machine.disk.names())


class TracerMachine(CheckedMachine):
    """What tools, people, machines and servers do."""

    @initialize(
        seed=st.integers(0, 999),
        batch_rows=st.sampled_from([1, 3, 500]),
        batch_bytes=st.sampled_from([3000, 1_000_000]),
        outbox_bytes=st.sampled_from([2000, 1_000_000, 1_000_000]),
        is_coarse=st.booleans(),
    )
    def begin(
        self, seed: int, batch_rows: int, batch_bytes: int, outbox_bytes: int, is_coarse: bool
    ) -> None:
        """Start; on some disks times have no fractions of seconds."""
        self.disk.is_coarse = is_coarse
        self.start(
            seed,
            batch_rows=batch_rows,
            batch_bytes=batch_bytes,
            outbox_max_bytes=outbox_bytes,
            line_max_bytes=LINE_MAX,
        )

    # What a tool writes -----------------------------------------------------------------------

    @rule(slot=slots, kinds=st.lists(kinds, min_size=1, max_size=6), age_s=ages)
    def append(self, slot: int, kinds: list[str], age_s: int) -> None:
        """Write some records, now or, as far as anybody can tell, days ago."""
        name = self._name(slot)
        self.disk.append(name, b"".join(self.disk.record(name, kind) + b"\n" for kind in kinds))
        self.disk.touch(name, age_s)

    @rule(slot=slots, kind=kinds, share=shares)
    def append_partly(self, slot: int, kind: str, share: float) -> None:
        name = self._name(slot)
        raw = self.disk.record(name, kind)
        self.disk.begin(name, raw, round(share * len(raw)))

    @rule(slot=slots)
    def complete(self, slot: int) -> None:
        self.disk.complete(self._name(slot))

    @precondition(_has_files)
    @rule(slot=slots, share=shares)
    def append_again(self, slot: int, share: float) -> None:
        """Write a record a second time, as Claude Code does when a machine wakes up (F24)."""
        name = self._file(slot)
        if raw := self.disk.again(name, share):
            self.disk.append(name, raw + b"\n")

    @rule(slot=slots, damage=st.sampled_from(["glued", "NUL", "garbage", "too long"]), size=sizes)
    def append_damaged(self, slot: int, damage: str, size: int) -> None:
        name = self._name(slot)
        first, second = self.disk.record(name), self.disk.record(name)
        nuls = bytes(min(size, LINE_MAX - len(first) - len(second)))
        noise = f"garbage {len(self.disk.records)} ".encode() * (1 + size // 100)
        line = {
            "glued": first + second,
            "NUL": nuls + first + bytes(size % 30) + second,
            "garbage": noise[:size] + first[: size % len(first)].replace(b"{", b"") + noise[-20:],
            "too long": first[:-1] + b" " * LINE_MAX + first[-1:],
        }[damage]
        if damage != "glued":  # that may stand behind half a record: a splice
            self._end_line(name)
        self.disk.append(name, line + b"\n")

    @precondition(_has_files)
    @rule(slot=slots, share=shares, count=st.integers(0, 6))
    def truncate(self, slot: int, share: float, count: int) -> None:
        """Cut a file off anywhere, and perhaps go on writing before anybody looks."""
        name = self._file(slot)
        self.disk.truncate(name, int(share * len(self.disk.content(name))))
        if count:
            self.disk.append(name, b"".join(self.disk.record(name) + b"\n" for _ in range(count)))

    @precondition(_has_files)
    @rule(
        slot=slots,
        kept=st.sampled_from([0, 1, 3, 8]),
        how=st.sampled_from(["", "same size", "same end"]),
    )
    def rewrite(self, slot: int, kept: int, how: str) -> None:
        """Write other content into the same inode; what stood there was perhaps just read."""
        name = self._file(slot)
        if kept:
            self.scan_all()
        before = self.disk.content(name)
        content = self._other_content(name, kept, 3 + kept)
        if how == "same size":
            content = self._padded(self._other_content(name, 0, 1 + len(before) // 40), len(before))
        if how == "same end":
            first, _, rest = before.partition(b"\n")
            content = self._padded(self.disk.record(name) + b"\n", len(first) + 1) + rest
            self.disk.unordered.add(self.disk.session(name))
        self.disk.rewrite(name, content)

    @precondition(_has_files)
    @rule(slot=slots, kept=st.sampled_from([0, 1, 99]), count=st.integers(0, 5))
    def replace(self, slot: int, kept: int, count: int) -> None:
        """Put another file in its place: others records, or what was there and more."""
        name = self._file(slot)
        self.disk.replace(name, self._other_content(name, kept, count))

    # What a person does -----------------------------------------------------------------------

    @precondition(_has_files)
    @rule(slot=slots, to=slots, what=st.sampled_from(["move", "swap", "copy"]))
    def rearrange(self, slot: int, to: int, what: str) -> None:
        name = self._file(slot)
        if self.dialect.is_file_session:
            folder, what = ("p" if name.startswith("q") else "q"), "move"
            other = f"{folder}/{Path(name).name}"
        else:
            other = self._file(to) if what == "swap" else self._name(to)
        if name != other:
            getattr(self.disk, what)(name, other)

    @rule(is_back=st.booleans())
    def move_folder(self, is_back: bool) -> None:
        folders = sorted({name.partition("/")[0] for name in self.dialect.names if "/" in name})
        folder, to = reversed(folders) if is_back else folders
        if any(name.startswith(f"{folder}/") for name in self.disk.names()):
            self.disk.move_folder(folder, to)

    @precondition(_has_files)
    @rule(slot=slots)
    def delete(self, slot: int) -> None:
        self.disk.delete(self._file(slot))

    @precondition(_has_files)
    @rule(slot=slots, age_s=ages)
    def touch(self, slot: int, age_s: int) -> None:
        self.disk.touch(self._file(slot), age_s)

    @rule()
    def unmount_for_a_scan(self) -> None:
        aside = self.disk.root.with_name("aside")
        self.disk.root.rename(aside)
        self.collect(lambda: self.tracer.collect())
        aside.rename(self.disk.root)

    # What the tracer does ---------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.4, 1.0]))
    def tick(self, seconds: float) -> None:
        self.clock.advance_s(seconds)
        self.collect(lambda: self.tracer.collector.run_hot())

    @rule()
    def scan(self) -> None:
        self.scan_all()

    @rule(mood=moods, count=st.integers(1, 5))
    def ship(self, mood: str, count: int) -> None:
        self.send(mood, count)

    @rule(mood=moods, is_tick=st.booleans())
    def collect_and_ship(self, mood: str, is_tick: bool) -> None:
        if is_tick:
            self.collect(lambda: self.tracer.collector.run_hot())
        else:
            self.scan_all()
        self.send(mood, 3)

    @rule(seconds=st.sampled_from([0.4, 1.0, 3.0, 30.0, IDLE_S + 1.0, 90_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance_s(seconds)

    @rule(point=st.sampled_from(KILL_POINTS), count=st.integers(1, 4), mood=moods)
    def die_at(self, point: str, count: int, mood: str) -> None:
        """Start, collect and ship with a kill point armed; what is left of it dies later."""
        self.tracer.outbox.close()
        self.tracer.start(kill_at=f"{point}:{count}")
        self.scan_all()
        self.send(mood, 3)

    @rule()
    def kill(self) -> None:
        self.tracer.kill()

    @rule(log_kept=shares)
    def cut_the_power(self, log_kept: float) -> None:
        """Rows that nobody has yet roll back with their cursors: their files are read again."""
        self.tracer.kill(log_kept)
        self.must &= self.arrived().keys()

    @rule(pages=st.integers(1, 8))
    def start_on_a_full_disk(self, pages: int) -> None:
        self.tracer.outbox.close()
        self.tracer.start(pages=pages)
        self.scan_all()
        self.send("up", 3)

    @rule(slot=slots, what=st.sampled_from(["all", "one session", "parked", "another server"]))
    def read_again(self, slot: int, what: str) -> None:
        """Do what `resync` and `parked retry` ask for, or find out that the database is new."""
        if what == "another server":
            self.tracer.attempt(lambda: self.tracer.begin_anew(str(len(self.disk.records))))
        else:
            session = self.dialect.source.name if what == "all" else Path(self._name(slot)).stem
            request = Retry(None) if what == "parked" else Resync(session)
            self.tracer.attempt(lambda: asked(self.tracer, request))

    def _name(self, slot: int) -> str:
        return self.disk.place_of(self.dialect.names[slot])

    def _file(self, slot: int) -> str:
        names = self.disk.names()
        return names[slot % len(names)]

    def _end_line(self, name: str) -> None:
        content = self.disk.content(name)
        if content and not content.endswith(b"\n"):
            self.disk.append(name, b"\n")

    def _other_content(self, name: str, lines: int, count: int) -> bytes:
        """Return the first lines of what is there, and new records."""
        kept = self.disk.content(name).splitlines(keepends=True)[:lines]
        new = [self.disk.record(name) + b"\n" for _ in range(count)]
        return b"".join(kept) + b"".join(new)

    def _padded(self, content: bytes, size: int) -> bytes:
        """Return as many lines as fit, and blanks up to this size."""
        lines = content[:size].rpartition(b"\n")[0]
        return (lines + b" " * (size - len(lines) - 1) + b"\n")[:size]
