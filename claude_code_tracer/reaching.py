"""The way to the server for a command that asks: the running tracer's, or one of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from claude_code_tracer.config import find_home, load_config
from claude_code_tracer.health import read_health
from claude_code_tracer.rpc import Server
from claude_code_tracer.ship.credentials import read_credentials

__all__ = ["reached"]


@contextlib.contextmanager
def reached(env: Mapping[str, str]) -> Iterator[Server]:
    """Give a server to ask; without a running tracer it is started for the length of the body."""
    home = find_home(env)
    with contextlib.ExitStack() as stack:
        health = read_health(home)
        if health is None or health.state != "running":
            from claude_code_tracer.serving import served  # 0.2 s that most calls do not need

            stack.enter_context(served(load_config(env)))
        yield stack.enter_context(Server(read_credentials(home)))
