"""Calls: `POST|GET|HEAD /rest/v1/rpc/<function>`.

The body is not decoded: its top-level members are found, and a `jsonb` argument travels to
PostgreSQL as the bytes the client sent (half the work of PostgREST for a 1 MB ingest batch).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from claude_code_tracer.local.gateway.catalog import Catalog
from claude_code_tracer.local.gateway.database import Database, Statement
from claude_code_tracer.local.gateway.errors import ApiError, unsupported
from claude_code_tracer.local.gateway.http import headers_of
from claude_code_tracer.local.gateway.identity import Gatekeeper
from claude_code_tracer.local.gateway.query import (
    RESERVED,
    Query,
    is_filter,
    parse_pairs,
    parse_query,
)
from claude_code_tracer.local.gateway.rest import (
    MAX_ROWS,
    Wants,
    check_profile,
    reply,
    request_call,
    settings_for,
)
from claude_code_tracer.local.gateway.schema import Argument, Function, Schema
from claude_code_tracer.local.gateway.statement import Composed, Page, compose_call

__all__ = ["Rpc"]

_JSON_TYPES = ("json", "jsonb")
_Given = Mapping[str, msgspec.Raw | str]
_Params = tuple[bytes | None, ...]
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Rpc:
    """Calls of the exposed functions."""

    def __init__(self, database: Database, catalog: Catalog, gatekeeper: Gatekeeper) -> None:
        self._database = database
        self._catalog = catalog
        self._gatekeeper = gatekeeper

    async def call(self, request: Request) -> Response:
        """Answer a request for `/rest/v1/rpc/<function>`."""
        headers = headers_of(request)
        if request.method not in ("GET", "HEAD", "POST"):
            message = f"Cannot use the {request.method} method on RPC"
            raise ApiError(405, "PGRST101", message)
        call = request_call(request, self._gatekeeper)
        schema = await self._catalog.schema()
        check_profile(request.method, headers, schema)
        wants = Wants.of(request.method, headers)
        pairs = parse_pairs(request.url.query) if request.url.query else []
        if request.method == "POST":
            _check_content_type(headers)
            body = await request.body()
            function, given = _posted(schema, request.path_params["function"], body)
            rest = pairs
        else:
            name = request.path_params["function"]
            function, given, rest = _asked(schema, name, pairs)
        query, composed, params = self._compose(schema, function, given, rest, wants)
        statement = Statement(
            composed.text,
            (*params, *composed.params),
            read_only=request.method != "POST" or not function.volatile,
            settings=settings_for(schema, call, function.settings),
        )
        outcome = await self._database.run(call, statement, only_row=wants.single)
        if function.kind == "void":
            return Response(None, 204, {"Content-Range": "0-0/*"})
        return reply(outcome, wants, query.offset)

    def _compose(
        self,
        schema: Schema,
        function: Function,
        given: _Given,
        rest: list[tuple[str, str]],
        wants: Wants,
    ) -> tuple[Query, Composed, _Params]:
        used = [argument for argument in function.arguments if argument.name in given]
        arguments = [(a, _in_record(a, given[a.name])) for a in used]
        names = tuple((a.name, in_record) for a, in_record in arguments)
        key = (schema.generation, function.oid, names, tuple(rest), wants)
        known = self._catalog.recall(key)
        if known is None:
            query = parse_query(rest)
            page = Page(query, MAX_ROWS, wants.count, wants.head)
            composed = compose_call(schema.name, function, arguments, page)
            known = self._catalog.remember(key, query, composed)
        return *known, _params(arguments, given)


def _posted(schema: Schema, name: str, body: bytes) -> tuple[Function, _Given]:
    """Return the function that a POST means and its arguments."""
    candidates = _candidates(schema, name)
    try:
        given = _members.decode(body) if body.strip() else {}
    except msgspec.DecodeError as exc:
        raise ApiError(400, "PGRST102", "The body is not a JSON object") from exc
    matching = [f for f in candidates if _accepts(f, given)]
    whole = _takes_whole_body(candidates)
    if not matching and whole is not None:
        return whole, {"": msgspec.Raw(body)}
    return _the_only(schema, name, matching, given), given


def _asked(
    schema: Schema, name: str, pairs: list[tuple[str, str]]
) -> tuple[Function, _Given, list[tuple[str, str]]]:
    """Return the function that a GET means, its arguments, and what filters the result."""
    rest = [(n, v) for n, v in pairs if n in RESERVED or is_filter(n, v)]
    given = {n: v for n, v in pairs if not (n in RESERVED or is_filter(n, v))}
    matching = [f for f in _candidates(schema, name) if _accepts(f, given)]
    return _the_only(schema, name, matching, given), given, rest


def _candidates(schema: Schema, name: str) -> Sequence[Function]:
    return schema.functions.get(name, ())


def _accepts(function: Function, given: Iterable[str]) -> bool:
    names = {argument.name for argument in function.arguments}
    needed = {argument.name for argument in function.arguments if argument.required}
    return needed <= set(given) <= names and "" not in names


def _takes_whole_body(candidates: Sequence[Function]) -> Function | None:
    for function in candidates:
        if len(function.arguments) == 1:
            (argument,) = function.arguments
            if not argument.name and argument.type in _JSON_TYPES:
                return function
    return None


def _the_only(
    schema: Schema, name: str, matching: Sequence[Function], given: Iterable[str]
) -> Function:
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise ApiError(300, "PGRST203", f"Could not choose the best candidate function for {name}")
    names = ", ".join(sorted(given)) or "no"
    raise ApiError(
        404,
        "PGRST202",
        f"Could not find the function {schema.name}.{name} in the schema cache",
        details=f"Searched for the function {schema.name}.{name} with {names[:200]} parameters",
    )


def _in_record(argument: Argument, value: msgspec.Raw | str) -> bool:
    """Tell whether PostgreSQL is to convert a JSON value to the argument's type."""
    return isinstance(value, msgspec.Raw) and argument.type not in _JSON_TYPES


def _params(arguments: Sequence[tuple[Argument, bool]], given: _Given) -> _Params:
    record = {a.name: given[a.name] for a, in_record in arguments if in_record}
    first = (msgspec.json.encode(record),) if record else ()
    own = (_param(given[a.name]) for a, in_record in arguments if not in_record)
    return (*first, *own)


def _param(value: msgspec.Raw | str) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    raw = bytes(value)
    return None if raw.strip() == b"null" else raw


def _check_content_type(headers: Mapping[str, str]) -> None:
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in ("application/json", "*/*"):
        raise ApiError(400, "PGRST102", f"Content-Type not acceptable: {kind[:60]}")
    if "params=single-object" in headers.get("prefer", ""):
        raise unsupported("params=single-object")
