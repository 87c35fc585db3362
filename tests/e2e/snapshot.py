"""Everything the database holds, in a form that two runs can be compared by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

__all__ = ["physical_rows", "rows_by_table"]

_TABLES = ("projects", "sessions", "messages", "blocks", "tool_calls", "model_calls", "usage_slots")
_RANDOM = {"owner_id", "workspace_id", "device_id", "project_id", "created_at", "updated_at"}
_DERIVED = {"session_id", "parent_id", "agent_session_id", "id"}
"""Ids that are hashes of the (random) owner: compared through native ids instead."""


def physical_rows(connection: psycopg.Connection[Any]) -> dict[str, set[tuple[Any, ...]]]:
    """Return every row's place and transaction: equal means that nothing was written."""
    return {
        table: set(
            connection.execute(
                sql.SQL("select ctid::text, xmin::text from public.{}").format(
                    sql.Identifier(table)
                )
            )
        )
        for table in _TABLES
    }


def rows_by_table(connection: psycopg.Connection[Any], home: Path) -> dict[str, list[str]]:
    """Return every row as text, without what is random in each installation, sorted."""
    return {table: _rows(connection, table, str(home)) for table in _TABLES}


def _rows(connection: psycopg.Connection[Any], table: str, home: str) -> list[str]:
    statement = sql.SQL("select to_jsonb(t), {session} from public.{table} t {joins}").format(
        table=sql.Identifier(table),
        session=sql.SQL(_SESSION_NAME[table]),
        joins=sql.SQL(_JOINS[table]),
    )
    result = []
    for row, session in connection.execute(statement):
        kept = {k: v for k, v in row.items() if k not in _RANDOM | _dropped(table)}
        text = f"{session} {sorted(kept.items(), key=lambda item: item[0])}"
        result.append(text.replace(home, "~"))
    return sorted(result)


def _dropped(table: str) -> set[str]:
    # Ids of messages, blocks and calls are made from the transcript alone: they are compared.
    return _DERIVED if table in {"projects", "sessions"} else _DERIVED - {"id"}


_SESSION = "left join public.sessions s on s.id = t.session_id"
_JOINS = {
    "projects": "",
    "sessions": "left join public.sessions p on p.id = t.parent_id",
    "messages": _SESSION,
    "blocks": _SESSION,
    "tool_calls": f"{_SESSION} left join public.sessions a on a.id = t.agent_session_id",
    "model_calls": _SESSION,
    "usage_slots": _SESSION,
}
_SESSION_NAME = {
    "projects": "''",
    "sessions": "coalesce(p.native_id, '')",
    "messages": "s.native_id",
    "blocks": "s.native_id",
    "tool_calls": "s.native_id || coalesce(a.native_id, '')",
    "model_calls": "s.native_id",
    "usage_slots": "s.native_id",
}
