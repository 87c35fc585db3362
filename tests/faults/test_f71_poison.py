"""F71: rows that the server will never store are set aside, wherever they stand in a batch."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall
from tests.faults.pipeline import message, running
from tests.faults.real_server import RealServer, put, sending_to
from tests.faults.sending import write

_HERE: dict[str, Any] = {"source": "lines", "session": "a", "revision": 7}
_POISON_ID = str(uuid.UUID(int=7))
_NOISE = "".join(Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000))
"""What does not compress: too long for an index."""


def _block(**values: Any) -> Block:
    known = {"id": _POISON_ID, "message": _POISON_ID, "position": 7, "kind": "text"}
    return Block(**{**_HERE, **known, **values})


def _call(**values: Any) -> ModelCall:
    return ModelCall(**{**_HERE, "id": _POISON_ID, **values})


def _message(**values: Any) -> Message:
    known = {"id": _POISON_ID, "position": 7, "role": "user", "kind": "prompt"}
    return Message(**{**_HERE, **known, **values})


PARKED: dict[str, Callable[[], Entity]] = {
    "reference that is no UUID": lambda: _block(tool_call="nope"),
    "id that is no UUID": lambda: _message(id="nope"),
    "message that is no UUID": lambda: _block(message="nope"),
    "position beyond 64 bits": lambda: _message(position=2**63),
    "tokens beyond 64 bits": lambda: _call(output_tokens=2**63),
    "lines beyond 32 bits": lambda: ToolCall(**_HERE, id=_POISON_ID, lines_added=2**31),
    "cost beyond all money": lambda: _call(reported_cost_usd=10**12),
    "attribution beyond 16 bits": lambda: _call(attribution=99_999),
    "session without a name": lambda: Session(source="lines", session="", revision=7),
    "session with a long name": lambda: Session(source="lines", session="s" * 201, revision=7),
    "session of no source": lambda: Session(source="No Source", session="a", revision=7),
    "message of a session with a long name": lambda: _message(session="s" * 201),
    "block of a session without a name": lambda: _block(session=""),
    "source that is none": lambda: _message(source="Not A Source"),
    "negative count beyond 64 bits": lambda: _message(position=-(2**63) - 1),
}
STORED: dict[str, Callable[[], Entity]] = {
    "NUL and half a surrogate": lambda: _block(text="a\0b\ud800", data={"\0": ["\udfff"]}),
    "model too long for an index": lambda: _call(model=_NOISE, output_tokens=1),
    "project too long for an index": lambda: Session(**_HERE, project_root=_NOISE, title=_NOISE),
    "numbers that no double holds": lambda: _block(data=[1e308, -0.0, 10**18]),
    "text that looks like JSON and SQL": lambda: _block(text="\\u0000'); drop table x; --"),
}


@pytest.mark.parametrize("code", ["21000", "54000", "22P05"])
def test_f71_poison_at_every_place_of_a_batch(tmp_path: Path, code: str) -> None:
    with running(tmp_path, batch_rows=16) as pipeline:
        names = [f"{number:02}" for number in range(64)]
        pipeline.server.poison = set(names[::5])
        pipeline.server.poison_code = code
        write(pipeline, *names)
        pipeline.ship()
        assert pipeline.server.texts == sorted(set(names) - pipeline.server.poison)
        assert pipeline.outbox.stats().parked_rows == len(pipeline.server.poison)
        assert pipeline.outbox.stats().pending_rows == 0


@pytest.mark.parametrize("kind", PARKED)
def test_f71_one_row_in_500_that_postgres_refuses_is_parked_alone(
    server: RealServer, tmp_path: Path, kind: str
) -> None:
    names = [f"{number:03}" for number in range(499)]
    place = Random(kind).choice([0, 1, 249, 250, 498, 499])
    rows: list[Entity] = [message("a", {"id": name}, int(name)) for name in names]
    rows.insert(place, PARKED[kind]())
    with sending_to(server, tmp_path) as pipeline:
        put(pipeline, *rows)
        pipeline.ship()
        assert pipeline.outbox.stats().pending_rows == 0
        (parked,) = pipeline.outbox.parked(9)
        assert parked.kind == type(rows[place]).__struct_config__.tag
    assert server.texts() == names


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1, 7, 124, 125, 249, 250, 333, 498, 499])
def test_f71_poison_is_found_at_any_place_of_a_full_batch(
    server: RealServer, tmp_path: Path, place: int
) -> None:
    names = [f"{number:03}" for number in range(499)]
    rows: list[Entity] = [message("a", {"id": name}, int(name)) for name in names]
    rows.insert(place, PARKED["reference that is no UUID"]())
    with sending_to(server, tmp_path) as pipeline:
        put(pipeline, *rows)
        pipeline.ship()
        assert (pipeline.outbox.stats().pending_rows, len(pipeline.outbox.parked(9))) == (0, 1)
    assert server.texts() == names


@pytest.mark.parametrize("kind", STORED)
def test_f71_what_could_be_poison_is_made_fit_to_be_stored(
    server: RealServer, tmp_path: Path, kind: str
) -> None:
    with sending_to(server, tmp_path) as pipeline:
        put(pipeline, message("a", {"id": "1"}, 1), STORED[kind](), message("a", {"id": "2"}, 9))
        pipeline.ship()
        assert pipeline.outbox.stats().pending_rows == 0
        assert pipeline.outbox.parked(9) == []
    assert server.texts() == ["1", "2"]


def test_f71_sums_that_overflow_cost_the_row_that_makes_them(
    server: RealServer, tmp_path: Path
) -> None:
    with sending_to(server, tmp_path) as pipeline:
        for number in range(3):
            call = _call(id=str(uuid.UUID(int=number)), output_tokens=2**62, revision=number)
            put(pipeline, message("a", {"id": str(number)}, number), call)
        pipeline.ship()
        put(pipeline, message("a", {"id": "later"}, 99))
        pipeline.ship()
        assert pipeline.outbox.stats().pending_rows == 0
        assert {parked.kind for parked in pipeline.outbox.parked(9)} == {"model_call"}
    assert server.texts() == ["0", "1", "2", "later"]


def test_f71_row_that_the_disk_spoiled_is_parked(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        write(pipeline, "1", "2", "3")
        db = sqlite3.connect(pipeline.config.home.outbox, isolation_level=None)
        db.execute("update record set body = x'00ff' where seq = 2")
        db.close()
        pipeline.ship()
        assert pipeline.server.texts == ["1", "3"]
        assert pipeline.outbox.stats().parked_rows == 1
