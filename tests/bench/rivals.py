"""The rivals that store transcripts in PostgreSQL, run as they run themselves.

qc-trace (PyPI): its daemon posts to its server. Its pauses are left out (it sleeps 10 s after each
2,000 messages) and so is loading its modules. It masks nothing and prices nothing.
agentsview (PyPI): `pg push` after its own `sync`, which does the parsing and is not counted.
Both get a database of our PostgreSQL with the settings that our own runs on.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from claude_code_tracer.config import load_config
from claude_code_tracer.local.postgres import Postgres
from tests.bench.processes import Meter
from tests.contract.harness import free_port

__all__ = ["Run", "agentsview", "empty_server", "pg_env", "qc_trace", "unreadable_for_qc_trace"]

_ADMIN = "supabase_admin"
_POLL_S = 0.02
_START_S = 30.0
_STUCK_S = 60.0
_REAP_S = 0.5
_NOWHERE = "http://127.0.0.1:9"
_DAEMON = """
import sys
from qc_trace.daemon.config import DaemonConfig
from qc_trace.daemon.main import Daemon
daemon = Daemon(DaemonConfig(poll_interval=0))
print("ready", flush=True)
sys.stdin.readline()
daemon.run()
"""
_FIND_UNREADABLE = """
from qc_trace.daemon.collector import collect_file
from qc_trace.daemon.config import DaemonConfig
from qc_trace.daemon.state import StateManager
from qc_trace.daemon.watcher import FileWatcher
config = DaemonConfig()
for file in FileWatcher(config, StateManager(config.state_file)).get_changed_files():
    try:
        collect_file(file, None)
    except Exception:
        print(file.path)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    wall_s: float
    rows: int
    """Messages that are in the database afterwards."""
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    """Processor seconds by program."""
    peak_mb: float = 0.0


def pg_env() -> dict[str, str]:
    """Return which PostgreSQL everybody gets: ours, or the one of `BENCH_PG_BIN`."""
    told = os.environ.get("BENCH_PG_BIN")
    return {"CLAUDE_TRACER_PG_BIN": told} if told else {}


@contextmanager
def empty_server() -> Iterator[Postgres]:
    """Run a PostgreSQL of ours with nothing in it."""
    root = Path(tempfile.mkdtemp(prefix="ct-"))
    root.chmod(0o755)
    env = {"HOME": str(root), "PATH": os.environ["PATH"], "CLAUDE_TRACER_HOME": str(root / "data")}
    config = load_config(env | pg_env())
    config.home.create()
    postgres = Postgres(config)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.stop()
        rmtree(postgres.place.folder, ignore_errors=True)
        rmtree(root)


def qc_trace(postgres: Postgres, home: Path, files: int) -> Run:
    """Let qc-trace store the `files` of `home`; done when its daemon has handed over the last."""
    dsn = _database(postgres, "qc_trace")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = _env(home) | {
        "QC_TRACE_DSN": dsn,
        "QC_TRACE_HOST": "127.0.0.1",
        "QC_TRACE_PORT": str(port),
        "QC_TRACE_INGEST_URL": f"{url}/ingest",
        "QC_PLATFORM_URL": _NOWHERE,
    }
    with ExitStack() as stack:
        server = stack.enter_context(_running([sys.executable, "-m", "qc_trace.server"], env))
        daemon = stack.enter_context(_running([sys.executable, "-c", _DAEMON], env))
        connection = stack.enter_context(psycopg.connect(dsn, autocommit=True))
        _wait_for_health(url)
        assert daemon.stdin and daemon.stdout and postgres.pid
        assert daemon.stdout.readline() == b"ready\n"
        roots = {"daemon": daemon.pid, "server": server.pid, "postgres": postgres.pid}
        with Meter(roots) as meter:
            begin_s = time.perf_counter()
            daemon.stdin.write(b"\n")
            daemon.stdin.flush()
            _wait_for_files(connection, files)
            wall_s = time.perf_counter() - begin_s
        rows = _number(connection, "select count(*) from messages")
    return Run(wall_s, rows, meter.cpu_s, meter.peak_mb.get("daemon", 0.0))


def agentsview(postgres: Postgres, home: Path) -> Run:
    """Let agentsview read `home` into its own database, then time `agentsview pg push`."""
    spec = find_spec("agentsview")
    assert spec and spec.origin, "agentsview comes with the test tools: run make test"
    program = str(Path(spec.origin).parent / "bin" / "agentsview")
    info = conninfo_to_dict(_database(postgres, "agentsview"))
    place = f"host={quote(str(info['host']), safe='')}&port={info['port']}"
    with tempfile.TemporaryDirectory(prefix="ct-") as data:
        env = _env(home) | {
            "AGENTSVIEW_DATA_DIR": data,
            "AGENTSVIEW_NO_DAEMON": "1",
            "AGENTSVIEW_TELEMETRY_ENABLED": "0",
            "AGENTSVIEW_DISABLE_UPDATE_CHECK": "1",
            "AGENTSVIEW_PG_URL": f"postgres://{info['user']}@/{info['dbname']}?{place}",
        }
        subprocess.run([program, "sync"], env=env, check=True, capture_output=True)
        assert postgres.pid
        used_s = _used_by_children_s()
        with Meter({"postgres": postgres.pid}) as meter:
            begin_s = time.perf_counter()
            subprocess.run([program, "pg", "push"], env=env, check=True, capture_output=True)
            wall_s = time.perf_counter() - begin_s
            time.sleep(_REAP_S)  # until the server counts its connection's processor time
        used_s = _used_by_children_s() - used_s
    with psycopg.connect(postgres.conninfo(_ADMIN, dbname="agentsview")) as connection:
        rows = _number(connection, "select count(*) from agentsview.messages")
    return Run(wall_s, rows, {"push": used_s, **meter.cpu_s})


def unreadable_for_qc_trace(home: Path) -> list[Path]:
    """Return the transcripts of `home` that make qc-trace give up the whole file."""
    command = [sys.executable, "-c", _FIND_UNREADABLE]
    try:
        found = subprocess.run(command, env=_env(home), check=True, capture_output=True, text=True)
    finally:
        rmtree(home / ".quickcall-trace", ignore_errors=True)
    return [Path(line) for line in found.stdout.splitlines()]


def _env(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "DO_NOT_TRACK": "1"}


def _database(postgres: Postgres, name: str) -> str:
    with psycopg.connect(postgres.conninfo(_ADMIN), autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return postgres.conninfo(_ADMIN, dbname=name)


@contextmanager
def _running(command: list[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a group of its own and kill that: its server hangs on SIGTERM."""
    process = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for_health(url: str) -> None:
    deadline_s = time.monotonic() + _START_S
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        except urllib.error.URLError:
            assert time.monotonic() < deadline_s, "qc-trace's server does not answer"
            time.sleep(_POLL_S)


def _wait_for_files(connection: psycopg.Connection[Any], files: int) -> None:
    """Wait until qc-trace's daemon reported all its files; it does so after it posted them."""
    done, moved_s = -1, time.monotonic()
    while done < files:
        now = _number(connection, "select count(*) from file_progress")
        if now != done:
            done, moved_s = now, time.monotonic()
        assert time.monotonic() < moved_s + _STUCK_S, f"qc-trace stands at {done} of {files} files"
        time.sleep(_POLL_S)


def _number(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row
    return int(row[0])


def _used_by_children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
