"""Run the gateway: `python -m claude_code_tracer.local.gateway --port N --conninfo C`.

Started by the tracer, which holds the other end of standard input: when that closes, the gateway
ends. When it serves, it prints one line, `{"ready": true, "port": N}`.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import os
import socket
import sys
from pathlib import Path

import uvicorn

from claude_code_tracer.config import Config, data_file, load_config
from claude_code_tracer.errors import ConfigError, TracerError
from claude_code_tracer.local.gateway.app import Place, create_app
from claude_code_tracer.local.gateway.server import Server
from claude_code_tracer.local.gateway.transport import HttpProtocol
from claude_code_tracer.local.keys import ensure_keys
from claude_code_tracer.log import event, setup_logging

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Serve until standard input closes or SIGTERM; return the exit code."""
    options = _parse(arguments)
    try:
        config = load_config(port=options.port)
        config.home.create()
        # To stderr: the tracer sends it to the gateway's log, and reads the last line of it.
        setup_logging(
            None, max_bytes=config.settings.log_max_bytes, files=config.settings.log_files
        )
        with _bind(options.port) as listener:
            _serve(config, options, listener)
    except TracerError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m claude_code_tracer.local.gateway", description=__doc__
    )
    parser.add_argument("--port", type=int, required=True, help="0: any free port")
    parser.add_argument("--conninfo", required=True, help="how to reach PostgreSQL")
    parser.add_argument("--functions", type=Path, help="folder of the edge functions")
    parser.add_argument("--dashboard", type=Path, help="folder of the built dashboard")
    return parser.parse_args(arguments)


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Never another address: everybody on the network could knock (S42).
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as exc:
        listener.close()
        if exc.errno == errno.EADDRINUSE:
            message = f"port {port} is taken by another program: set another with --port"
            raise ConfigError(message) from exc
        raise ConfigError(f"cannot listen on port {port}: {exc.strerror}") from exc
    return listener


def _serve(config: Config, options: argparse.Namespace, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    place = Place(
        port=port,
        conninfo=options.conninfo,
        keys=ensure_keys(config.home),
        dashboard=options.dashboard or data_file("web", "dist"),
        functions=options.functions or data_file("supabase", "functions"),
        env=config.env,
    )
    settings = uvicorn.Config(
        create_app(place),
        http=HttpProtocol,
        ws="websockets-sansio",
        ws_max_size=1024 * 1024,
        ws_per_message_deflate=False,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = Server(settings, on_ready=lambda: _say_ready(port))
    event("gateway", "started", port=port, pid=os.getpid())
    with asyncio.Runner(loop_factory=settings.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))
    event("gateway", "stopped", port=port, pid=os.getpid())


def _say_ready(port: int) -> None:
    print(json.dumps({"ready": True, "port": port}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
