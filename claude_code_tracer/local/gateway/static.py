"""The dashboard's files. Nothing outside its folder is read, whatever a path or link says (S43)."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.local.gateway.http import headers_of

__all__ = ["Static"]

_MAX_FILE = 50 * 1024 * 1024
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_NOT_BUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>claude-tracer</title>
<h1>The dashboard is not built</h1>
<p>claude-tracer is running and its API answers here, but this installation has no dashboard files.
<p>In a checkout, build them with <code>make web</code>, then reload this page.</p></html>
"""


class Static:
    """Serves a built single-page application from one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def serve(self, request: Request) -> Response:
        """Answer with a file, or with the start page when a browser navigates to a page."""
        if request.method not in ("GET", "HEAD"):
            raise ApiError(405, "PGRST117", "Unsupported HTTP method")
        path = request.scope["path"]
        response = await asyncio.to_thread(self._respond, path, _navigates(headers_of(request)))
        response.headers["content-security-policy"] = _policy(headers_of(request)["host"])
        return response

    def _respond(self, path: str, navigates: bool) -> Response:
        file = self._file(path.lstrip("/") or "index.html")
        if file is None and navigates:
            path, file = "/index.html", self._file("index.html")
            if file is None:
                return Response(_NOT_BUILT, 200, media_type="text/html")
        if file is None:
            return Response("Not found\n", 404, media_type="text/plain")
        # Names under assets/ carry a hash of the content, so they never change.
        lasting = path.startswith("/assets/")
        cache = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return Response(file.read_bytes(), headers={"Cache-Control": cache}, media_type=_type(file))

    def _file(self, name: str) -> Path | None:
        if "\0" in name or "\\" in name:
            return None
        try:
            root = self._folder.resolve(strict=True)
            found = root.joinpath(name).resolve(strict=True)
            inside = found.is_relative_to(root) and found.is_file()
            return found if inside and found.stat().st_size <= _MAX_FILE else None
        except (OSError, RuntimeError, ValueError):
            return None


def _navigates(headers: Mapping[str, str]) -> bool:
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in headers.get("accept", "")


def _policy(host: str) -> str:
    # Some browsers do not count ws: to the same host as 'self'. The host was checked before.
    sockets = f" ws://{host}" if not host.startswith("[") else ""
    return (
        "default-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'{sockets}; style-src 'self'; script-src 'self'; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def _type(file: Path) -> str:
    known = _TYPES.get(file.suffix.lower())
    return known or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
