"""A small pipeline for tests: a source whose lines are messages, a guard, a server in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from claude_code_tracer.clock import Clock, FakeClock
from claude_code_tracer.collector import Collector, CollectReport
from claude_code_tracer.config import Config, load_config
from claude_code_tracer.errors import GuardFailed
from claude_code_tracer.ids import record_id
from claude_code_tracer.intake import Guarding
from claude_code_tracer.model import Entity, Message, ModelCall, Session
from claude_code_tracer.outbox import Outbox
from claude_code_tracer.ship.classify import Answer, Refusal
from claude_code_tracer.shipper import Shipper
from claude_code_tracer.sources.source import BadSpan, Fact, Line, Parsed, Source, Transcript

SECRET = "sk-secret"
UNGUARDABLE = "cannot be guarded"


class LineSource:
    """Every line `{"id": ..., "text": ...}` is a message; the state counts the lines."""

    name = "lines"
    label = "Lines"
    knows: frozenset[Fact] = frozenset({"times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        return [user_home / "lines"]

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        if path.suffix != ".jsonl":
            return None
        return Transcript(self.name, path, path.stem)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        count = int(state or b"0")
        entities: list[Entity] = []
        bad: list[BadSpan] = []
        for line in lines:
            content = line.raw.removeprefix(b"\xef\xbb\xbf").strip()
            if not content:
                continue
            try:
                values = msgspec.json.decode(content.decode(errors="replace"))
            except msgspec.DecodeError:
                bad.append(BadSpan(line.start, line.end, "not JSON"))
                continue
            count += 1
            entities.append(message(file.session, values, line.start))
        if entities:
            session = Session(source=self.name, session=file.session, revision=lines[-1].start)
            entities.append(session)
        return Parsed(entities, bad, str(count).encode())


def message(session: str, values: dict[str, Any], start: int) -> Message:
    return Message(
        source="lines",
        session=session,
        id=record_id("lines", session, values["id"]),
        native_id=values.get("text", values["id"]),
        revision=start,
        position=start,
        role="user",
        kind=values.get("kind", "prompt"),
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


class StubGuard:
    """Masks one secret, and fails on one text."""

    version = 1

    def mask_entity(self, entity: Entity) -> Entity:
        if not isinstance(entity, Message) or not entity.native_id:
            return entity
        if UNGUARDABLE in entity.native_id:
            raise GuardFailed("no")
        if SECRET not in entity.native_id:
            return entity
        masked = entity.native_id.replace(SECRET, "[MASKED]")
        return msgspec.structs.replace(entity, native_id=masked, masked={"stub": 1})


@dataclass
class MemoryServer:
    """Keeps what it is sent, as `api.ingest` would; `script` answers come first."""

    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    script: list[Answer | Exception | None] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    poison: set[str] = field(default_factory=set)
    poison_code: str = "22P05"
    refused: set[str] = field(default_factory=set)
    credentials_changed: bool = False
    check: Callable[[bytes], Answer | None] | None = None

    def send(self, body: bytes) -> Answer:
        batch = json.loads(body)["batch"]
        lists = {name: rows for name, rows in batch.items() if isinstance(rows, list)}
        sent = sum(map(len, lists.values()))
        self.batches.append(sent)
        if self.check and (answer := self.check(body)):
            return answer
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            if step is not None:
                return step
        if self.poison & {row.get("native_id") for rows in lists.values() for row in rows}:
            return Answer(500, code=self.poison_code)
        refused = []
        for name, rows in lists.items():
            keys = [(row["source"], row["session"], row.get("id")) for row in rows]
            assert len(set(keys)) == len(keys), "an id twice in one batch is SQLSTATE 21000"
            for index, row in enumerate(rows):
                if row.get("native_id") in self.refused:
                    refused.append(Refusal(name, index, "not wanted"))
                    continue
                self.rows[name, row.get("id", row["session"])] = row
                self.order.append(row.get("native_id") or row["session"])
        return Answer(200, accepted=sent - len(refused), refused=tuple(refused))

    def refresh(self) -> bool:
        changed, self.credentials_changed = self.credentials_changed, False
        return changed

    @property
    def texts(self) -> list[str]:
        """The messages that arrived, in the order of their first arrival."""
        return sorted(
            row["native_id"] for (name, _), row in self.rows.items() if name == "messages"
        )


def make_config(tmp_path: Path, **env: str) -> Config:
    variables = {"HOME": str(tmp_path), "CLAUDE_TRACER_HOME": str(tmp_path / "home"), **env}
    config = load_config(variables)
    config.home.create()
    (tmp_path / "lines").mkdir(exist_ok=True)
    return config


def with_settings(config: Config, **settings: int) -> Config:
    return replace(config, settings=replace(config.settings, **settings))


def line(name: str | int, **more: Any) -> bytes:
    return json.dumps({"id": str(name), **more}, ensure_ascii=False).encode() + b"\n"


class Pipeline:
    """Everything between a folder and a server, on one clock. `restart` is a restart."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        server: MemoryServer,
        source: Source | None = None,
        guard: Guarding | None = None,
    ) -> None:
        self.config = config
        self.source = source or LineSource()
        self.guard = guard or StubGuard()
        self.clock = clock
        self.server = server
        self._open()

    def _open(self) -> None:
        self.outbox = Outbox.open(self.config, self.clock)
        self.collector = Collector(
            self.config, [self.source], self.guard, same_price, self.outbox, self.clock
        )
        self.shipper = Shipper(
            self.config, self.outbox, self.server, self.clock, StubGuard.version, Random(1)
        )

    @property
    def folder(self) -> Path:
        return self.config.user_home / "lines"

    def collect(self) -> CollectReport:
        return self.collector.run_once()

    def drain(self) -> list[str]:
        """Collect and ship everything; return the texts the server has."""
        self.collect()
        self.ship()
        return self.server.texts

    def ship(self) -> None:
        while self.shipper.run_once().more:
            pass

    def restart(self, **settings: int) -> None:
        self.outbox.close()
        self.config = with_settings(self.config, **settings)
        self._open()


@contextmanager
def running(
    tmp_path: Path,
    *,
    server: MemoryServer | None = None,
    at: datetime | None = None,
    source: Source | None = None,
    guard: Guarding | None = None,
    **settings: int,
) -> Iterator[Pipeline]:
    """A pipeline over `tmp_path / "lines"`, its clock at the real time unless told."""
    config = with_settings(make_config(tmp_path), **settings)
    clock = FakeClock(at or datetime.now(UTC))
    pipeline = Pipeline(config, clock, server or MemoryServer(), source, guard)
    try:
        yield pipeline
    finally:
        pipeline.outbox.close()


def same_price(call: ModelCall) -> ModelCall:
    return call
