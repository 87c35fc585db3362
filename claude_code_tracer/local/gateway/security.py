"""The outermost layer: who may talk to a server on 127.0.0.1 at all (S40, S41).

A page of any site can make a browser send requests here. So every request, WebSocket and preflight
must name this server in `Host` (DNS rebinding) and may only come from this server's own pages.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.local.gateway.http import HEADERS, error_response, read_headers

__all__ = ["BodyTooLarge", "Security", "own_hosts"]

_MAX_BODY = 32 * 1024 * 1024
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_EXPOSED = "Content-Range, Content-Profile, X-Supabase-Api-Version"
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


class BodyTooLarge(ApiError):
    """A request body exceeds what this server takes."""

    def __init__(self) -> None:
        super().__init__(413, "PGRST102", "The request body is larger than 32 MB")


def own_hosts(port: int) -> frozenset[str]:
    """Return the values of `Host` that mean this server."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


class Security:
    """ASGI middleware: Host and Origin allow-lists, CORS, body limit, security headers."""

    def __init__(self, app: ASGIApp, *, port: int, max_body: int = _MAX_BODY) -> None:
        self._app = app
        self._hosts = own_hosts(port)
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = scope[HEADERS] = read_headers(scope)
        origin = headers.get("origin")
        send = self._with_headers(send, origin if origin in self._origins else None)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await self._refuse(refusal, scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "OPTIONS":
            await _preflight(headers)(scope, receive, send)
        elif scope["type"] == "http":
            await self._app(scope, self._limited(receive), send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: MutableMapping[str, str]) -> ApiError | None:
        if headers.get("host", "").lower() not in self._hosts:
            return ApiError(403, "PGRST000", "This host name is not served here")
        origin = headers.get("origin")
        if origin is not None:
            if origin not in self._origins:
                return ApiError(403, "PGRST000", "Pages of other sites may not call this server")
        elif _comes_from_elsewhere(scope, headers):
            return ApiError(403, "PGRST000", "Pages of other sites may not call this server")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_body:
            return BodyTooLarge()
        return None

    async def _refuse(self, error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Closing before accepting answers the handshake with 403.
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        response = error_response(error)
        # The body was not read, so the connection cannot be used again.
        response.headers["connection"] = "close"
        await response(scope, receive, send)

    def _limited(self, receive: Receive) -> Receive:
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_body:
                raise BodyTooLarge
            return message

        return limited

    def _with_headers(self, send: Send, origin: str | None) -> Send:
        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
                headers = MutableHeaders(scope=message)
                if origin is not None:
                    headers["access-control-allow-origin"] = origin
                    headers["access-control-expose-headers"] = _EXPOSED
                    headers.add_vary_header("Origin")
            await send(message)

        return with_headers


def _comes_from_elsewhere(scope: Scope, headers: MutableMapping[str, str]) -> bool:
    """Tell whether another site's page asks; following a link to this server is fine."""
    if headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
        return False
    is_link = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
    return not (is_link and headers.get("sec-fetch-mode") == "navigate")


def _preflight(headers: MutableMapping[str, str]) -> Response:
    allowed = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "*"),
        "Access-Control-Max-Age": "3600",
    }
    return Response(None, 204, allowed if "origin" in headers else {"Allow": _METHODS})
