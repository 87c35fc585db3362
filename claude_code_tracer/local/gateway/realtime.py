"""Supabase Realtime, as far as the product uses it: private broadcast from the database.

Everything else is refused by name: public channels, postgres_changes, replay, presence.
"""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from claude_code_tracer.local.gateway.connection import Connection, Server
from claude_code_tracer.local.gateway.errors import ApiError, unsupported
from claude_code_tracer.local.gateway.http import HEADERS, headers_of

__all__ = ["Realtime"]

_MAX_SOCKETS = 200
_VERSIONS = {"1.0.0": 1, "2.0.0": 2}
_POLICY_VIOLATION = 1008


class Realtime:
    """The endpoints of `/realtime/v1`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sockets = 0

    async def websocket(self, socket: WebSocket) -> None:
        """Serve one connection; the handshake fails with 403 without a valid API key."""
        headers = socket.scope[HEADERS]
        key = socket.query_params.get("apikey") or headers.get("apikey", "")
        version = _VERSIONS.get(socket.query_params.get("vsn", "1.0.0"))
        try:
            identity = self._server.gatekeeper.by_api_key(key)
        except ApiError:
            version = None
        if version is None or self._sockets >= _MAX_SOCKETS:
            await socket.close(_POLICY_VIOLATION)
            return
        self._sockets += 1
        try:
            await socket.accept()
            raw = orjson.dumps(headers)
            connection = Connection(
                self._server, socket, version=version, identity=identity, headers=raw
            )
            await connection.serve()
        finally:
            self._sockets -= 1

    async def broadcast(self, request: Request) -> Response:
        """Refuse broadcasts over HTTP: messages come from the database only."""
        self._server.gatekeeper.caller(headers_of(request))
        raise unsupported("Broadcasting over HTTP")
