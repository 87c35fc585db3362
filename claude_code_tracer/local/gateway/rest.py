"""Reads: `GET /rest/v1/<view>` with PostgREST's query language, and what calls share with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from claude_code_tracer.local.gateway.catalog import Catalog
from claude_code_tracer.local.gateway.database import Call, Database, Outcome, Statement
from claude_code_tracer.local.gateway.errors import ApiError, unsupported
from claude_code_tracer.local.gateway.http import headers_of
from claude_code_tracer.local.gateway.identity import Gatekeeper
from claude_code_tracer.local.gateway.query import Query, parse_pairs, parse_query
from claude_code_tracer.local.gateway.schema import Schema
from claude_code_tracer.local.gateway.statement import Composed, Page, compose_read

__all__ = ["MAX_ROWS", "Rest", "Wants", "check_profile", "reply", "request_call", "settings_for"]

MAX_ROWS = 1000
"""As `max_rows` in supabase/config.toml."""

_JSON = "application/json"
_OBJECT = "application/vnd.pgrst.object+json"


@dataclass(frozen=True, slots=True)
class Wants:
    """What the headers say about the form of the answer."""

    single: bool
    count: bool
    head: bool

    @classmethod
    def of(cls, method: str, headers: Mapping[str, str]) -> Wants:
        """Read Accept and Prefer; ApiError 406 for a form this server does not speak."""
        prefer = headers.get("prefer", "")
        # An estimate may be exact.
        count = any(f"count={how}" in prefer for how in ("exact", "planned", "estimated"))
        return cls(_wants_single(headers.get("accept", "*/*")), count, method == "HEAD")


class Rest:
    """Reads of the exposed views."""

    def __init__(self, database: Database, catalog: Catalog, gatekeeper: Gatekeeper) -> None:
        self._database = database
        self._catalog = catalog
        self._gatekeeper = gatekeeper

    async def view(self, request: Request) -> Response:
        """Answer a request for `/rest/v1/<view>`."""
        headers = headers_of(request)
        call = request_call(request, self._gatekeeper)
        schema = await self._catalog.schema()
        check_profile(request.method, headers, schema)
        if request.method not in ("GET", "HEAD"):
            raise unsupported(f"{request.method} on a view")
        wants = Wants.of(request.method, headers)
        name = request.path_params["view"]
        query, composed = self._compose(schema, name, request.url.query, wants)
        settings = settings_for(schema, call)
        statement = Statement(composed.text, composed.params, read_only=True, settings=settings)
        return reply(await self._database.run(call, statement), wants, query.offset)

    def _compose(
        self, schema: Schema, name: str, query_string: str, wants: Wants
    ) -> tuple[Query, Composed]:
        key = (schema.generation, name, query_string, wants)
        known = self._catalog.recall(key)
        if known is not None:
            return known
        relation = schema.relations.get(name)
        if relation is None:
            message = f"Could not find the table '{schema.name}.{name}' in the schema cache"
            raise ApiError(404, "PGRST205", message)
        query = parse_query(parse_pairs(query_string))
        page = Page(query, MAX_ROWS, wants.count, wants.head)
        return self._catalog.remember(key, query, compose_read(schema.name, relation, page))

    async def root(self, request: Request) -> Response:
        """Refuse the OpenAPI description that PostgREST has here."""
        request_call(request, self._gatekeeper)
        raise unsupported("OpenAPI")


def request_call(request: Request, gatekeeper: Gatekeeper) -> Call:
    """Return what the database may know of `request`; ApiError 401 when the caller is unknown."""
    headers = headers_of(request)
    path = request.scope["path"].removeprefix("/rest/v1")
    return Call(gatekeeper.caller(headers), request.method, path, orjson.dumps(headers))


def settings_for(
    schema: Schema, call: Call, own: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """Return the settings of the caller's role; those of a function win over them."""
    of_role = schema.role_settings.get(call.identity.role, {})
    return {**of_role, **own} if own else of_role


def check_profile(method: str, headers: Mapping[str, str], schema: Schema) -> None:
    """Raise ApiError 406 when the request is meant for a schema that is not exposed."""
    header = "accept-profile" if method in ("GET", "HEAD") else "content-profile"
    wanted = headers.get(header, schema.name)
    if wanted != schema.name:
        raise ApiError(406, "PGRST106", f"The schema must be one of the following: {schema.name}")


def reply(outcome: Outcome, wants: Wants, offset: int) -> Response:
    """Return rows as an answer: 200, 206 for a part; ApiError 406 or 416 when they do not fit."""
    if wants.single and outcome.rows != 1:
        raise ApiError(
            406,
            "PGRST116",
            "Cannot coerce the result to a single JSON object",
            details=f"The result contains {outcome.rows} rows",
        )
    total = outcome.total
    if total is not None and offset > total:
        details = f"An offset of {offset} was requested, but there are only {total} rows."
        raise ApiError(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            details=details,
            headers={"Content-Range": f"*/{total}"},
        )
    span = f"{offset}-{offset + outcome.rows - 1}" if outcome.rows else "*"
    headers = {"Content-Range": f"{span}/{'*' if total is None else total}"}
    status = 206 if total is not None and outcome.rows < total else 200
    body = b"" if wants.head else outcome.body or b"null"
    if wants.single and body.startswith(b"["):
        body = body[1:-1]
    media_type = f"{_OBJECT if wants.single else _JSON}; charset=utf-8"
    return Response(body, status, headers, media_type)


def _wants_single(accept: str) -> bool:
    for kind in accept.split(","):
        media_type, *parameters = (part.strip() for part in kind.split(";"))
        if any(parameter.startswith("nulls=") for parameter in parameters):
            raise unsupported("Stripping nulls")
        if media_type == _OBJECT:
            return True
        if media_type in (_JSON, "*/*", "application/*", "application/vnd.pgrst.array+json"):
            return False
    raise ApiError(406, "PGRST107", f"None of these media types are available: {accept[:100]}")
