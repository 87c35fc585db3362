"""From a parsed query to SQL. Values are always bound; names come from the catalog only.

Every statement returns one row: total (or null), number of rows, JSON text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import sql

from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.local.gateway.query import Condition, Field, Group, Order, Query, Selected
from claude_code_tracer.local.gateway.schema import Argument, Function, Relation

__all__ = ["Composed", "Page", "compose_call", "compose_read"]

_COMPARISONS = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "like": "like",
    "ilike": "ilike",
    "match": "~",
    "imatch": "~*",
    "isdistinct": "is distinct from",
    "cs": "@>",
    "cd": "<@",
    "ov": "&&",
}
_SEARCHES = {
    "fts": "to_tsquery",
    "plfts": "plainto_tsquery",
    "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
}
_JSON_TYPES = ("json", "jsonb")


@dataclass(frozen=True, slots=True)
class Composed:
    """SQL whose first parameters are a function's arguments; `params` are those that follow."""

    text: bytes
    params: tuple[bytes, ...]


@dataclass(slots=True)
class _Params:
    """Numbers the parameters as they are met."""

    taken: int = 0
    values: list[bytes] = field(default_factory=list)

    def bind(self, value: str) -> sql.SQL:
        self.values.append(value.encode())
        return sql.SQL(f"${self.taken + len(self.values)}")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a result is wanted, and whether all of it is to be counted."""

    query: Query
    max_rows: int
    count: bool = False
    head: bool = False


def compose_read(schema: str, relation: Relation, page: Page) -> Composed:
    """Return the statement for one page of a view."""
    params = _Params()
    source = sql.Identifier(schema, relation.name)
    rows, total = _rows(source, relation, page, params)
    text = sql.SQL("with __page as ({}) select {}, count(*), {} from __page").format(
        rows, total, _body(page, "json_agg(__page)")
    )
    return Composed(text.as_bytes(None), tuple(params.values))


def compose_call(
    schema: str, function: Function, arguments: Sequence[tuple[Argument, bool]], page: Page
) -> Composed:
    """Return the statement that calls a function.

    Each argument is a parameter of its own, in order, unless its flag says that it is a member of
    the JSON object that is then the first parameter.
    """
    called = _call(schema, function, arguments)
    if function.kind == "void":
        text = sql.SQL("select null, count(*), null from {}").format(called)
        return Composed(text.as_bytes(None), ())
    if function.kind == "scalar" and not function.returns_set:
        value = _json_text(sql.SQL("result.value"), function.return_type)
        text = sql.SQL("select null, 1, coalesce({}, 'null') from {}").format(value, called)
        return Composed(text.as_bytes(None), ())
    params = _Params(_taken(arguments))
    relation = function.result
    if function.kind == "scalar":
        relation = Relation(function.name, {"value": function.return_type})
    rows, total = _rows(sql.SQL("__called"), relation, page, params)
    if function.kind == "scalar":
        body = "json_agg(__page.value)"
    else:
        body = "json_agg(__page)" if function.returns_set else "json_agg(__page) -> 0"
    text = sql.SQL(
        "with __called as (select result.* from {}), __page as ({}) "
        "select {}, count(*), {} from __page"
    ).format(called, rows, total, _body(page, body))
    return Composed(text.as_bytes(None), tuple(params.values))


def _call(
    schema: str, function: Function, arguments: Sequence[tuple[Argument, bool]]
) -> sql.Composable:
    members = [argument for argument, in_record in arguments if in_record]
    number = 1 if members else 0
    given: list[sql.Composable] = []
    for argument, in_record in arguments:
        name = sql.Identifier(argument.name) if argument.name else None
        number += not in_record
        value = (
            sql.SQL("given.{}").format(name or sql.SQL(""))
            if in_record
            else sql.SQL(f"${number}::{argument.type}")
        )
        given.append(sql.SQL("{} => {}").format(name, value) if name else value)
    call = sql.SQL("{}({}) as result{}").format(
        sql.Identifier(schema, function.name),
        sql.SQL(", ").join(given),
        sql.SQL("(value)" if function.kind == "scalar" else ""),
    )
    if not members:
        return call
    shape = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(m.name), sql.SQL(m.type)) for m in members
    )
    return sql.SQL("json_to_record($1::json) as given({}), lateral {}").format(shape, call)


def _taken(arguments: Sequence[tuple[Argument, bool]]) -> int:
    own = sum(not in_record for _, in_record in arguments)
    return own + any(in_record for _, in_record in arguments)


def _rows(
    source: sql.Composable, relation: Relation, page: Page, params: _Params
) -> tuple[sql.Composable, sql.Composable]:
    """Return the query for the page and the expression for the total."""
    query = page.query
    columns = [_selected(item, relation, params) for item in query.select]
    where = [_condition(item, relation, params) for item in query.where]
    filtered = sql.SQL("from {} as t").format(source)
    if where:
        filtered += sql.SQL(" where ") + sql.SQL(" and ").join(where)
    rows = sql.SQL("select {} {}").format(sql.SQL(", ").join(columns), filtered)
    if query.order:
        order = [_order(item, relation, params) for item in query.order]
        rows += sql.SQL(" order by ") + sql.SQL(", ").join(order)
    limit = page.max_rows if query.limit is None else min(query.limit, page.max_rows)
    rows += sql.SQL(" limit {}::bigint").format(params.bind(str(limit)))
    if query.offset:
        rows += sql.SQL(" offset {}::bigint").format(params.bind(str(query.offset)))
    total = sql.SQL("(select count(*) {})").format(filtered) if page.count else sql.SQL("null")
    return rows, total


def _body(page: Page, expression: str) -> sql.SQL:
    if page.head:
        return sql.SQL("null")
    empty = "null" if expression.endswith("0") else "[]"
    return sql.SQL(f"coalesce({expression}, '{empty}')::text")


def _json_text(value: sql.Composable, of_type: str) -> sql.Composable:
    if of_type in _JSON_TYPES:
        return sql.SQL("{}::text").format(value)
    return sql.SQL("to_json({})::text").format(value)


def _selected(item: Selected, relation: Relation, params: _Params) -> sql.Composable:
    if item.field is None:
        return sql.SQL("t.*")
    value = _value(item.field, relation, params)
    return sql.SQL("{} as {}").format(value, sql.Identifier(item.label))


def _value(wanted: Field, relation: Relation, params: _Params) -> sql.Composable:
    if wanted.column not in relation.columns:
        raise ApiError(400, "42703", f"column {relation.name}.{wanted.column} does not exist")
    value: sql.Composable = sql.SQL("t.{}").format(sql.Identifier(wanted.column))
    if wanted.path and relation.columns[wanted.column] not in _JSON_TYPES:
        value = sql.SQL("to_jsonb({})").format(value)
    for number, step in enumerate(wanted.path, 1):
        last_as_text = wanted.as_text and number == len(wanted.path)
        cast = "integer" if isinstance(step, int) else "text"
        value = sql.SQL("({} {} {})").format(
            value,
            sql.SQL("->>" if last_as_text else "->"),
            sql.SQL("{}::" + cast).format(params.bind(str(step))),
        )
    return value


def _order(item: Order, relation: Relation, params: _Params) -> sql.Composable:
    nulls = {None: "", True: " nulls first", False: " nulls last"}[item.nulls_first]
    direction = " desc" if item.descending else " asc"
    return _value(item.field, relation, params) + sql.SQL(direction + nulls)


def _condition(item: Condition | Group, relation: Relation, params: _Params) -> sql.Composable:
    if isinstance(item, Group):
        members = [_condition(member, relation, params) for member in item.members]
        condition: sql.Composable = sql.SQL(f" {item.joiner} ").join(members)
    else:
        condition = _comparison(item, _value(item.field, relation, params), relation, params)
    return sql.SQL("not ({})" if item.negated else "({})").format(condition)


def _comparison(
    item: Condition, value: sql.Composable, relation: Relation, params: _Params
) -> sql.Composable:
    if isinstance(item.value, tuple):
        return sql.SQL("{} = any({})").format(value, params.bind(_array(item.value)))
    if item.operator == "is":
        return sql.SQL("{} is {}").format(
            value, sql.SQL(item.value.lower().replace("not_", "not "))
        )
    if item.operator in _SEARCHES:
        return _search(item, item.value, value, relation, params)
    text = item.value.replace("*", "%") if item.operator in ("like", "ilike") else item.value
    return sql.SQL("{} {} {}").format(
        value, sql.SQL(_COMPARISONS[item.operator]), params.bind(text)
    )


def _search(
    item: Condition, text: str, value: sql.Composable, relation: Relation, params: _Params
) -> sql.Composable:
    language = (
        sql.SQL("{}::regconfig, ").format(params.bind(item.config)) if item.config else sql.SQL("")
    )
    if item.field.path or relation.columns[item.field.column] != "tsvector":
        value = sql.SQL("to_tsvector({}{})").format(language, value)
    return sql.SQL("{} @@ {}({}{})").format(
        value, sql.SQL(_SEARCHES[item.operator]), language, params.bind(text)
    )


def _array(values: Sequence[str]) -> str:
    """Return the text of a PostgreSQL array, so that any number of values is one parameter."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
