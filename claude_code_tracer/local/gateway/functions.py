"""Edge functions: `/functions/v1/<name>` goes to a Deno process, started when first called."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from claude_code_tracer.local.gateway.deno import DenoProcess, FunctionFailed
from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.local.gateway.http import headers_of
from claude_code_tracer.local.gateway.identity import Gatekeeper
from claude_code_tracer.local.keys import Keys

if TYPE_CHECKING:
    import httpx

__all__ = ["Functions"]

_NAME = re.compile(r"[a-z0-9-]{1,64}")
_IDLE_S = 300.0
_TIMEOUT_S = 150.0
_NOT_PASSED_ON = frozenset(
    {"connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


@dataclass(slots=True)
class _Worker:
    """A function and, while it is in use, its process."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    process: DenoProcess | None = None
    calls: int = 0
    idle: asyncio.TimerHandle | None = None


class Functions:
    """Starts, calls and stops the functions of one folder."""

    def __init__(
        self,
        folder: Path,
        keys: Keys,
        gatekeeper: Gatekeeper,
        port: int,
        env: Mapping[str, str],
        *,
        idle_s: float = _IDLE_S,
    ) -> None:
        self._folder = folder
        self._gatekeeper = gatekeeper
        self._env = env
        self._idle_s = idle_s
        self._workers: dict[str, _Worker] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._given = {
            "SUPABASE_URL": f"http://127.0.0.1:{port}",
            "SUPABASE_PUBLISHABLE_KEYS": json.dumps({"default": keys.publishable}),
            "SUPABASE_SECRET_KEYS": json.dumps({"default": keys.secret}),
            "SUPABASE_JWKS": json.dumps({"keys": [keys.public_jwk]}),
        }

    async def call(self, request: Request) -> Response:
        """Answer with what the function answers."""
        name = request.path_params["name"]
        module = self._folder / name / "index.ts"
        if not _NAME.fullmatch(name) or not module.is_file():
            raise ApiError(404, "NOT_FOUND", "Requested function was not found")
        if self._verifies(name):
            self._check_token(headers_of(request))
        worker = self._workers.setdefault(name, _Worker())
        worker.calls += 1
        try:
            port = await self._port(worker, module)
            response = await self._send(request, port)
        except BaseException:
            self._release(worker)
            raise
        return _Streamed(response, lambda: self._release(worker))

    async def close(self) -> None:
        """Stop every function."""
        running = [w.process for w in self._workers.values() if w.process]
        for worker in self._workers.values():
            if worker.idle:
                worker.idle.cancel()
        await asyncio.gather(*(process.stop() for process in running), *self._stopping)
        if self._client is not None:
            await self._client.aclose()

    async def _port(self, worker: _Worker, module: Path) -> int:
        async with worker.lock:
            if worker.process is None or not worker.process.alive:
                try:
                    worker.process = await DenoProcess.start(module, self._given, self._env)
                except FunctionFailed as exc:
                    message = f"Function failed to start: {exc}"
                    raise ApiError(503, "BOOT_ERROR", message) from exc
            return worker.process.port

    async def _send(self, request: Request, port: int) -> httpx.Response:
        # Slow to import, and most people never call a function.
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False)
        path = request.scope["path"].removeprefix("/functions/v1")
        query = request.scope["query_string"].decode("latin-1")
        message = self._client.build_request(
            request.method,
            httpx.URL(scheme="http", host="127.0.0.1", port=port, path=path, query=query.encode()),
            headers=_passed_on(headers_of(request)),
            content=await request.body(),
        )
        try:
            return await self._client.send(message, stream=True)
        except httpx.TimeoutException as exc:
            raise ApiError(504, "IDLE_TIMEOUT", "The function did not answer in time") from exc
        except httpx.HTTPError as exc:
            raise ApiError(502, "WORKER_ERROR", "The function did not answer") from exc

    def _release(self, worker: _Worker) -> None:
        """Count a call as over; after the last one the function may sleep."""
        worker.calls -= 1
        if worker.idle is not None:
            worker.idle.cancel()
        loop = asyncio.get_running_loop()
        worker.idle = loop.call_later(self._idle_s, self._stop_if_idle, worker)

    def _stop_if_idle(self, worker: _Worker) -> None:
        process = worker.process
        if worker.calls == 0 and process is not None:
            worker.process = None
            task = asyncio.create_task(process.stop())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    def _verifies(self, name: str) -> bool:
        """Tell whether callers need a session; as on hosted they do unless config.toml says no."""
        try:
            config = tomllib.loads((self._folder.parent / "config.toml").read_text("utf-8"))
        except (OSError, ValueError):
            return True
        function = config.get("functions", {}).get(name, {})
        return function.get("verify_jwt", True) is not False

    def _check_token(self, headers: Mapping[str, str]) -> None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(401, "UNAUTHORIZED_NO_AUTH_HEADER", "Missing authorization header")
        if token.startswith("sb_"):
            raise ApiError(401, "UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT")
        self._gatekeeper.by_token(token.strip())


class _Streamed(StreamingResponse):
    """Passes a function's answer on, and is done with it even when the client is gone."""

    def __init__(self, response: httpx.Response, release: Callable[[], None]) -> None:
        headers = _passed_on(response.headers)
        super().__init__(response.aiter_raw(), response.status_code, headers)
        self._response = response
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._release()
            await self._response.aclose()


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _NOT_PASSED_ON}
