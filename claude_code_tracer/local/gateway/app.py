"""The gateway as one ASGI application: its parts, its routes, and what runs beside them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, ExceptionHandler, Lifespan

from claude_code_tracer.local.gateway.about import About
from claude_code_tracer.local.gateway.auth import Auth
from claude_code_tracer.local.gateway.catalog import Catalog
from claude_code_tracer.local.gateway.connection import Server
from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.errors import ApiError, AuthError, from_database
from claude_code_tracer.local.gateway.functions import Functions
from claude_code_tracer.local.gateway.housekeeping import keep_house
from claude_code_tracer.local.gateway.http import error_response, headers_of, json_response
from claude_code_tracer.local.gateway.hub import Hub
from claude_code_tracer.local.gateway.identity import Gatekeeper
from claude_code_tracer.local.gateway.listener import Listener
from claude_code_tracer.local.gateway.realtime import Realtime
from claude_code_tracer.local.gateway.rest import Rest
from claude_code_tracer.local.gateway.rpc import Rpc
from claude_code_tracer.local.gateway.security import Security
from claude_code_tracer.local.gateway.sessions import Sessions
from claude_code_tracer.local.gateway.static import Static
from claude_code_tracer.local.gateway.tokens import Tokens
from claude_code_tracer.local.keys import Keys
from claude_code_tracer.log import event

__all__ = ["Place", "create_app"]

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


Job = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where this gateway stands and what it serves from."""

    port: int
    conninfo: str
    keys: Keys
    dashboard: Path
    functions: Path
    env: Mapping[str, str]


def create_app(place: Place) -> ASGIApp:
    """Return the application; it connects to PostgreSQL when it is needed, not before."""
    database, tokens = Database(place.conninfo), Tokens(place.keys)
    catalog, hub = Catalog(database), Hub(database)
    gatekeeper = Gatekeeper(place.keys, tokens)
    issuer = f"http://127.0.0.1:{place.port}/auth/v1"
    sessions = Sessions(database, tokens, place.keys, issuer)
    auth = Auth(database, gatekeeper, tokens, sessions)
    functions = Functions(place.functions, place.keys, gatekeeper, place.port, place.env)
    listener = Listener(database, on_messages=hub.deliver, on_schema=catalog.forget)
    routes = [
        *_rest_routes(Rest(database, catalog, gatekeeper), Rpc(database, catalog, gatekeeper)),
        *_auth_routes(auth),
        *_realtime_routes(Realtime(Server(database, hub, gatekeeper))),
        *_function_routes(auth, functions),
        *_page_routes(About(database, place.keys), Static(place.dashboard)),
    ]
    lifespan = _lifespan(
        [listener.run, partial(keep_house, database), partial(_warm_up, tokens, catalog)],
        [functions.close, database.close],
    )
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=_handlers())
    app.router.redirect_slashes = False
    return Security(app, port=place.port)


def _lifespan(beside: Sequence[Job], at_end: Sequence[Job]) -> Lifespan[Starlette]:
    """Return what runs some jobs while the application serves, and others after that."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(job()) for job in beside]
        for task in tasks:
            task.add_done_callback(_end_if_failed)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in at_end:
            await job()

    return lifespan


def _rest_routes(rest: Rest, rpc: Rpc) -> list[BaseRoute]:
    return [
        Route("/rest/v1/rpc/{function}", rpc.call, methods=_METHODS),
        Route("/rest/v1/{view}", rest.view, methods=_METHODS),
        Route("/rest/v1/", rest.root, methods=_METHODS),
    ]


def _auth_routes(auth: Auth) -> list[BaseRoute]:
    return [
        Mount(
            "/auth/v1",
            routes=[
                Route("/token", auth.token, methods=["POST"]),
                Route("/verify", auth.verify, methods=["GET", "POST"]),
                Route("/user", auth.user, methods=["GET", "PUT"]),
                Route("/logout", auth.logout, methods=["POST"]),
                Route("/settings", auth.settings),
                Route("/health", auth.health),
                Route("/.well-known/jwks.json", auth.jwks),
                Route("/signup", auth.signup, methods=["POST"]),
                Route("/{other:path}", auth.other, methods=_METHODS),
            ],
        )
    ]


def _realtime_routes(realtime: Realtime) -> list[BaseRoute]:
    return [
        WebSocketRoute("/realtime/v1/websocket", realtime.websocket),
        Route("/realtime/v1/api/broadcast", realtime.broadcast, methods=["POST"]),
        Route("/realtime/v1/api/broadcast/{rest:path}", realtime.broadcast, methods=["POST"]),
    ]


def _function_routes(auth: Auth, functions: Functions) -> list[BaseRoute]:
    return [
        Route("/functions/v1/device-session", auth.device_session, methods=["POST"]),
        Route("/functions/v1/{name}", functions.call, methods=_METHODS),
        Route("/functions/v1/{name}/{rest:path}", functions.call, methods=_METHODS),
    ]


def _page_routes(about: About, static: Static) -> list[BaseRoute]:
    return [
        Route("/config.json", about.config),
        Route("/health", about.health),
        *(Route(f"/{api}/v1/{{rest:path}}", _nothing_here, methods=_METHODS) for api in _APIS),
        Route("/{path:path}", static.serve, methods=_METHODS),
    ]


_APIS = ("rest", "realtime", "functions", "storage", "graphql")


async def _nothing_here(request: Request) -> Response:
    """Keep the dashboard's start page from answering for an API."""
    raise ApiError(404, "PGRST125", "Invalid path specified in request URL")


def _end_if_failed(task: asyncio.Task[None]) -> None:
    """End the process when something beside the requests broke: the tracer starts it again."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        event("gateway", "task_failed", level=logging.ERROR, error=type(error).__name__)
        signal.raise_signal(signal.SIGTERM)


async def _warm_up(tokens: Tokens, catalog: Catalog) -> None:
    """Do early what the first request would have to wait for."""
    with suppress(ApiError):
        await catalog.schema()
    await asyncio.to_thread(tokens.warm_up)


def _handlers() -> dict[Any, ExceptionHandler]:
    return {
        ApiError: _on_error,
        AuthError: _on_error,
        psycopg.Error: _on_error,
        HTTPException: _on_error,
    }


def _on_error(request: Request, exc: Exception) -> Response:
    """Answer in the shape that the clients of this part expect."""
    if isinstance(exc, psycopg.Error):
        exc = from_database(exc, anonymous=False)
    elif isinstance(exc, HTTPException):
        code = "PGRST117" if exc.status_code == 405 else "PGRST125"
        exc = ApiError(exc.status_code, code, exc.detail)
    if isinstance(exc, ApiError) and request.url.path.startswith("/auth/v1/"):
        code = "unexpected_failure" if exc.status >= 500 else "validation_failed"
        exc = AuthError(exc.status, code, exc.message)
    if isinstance(exc, ApiError):
        return error_response(exc)
    assert isinstance(exc, AuthError)
    version = headers_of(request).get("x-supabase-api-version")
    headers = {"x-supabase-api-version": version} if version else None
    return json_response(exc.body(version), exc.status, headers)
