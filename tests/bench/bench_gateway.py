"""The gateway beside the real PostgREST: the same calls, the same database, in turns."""

from __future__ import annotations

import http.client
import json
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from claude_code_tracer.config import load_config
from claude_code_tracer.local.migrate import migrate
from claude_code_tracer.local.postgres import Postgres
from tests.bench.figures import Figure
from tests.contract import harness

__all__ = ["measure"]

_ROUNDS = 1000
_INGESTS = 30
_BATCH = 500
_LIMIT = 1.2

Call = Callable[[], None]


def measure() -> list[Figure]:
    """Time a small read, a small call and an ingest batch on both servers."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ct-bench-"))
        stack.callback(shutil.rmtree, folder)
        config = load_config({"HOME": str(folder), "CLAUDE_TRACER_HOME": str(folder / "home")})
        config.home.create()
        postgres = Postgres(config)
        for part in (postgres.place.folder, postgres.place.sockets):
            stack.callback(shutil.rmtree, part, ignore_errors=True)
        stack.callback(postgres.stop)
        postgres.start()
        migrate(postgres.conninfo)
        ours = stack.enter_context(harness.gateway(postgres.conninfo, folder / "gateway"))
        theirs = stack.enter_context(harness.postgrest(postgres.conninfo, ours.keys, folder))
        with harness.connect(postgres.conninfo) as connection:
            person = harness.create_person(connection)
        key = {"apikey": ours.keys.publishable}
        user = key | {"Authorization": f"Bearer {harness.access_token(ours.keys, person)}"}
        device = key | {"X-Device-Token": person.device_token, "Content-Type": "application/json"}
        small = json.dumps({"batch": harness.batch("read me")}).encode()
        nothing = json.dumps({"batch": {"guard_version": 1}}).encode()
        replay = json.dumps({"session": str(uuid.uuid4())}).encode()
        query = "/workspaces?select=id,name,my_role&order=name&limit=20"
        pair = [_Server(ours.url + "/rest/v1"), _Server(theirs)]
        pair[0].post("/rpc/ingest", small, device)
        figures = [
            *_compare("read of a view", pair, lambda s: lambda: s.get(query, user), _ROUNDS),
            *_compare(
                "call of a stable function",
                pair,
                lambda s: lambda: s.post("/rpc/get_replay", replay, user | _JSON),
                _ROUNDS,
            ),
            # Without a session token: PostgREST 12 checks a signature at every call.
            *_compare(
                "call without a session",
                pair,
                lambda s: lambda: s.post("/rpc/ingest", nothing, device),
                _ROUNDS,
            ),
            *_compare(
                f"ingest of {_BATCH} new rows",
                pair,
                lambda s: lambda: s.post("/rpc/ingest", _new_batch(), device),
                _INGESTS,
            ),
        ]
        for server in pair:
            server.close()
    return figures


_JSON = {"Content-Type": "application/json"}


class _Server:
    """A kept-alive connection that fails loudly."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc)
        self._prefix = parts.path

    def get(self, path: str, headers: Mapping[str, str]) -> None:
        self._send("GET", path, None, headers)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        self._send("POST", path, body, headers)

    def close(self) -> None:
        self._connection.close()

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        self._connection.request(method, self._prefix + path, body, dict(headers))
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content


def _compare(
    name: str, pair: list[_Server], make: Callable[[_Server], Call], rounds: int
) -> list[Figure]:
    """Call both in turns, so that whatever else the machine does hits both."""
    calls = [make(server) for server in pair]
    for call in calls * 10:
        call()
    times: list[list[float]] = [[], []]
    for number in range(rounds):
        for index in (0, 1) if number % 2 else (1, 0):
            start = time.perf_counter()
            calls[index]()
            times[index].append((time.perf_counter() - start) * 1000)
    ours, theirs = (statistics.median(of_one) for of_one in times)
    return [
        Figure(f"{name}: gateway, median", ours, "ms"),
        Figure(f"{name}: PostgREST, median", theirs, "ms"),
        Figure(f"{name}: gateway / PostgREST", ours / theirs, "x", _LIMIT),
    ]


def _new_batch() -> bytes:
    return json.dumps({"batch": harness.batch(uuid.uuid4().hex, _BATCH - 1)}).encode()
