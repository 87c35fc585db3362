"""What the exposed schema offers: its views with their columns, its functions, the roles' settings.

Every identifier that ends up in SQL comes from here, never from a request.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import psycopg

from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.errors import from_database
from claude_code_tracer.local.gateway.query import Query
from claude_code_tracer.local.gateway.schema import Argument, Function, Relation, Schema
from claude_code_tracer.local.gateway.statement import Composed

__all__ = ["Catalog"]

_REMEMBERED = 512

_COLUMNS = """
select c.relname as relation, a.attname as name, format_type(a.atttypid, null) as type
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = %s::regnamespace and c.relkind in ('v', 'r', 'm', 'p', 'f')
  and a.attnum > 0 and not a.attisdropped
order by c.relname, a.attnum
"""
_FUNCTIONS = """
select p.oid::bigint as oid, p.proname as name, p.proretset as returns_set,
  p.provolatile as volatility,
  p.pronargdefaults as defaults, p.proconfig as config,
  p.proargnames as names, p.proargmodes::text[] as modes,
  (select array_agg(format_type(t, null) order by i)
   from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality x (t, i)) as types,
  case when p.prorettype = 'void'::regtype then 'void' when t.typtype = 'c' then 'row'
    when p.prorettype = 'record'::regtype then 'record' else 'scalar' end as kind,
  format_type(p.prorettype, null) as return_type,
  (select array_agg(a.attname order by a.attnum) from pg_attribute a
   where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) as row_names,
  (select array_agg(format_type(a.atttypid, null) order by a.attnum) from pg_attribute a
   where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) as row_types
from pg_proc p join pg_type t on t.oid = p.prorettype
where p.pronamespace = %s::regnamespace and p.prokind = 'f' and p.provariadic = 0
  and p.prorettype <> 'trigger'::regtype and p.prorettype <> 'event_trigger'::regtype
"""
_ROLES = """
select r.rolname as role, split_part(x.pair, '=', 1) as name,
  substr(x.pair, strpos(x.pair, '=') + 1) as value
from pg_roles r cross join unnest(r.rolconfig) x (pair)
left join pg_settings s on s.name = split_part(x.pair, '=', 1)
where r.rolname in ('anon', 'authenticated', 'service_role')
  and (s.name is null or s.context = 'user')
"""


class Catalog:
    """Reads the schema on first use and again after it changed."""

    def __init__(self, database: Database, schema: str = "api") -> None:
        self._database = database
        self._name = schema
        self._schema: Schema | None = None
        self._reading = asyncio.Lock()
        self._generation = 0
        self._composed: OrderedDict[tuple[object, ...], tuple[Query, Composed]] = OrderedDict()

    def forget(self) -> None:
        """Read again at the next request: something was changed."""
        self._schema = None

    async def schema(self) -> Schema:
        """Return the exposed schema; ApiError 503 when PostgreSQL is away."""
        if self._schema is not None:
            return self._schema
        async with self._reading:
            if self._schema is None:
                try:
                    self._schema = await self._read()
                except psycopg.Error as exc:
                    raise from_database(exc, anonymous=False) from exc
            return self._schema

    def recall(self, key: tuple[object, ...]) -> tuple[Query, Composed] | None:
        """Return what was composed for `key`, which names the schema's generation."""
        return self._composed.get(key)

    def remember(
        self, key: tuple[object, ...], query: Query, composed: Composed
    ) -> tuple[Query, Composed]:
        """Keep composed SQL, and forget the oldest when there is too much."""
        self._composed[key] = (query, composed)
        if len(self._composed) > _REMEMBERED:
            self._composed.popitem(last=False)
        return query, composed

    async def _read(self) -> Schema:
        # With no search path every type name comes out with its schema.
        async with self._database.transaction("authenticator", {"search_path": ""}) as cursor:
            columns = await (await cursor.execute(_COLUMNS, (self._name,))).fetchall()
            functions = await (await cursor.execute(_FUNCTIONS, (self._name,))).fetchall()
            roles = await (await cursor.execute(_ROLES)).fetchall()
        self._generation += 1
        return Schema(
            self._name,
            _relations(columns),
            _functions(functions),
            _settings(roles),
            self._generation,
        )


def _relations(rows: list[dict[str, Any]]) -> dict[str, Relation]:
    columns: dict[str, dict[str, str]] = {}
    for row in rows:
        columns.setdefault(row["relation"], {})[row["name"]] = row["type"]
    return {name: Relation(name, of_one) for name, of_one in columns.items()}


def _functions(rows: list[dict[str, Any]]) -> dict[str, tuple[Function, ...]]:
    functions: dict[str, tuple[Function, ...]] = {}
    for row in rows:
        functions[row["name"]] = (*functions.get(row["name"], ()), _function(row))
    return functions


def _function(row: dict[str, Any]) -> Function:
    types: list[str] = row["types"] or []
    names: list[str] = row["names"] or [""] * len(types)
    modes: list[str] = row["modes"] or ["i"] * len(types)
    parameters = list(zip(names, types, modes, strict=True))
    inputs = [(name, kind) for name, kind, mode in parameters if mode in "ib"]
    required = len(inputs) - row["defaults"]
    outputs = {name: kind for name, kind, mode in parameters if mode in "obt"}
    if row["row_names"]:
        outputs = dict(zip(row["row_names"], row["row_types"], strict=True))
    is_scalar = row["kind"] == "scalar" or (row["kind"] == "record" and not outputs)
    return Function(
        oid=row["oid"],
        name=row["name"],
        arguments=tuple(Argument(n, t, i < required) for i, (n, t) in enumerate(inputs)),
        kind="void" if row["kind"] == "void" else "scalar" if is_scalar else "row",
        returns_set=row["returns_set"],
        volatile=row["volatility"] == "v",
        return_type=row["return_type"],
        result=Relation(row["name"], {} if is_scalar else outputs),
        settings=_hoisted(row["config"] or []),
    )


def _hoisted(config: list[str]) -> dict[str, str]:
    """Return the settings that take effect only if set before the statement starts."""
    pairs = (setting.partition("=") for setting in config)
    return {name: value for name, _, value in pairs if name == "statement_timeout"}


def _settings(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    settings: dict[str, dict[str, str]] = {}
    for row in rows:
        settings.setdefault(row["role"], {})[row["name"]] = row["value"]
    return settings
