"""F74: an older revision that comes late, as an unknown outcome makes it, changes nothing."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall
from tests.faults.real_server import RealServer, put, sending_to

_WHERE: dict[str, Any] = {"source": "lines", "session": "a"}
_ID = str(uuid.UUID(int=1))
_OTHER = str(uuid.UUID(int=2))
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_LATER = datetime(2026, 1, 2, tzinfo=UTC)


def _session(revision: int, **values: Any) -> Session:
    return Session(**_WHERE, revision=revision, **values)


def _message(revision: int, **values: Any) -> Message:
    return Message(**_WHERE, id=_ID, revision=revision, position=3, role="assistant", **values)


def _block(revision: int, **values: Any) -> Block:
    return Block(**_WHERE, id=_ID, message=_OTHER, revision=revision, position=1, **values)


def _tool(revision: int, **values: Any) -> ToolCall:
    return ToolCall(**_WHERE, id=_ID, message=_OTHER, revision=revision, **values)


def _model(revision: int, **values: Any) -> ModelCall:
    return ModelCall(**_WHERE, id=_ID, revision=revision, **values)


VERSIONS: dict[str, list[Entity]] = {
    "session": [
        _session(10, title="First", title_rank=4, cwd="/a", branch="main", tool_version="1"),
        _session(20, title="Second", title_rank=4, cwd="/b", branch="fix", tool_version="2"),
        _session(30, title="Third", title_rank=4, cwd="/c", branch="fix", tool_version="3"),
    ],
    "message": [
        _message(10, kind="unknown", model="m", at=_AT),
        _message(20, kind="answer", model="m", at=_AT, flags=["salvaged"]),
        _message(30, kind="notice", model="m", at=_AT, flags=["interrupted"]),
    ],
    "block": [
        _block(10, kind="text", text="one"),
        _block(20, kind="text", text="one two", data={"n": 2}),
        _block(30, kind="text", text="one two three", data={"n": 3}),
    ],
    "tool_call": [
        _tool(10, name="Bash", input={"command": "ls"}, started_at=_AT),
        _tool(20, result="running", is_error=False),
        _tool(30, result="done", is_error=True, ended_at=_LATER, lines_added=3),
    ],
    "model_call": [
        _model(10, model="m", output_tokens=1, cost_usd=Decimal("0.1"), at=_AT),
        _model(20, model="m", output_tokens=20, cost_usd=Decimal("0.2"), at=_AT),
        _model(30, model="m", output_tokens=300, cost_usd=Decimal("0.3"), at=_AT),
    ],
}
_TABLES = ("sessions", "messages", "blocks", "tool_calls", "model_calls", "usage_slots")


def _stored(server: RealServer, *, physical: bool = False) -> dict[str, list[Any]]:
    """What there is of this person; `physical` adds which transaction wrote it."""
    drop = "" if physical else "- array['updated_at', 'last_activity_at']"
    mark = ", t.xmin::text" if physical else ""
    query = "select to_jsonb(t) {}{} from public.{} t where owner_id = %s order by 1"
    return {table: server.mine(query.format(drop, mark, table)) for table in _TABLES}


def _send(server: RealServer, folder: Path, *entities: Entity) -> None:
    """Send each in a batch of its own, in this order."""
    with sending_to(server, folder) as pipeline:
        for entity in entities:
            put(pipeline, entity)
            pipeline.ship()
        assert pipeline.outbox.stats().parked_rows == 0


@pytest.mark.parametrize("kind", VERSIONS)
def test_f74_older_version_that_comes_late_overwrites_nothing(
    server: RealServer, tmp_path: Path, kind: str
) -> None:
    first, second, third = VERSIONS[kind]
    _send(server, tmp_path / "in order", first, second, third)
    before = _stored(server)
    _send(server, tmp_path / "late", second, first, first, second)
    assert _stored(server) == before


@pytest.mark.parametrize("kind", VERSIONS)
def test_f74_last_version_sent_again_writes_no_row(
    server: RealServer, tmp_path: Path, kind: str
) -> None:
    _send(server, tmp_path / "first", *VERSIONS[kind])
    before = _stored(server, physical=True)
    _send(server, tmp_path / "again", VERSIONS[kind][-1], *VERSIONS[kind])
    assert _stored(server, physical=True) == before


@pytest.mark.parametrize("kind", VERSIONS)
@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2)])
def test_f74_any_order_of_versions_ends_as_theirs(
    server: RealServer, tmp_path: Path, kind: str, order: tuple[int, ...]
) -> None:
    _send(server, tmp_path / "in order", *VERSIONS[kind])
    another = RealServer.with_new_person(server.gateway, server.database)
    _send(another, tmp_path / "mixed", *(VERSIONS[kind][index] for index in order))
    assert _bare(_stored(another)) == _bare(_stored(server))


def _bare(stored: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Rows without what is each person's own: ids, and the times of storing."""
    return [
        {name: value for name, value in row[0].items() if not _is_own(name)}
        for rows in stored.values()
        for row in rows
    ]


def _is_own(name: str) -> bool:
    return name == "id" or name.endswith("_id") or name in ("created_at", "updated_at")
