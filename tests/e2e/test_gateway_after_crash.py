"""After PostgreSQL was killed, every new connection to the gateway is heard and answered.

Seen before: the loop kept watching the number of a socket that libpq had closed, and the next
connection that got this number was never read.
"""

from __future__ import annotations

import os
import signal

import httpx
import pytest

from claude_code_tracer.local.postgres import Postgres
from tests.e2e.world import World


@pytest.mark.slow
def test_new_connections_are_answered(world: World) -> None:
    world.run("start", "--daemon")
    url = world.json("status")["url"]
    postmaster = int((Postgres(world.config).place.data / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    body = b'{"batch": {"pad": "' + b"x" * 300_000 + b'"}}'
    for _ in range(12):
        with httpx.Client(timeout=15, trust_env=False) as client:  # a connection of its own
            answer = client.post(f"{url}/rest/v1/rpc/ingest", content=body)
            assert answer.status_code in (401, 503)
    world.run("sync")  # and all is well again
