"""F68: rows that come before what they belong to, or without it. No foreign key can be missing.

`api.ingest` makes the session of every row, and of every parent that is named, itself; messages,
blocks and calls refer to each other without foreign keys, because no order is promised.
"""

from __future__ import annotations

import itertools
import uuid
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall
from tests.faults.real_server import RealServer, put, sending_to

_PLACES = """
    select 'message', s.native_id, t.id::text from public.messages t
      join public.sessions s on s.id = t.session_id where t.owner_id = %(who)s
    union all select 'block', s.native_id, t.message_id::text from public.blocks t
      join public.sessions s on s.id = t.session_id where t.owner_id = %(who)s
    union all select 'tool_call', s.native_id, t.message_id::text from public.tool_calls t
      join public.sessions s on s.id = t.session_id where t.owner_id = %(who)s
    union all select 'model_call', s.native_id, t.message_id::text from public.model_calls t
      join public.sessions s on s.id = t.session_id where t.owner_id = %(who)s
    union all select 'session', s.native_id, p.native_id from public.sessions s
      left join public.sessions p on p.id = s.parent_id where s.owner_id = %(who)s
    order by 1, 2, 3
"""


def _id(number: int) -> str:
    return str(uuid.UUID(int=number))


def _rows() -> list[Entity]:
    """A child session with one of everything, its parent, and a call without a message."""
    child: dict[str, Any] = {"source": "lines", "session": "child", "revision": 5}
    return [
        Session(**child, parent="parent", relation="subagent"),
        Session(source="lines", session="parent", revision=1, title="Parent", title_rank=1),
        Message(**child, id=_id(1), position=1, role="assistant", kind="answer"),
        Block(**child, id=_id(2), message=_id(1), position=1, kind="tool_call", tool_call=_id(3)),
        ToolCall(**child, id=_id(3), message=_id(1), name="Task", agent_session="grandchild"),
        ModelCall(**child, id=_id(4), message=_id(1), output_tokens=3),
        ToolCall(**child, id=_id(5), message=_id(99), result="of a message that never comes"),
    ]


def _places(server: RealServer) -> list[tuple[object, ...]]:
    with server.database.connect("supabase_admin") as connection:
        return connection.execute(_PLACES, {"who": server.person.id}).fetchall()


@pytest.mark.parametrize("at_once", [1, 3, 500])
def test_f68_any_order_stores_every_row_where_it_belongs(
    server: RealServer, tmp_path: Path, at_once: int
) -> None:
    rows = _rows()
    orders = [rows, rows[::-1], *itertools.islice(itertools.permutations(rows), 77, 5040, 997)]
    expected = [
        ("block", "child", _id(1)),
        ("message", "child", _id(1)),
        ("model_call", "child", _id(1)),
        ("session", "child", "parent"),
        ("session", "grandchild", None),
        ("session", "parent", None),
        ("tool_call", "child", _id(1)),
        ("tool_call", "child", _id(99)),
    ]
    for number, order in enumerate(orders):
        person = RealServer.with_new_person(server.gateway, server.database)
        with sending_to(person, tmp_path / str(number), batch_rows=at_once) as pipeline:
            put(pipeline, *order)
            pipeline.ship()
            assert pipeline.outbox.stats().parked_rows == 0
        assert _places(person) == expected, [type(row).__name__ for row in order]


@pytest.mark.parametrize("parent", ["", "p" * 201, "p" * 5000])
def test_f68_parent_that_cannot_exist_stops_nobody(
    server: RealServer, tmp_path: Path, parent: str
) -> None:
    message: dict[str, Any] = {"source": "lines", "role": "user", "kind": "prompt"}
    with sending_to(server, tmp_path) as pipeline:
        put(
            pipeline,
            Message(**message, session="a", id=_id(1), native_id="1", revision=1, position=1),
            Session(source="lines", session="a", revision=2, parent=parent, relation="fork"),
            ToolCall(source="lines", session="a", id=_id(3), revision=3, agent_session=parent),
            Message(**message, session="b", id=_id(2), native_id="2", revision=4, position=4),
        )
        pipeline.ship()
        assert pipeline.outbox.stats().pending_rows == 0
    assert server.texts() == ["1", "2"]
    assert server.mine("select count(*) from public.tool_calls where owner_id = %s") == [(1,)]
