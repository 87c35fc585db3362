"""Rows of a database as the reader hands them over: JSON objects, with JSON in their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from claude_code_tracer.sources.cursor.nested import decoded
from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import BadSpan, Line
from claude_code_tracer.sources.values import string

__all__ = ["Row", "fields_of", "json_of", "rows_of"]


class Row(msgspec.Struct, frozen=True):
    """One row; `value` holds its columns, those with JSON decoded."""

    table: str
    mark: int
    end: int
    key: str
    value: dict[str, Any]


def rows_of(draft: Draft, lines: Sequence[Line]) -> Iterator[Row]:
    """Return the rows in `lines` that name their table and key; what is no row is a bad span."""
    for line in lines:
        found, bad = records(line, lambda _: False)
        draft.bad += bad
        for record in found:
            table, key = string(record.value.get("table")), string(record.value.get("key"))
            if table and key:
                yield Row(table, line.start, line.end, key, _decoded(record.value))


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    """Decode the column that is a JSON array of another row's fields."""
    composer = value.get("composer")
    return {**value, "composer": decoded(composer)} if type(composer) is str else value


def json_of(draft: Draft, row: Row) -> Any:
    """Return the row's JSON; None when it says nothing, and a bad span when it is none."""
    text = row.value.get("value")
    value = decoded(text) if type(text) is str else None
    is_broken = value is None and text not in ("null", None)
    if is_broken or row.value.get("is_json") == 0:
        draft.bad.append(BadSpan(row.mark, row.end, "not JSON"))
    return value


def fields_of(draft: Draft, row: Row, names: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the fields that the select took out of the row's JSON; None when there are none."""
    values = json_of(draft, row)
    if type(values) is not list or len(values) != len(names):
        return None
    fields = dict(zip(names, values, strict=True))
    return fields if any(value is not None for value in values) else None
