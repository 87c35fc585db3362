"""Small helpers shared by the HTTP handlers."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from claude_code_tracer.local.gateway.errors import ApiError

__all__ = ["HEADERS", "error_response", "headers_of", "json_body", "json_response", "read_headers"]

HEADERS = "claude_tracer.headers"
"""Where the security layer leaves the request's headers in the ASGI scope."""


def read_headers(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request by lower-case name; repeated ones joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), _text(raw_value)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def headers_of(request: Request) -> dict[str, str]:
    """Return the headers the security layer has read."""
    found: dict[str, str] = request.scope[HEADERS]
    return found


async def json_body(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body, {} when there is none; ApiError 400 otherwise."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise ApiError(400, "PGRST102", "The body is not valid JSON") from exc
    if not isinstance(content, dict):
        raise ApiError(400, "PGRST102", "The body must be a JSON object")
    return content


def json_response(
    content: object, status: int = 200, headers: MutableMapping[str, str] | None = None
) -> Response:
    """Return `content` as JSON; bytes are taken as JSON already."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return Response(body, status, headers, media_type="application/json")


def error_response(error: ApiError) -> Response:
    """Return an error the way PostgREST does."""
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    return json_response(error.body(), error.status, {**headers, **error.headers})


def _text(raw: bytes) -> str:
    """Return a header's value as PostgREST reads it: UTF-8 if it is that."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
