"""A real socket that answers as a script says: what MockTransport cannot show."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.faults.pipeline import MemoryServer

Kind = Literal[
    "status",
    "delay",
    "reset",
    "reset_mid_body",
    "half_close",
    "commit_then_drop",
    "goodbye",
    "html",
]


@dataclass(frozen=True)
class Step:
    """What happens to one request. Without a step it is answered as `api.ingest` would."""

    kind: Kind
    status: int = 503
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


class ScriptedServer:
    """Takes one connection at a time; `requests` are the headers of each request, in order."""

    def __init__(self, *script: Step) -> None:
        self.memory = MemoryServer()
        self.script = list(script)
        self.requests: list[dict[str, str]] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """End a delay now."""
        self._wake.set()

    def close(self) -> None:
        if self._stop.is_set():
            return
        self._stop.set()
        self._wake.set()
        with suppress(OSError), socket.create_connection(self._socket.getsockname(), 1):
            pass  # wakes accept()
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if self._stop.is_set():
                    return
                self.connections += 1
                with suppress(OSError):
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(2)
        if self.script and self.script[0].kind == "reset_mid_body":
            connection.recv(1000)
            self.script.pop(0)
            _reset(connection)
            return
        while (request := _read_request(connection)) is not None:
            headers, body = request
            self.requests.append(headers)
            step = self.script.pop(0) if self.script else None
            if not self._answer(connection, step, body):
                return

    def _answer(self, connection: socket.socket, step: Step | None, body: bytes) -> bool:
        match step and step.kind:
            case "reset" | "reset_mid_body":
                _reset(connection)
                return False
            case "half_close":
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b'Content-Length: 999\r\n\r\n{"accep'
                )
                return False
            case "commit_then_drop":
                self.memory.send(body)
                return False
            case "html":
                page = b"<html>Please accept the terms of this wireless network</html>"
                connection.sendall(_response(200, "text/html", page, {}))
                return True
            case "status" if step:
                content = json.dumps(step.body or {}).encode()
                connection.sendall(
                    _response(step.status, "application/json", content, step.headers)
                )
                return True
        if step and step.kind == "delay":  # the work is done, the answer comes too late
            self.memory.send(body)
            self._wake.wait(step.delay_s)
            return False
        answer = self.memory.send(body)
        content = json.dumps({"accepted": answer.accepted, "refused": []}).encode()
        headers = {"Connection": "close"} if step else {}  # goodbye: HTTP/1.1's GOAWAY
        connection.sendall(_response(200, "application/json", content, headers))
        return not step


@contextmanager
def scripted(*script: Step) -> Iterator[ScriptedServer]:
    server = ScriptedServer(*script)
    try:
        yield server
    finally:
        server.close()


def _reset(connection: socket.socket) -> None:
    """Let the connection end with RST instead of FIN."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def _read_request(connection: socket.socket) -> tuple[dict[str, str], bytes] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    headers[":line"] = first
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return headers, body


def _response(status: int, kind: str, content: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
