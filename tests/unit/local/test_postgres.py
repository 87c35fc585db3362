"""The supervisor when nothing goes wrong: start, settings, modes, stop."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from claude_code_tracer.config import Config
from claude_code_tracer.errors import DatabaseFailed
from claude_code_tracer.local.pg_user import RunAs, can_reach
from claude_code_tracer.local.postgres import Postgres
from tests.conftest import Database

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
BOTH = pytest.mark.parametrize("major", [18, 16])
REPOSITORY = Path(__file__).parents[3]


def _value(postgres: Postgres, query: str) -> object:
    with psycopg.connect(postgres.conninfo("supabase_admin")) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def _modes(path: Path) -> list[tuple[str, int, int, int]]:
    facts = ((folder, folder.stat()) for folder in path.parents if folder.exists())
    return [(str(folder), f.st_mode, f.st_uid, f.st_gid) for folder, f in facts]


@BOTH
@pytest.mark.slow
def test_it_starts_stops_and_starts_again(tracer_config: Config, major: int) -> None:
    postgres = Postgres(tracer_config, major=major)
    assert not postgres.is_alive()
    postgres.start()
    assert postgres.is_alive() and postgres.pid is not None
    assert str(_value(postgres, "show server_version")).startswith(str(major))
    pointer = tracer_config.home.postgres / "database-is-in.txt"
    is_elsewhere = not postgres.place.folder.is_relative_to(tracer_config.home.root)
    assert (pointer.read_text() == f"{postgres.place.folder}\n") if is_elsewhere else True
    with psycopg.connect(postgres.conninfo("supabase_admin")) as connection:
        connection.execute("create table kept as select 42 as number")
    pid = postgres.pid
    postgres.stop()
    assert not postgres.is_alive() and not psutil.pid_exists(pid)
    postgres.stop()
    postgres.start()
    assert _value(postgres, "select number from kept") == 42
    postgres.stop()


@BOTH
@pytest.mark.slow
def test_only_its_user_can_open_its_files_and_nothing_above_is_touched(
    tracer_config: Config, major: int
) -> None:
    home = tracer_config.home
    home_above, postgres = _modes(home.root), Postgres(tracer_config, major=major)
    place_above = _modes(postgres.place.folder)
    postgres.start()
    place = postgres.place
    assert _modes(home.root) == home_above
    assert set(place_above) <= set(_modes(place.folder))
    for folder in (home.root, place.folder, place.sockets, place.data):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for file in (home.postgres_log, home.root / "postgres.lock", place.data / "pg_hba.conf"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    (endpoint,) = place.sockets.glob(".s.PGSQL.5432")
    assert stat.S_IMODE(endpoint.stat().st_mode) == 0o700
    postgres.stop()


@BOTH
def test_the_settings_are_ours(pg_servers: Callable[[int], Database], major: int) -> None:
    postgres = pg_servers(major).postgres
    expected = {
        "shared_buffers": "32MB",
        "max_connections": "40",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "synchronous_commit": "on",
        "jit": "off",
        "listen_addresses": "",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "log_min_messages": "log",
    }
    if major == 18:
        expected["io_method"] = "sync"
    assert {name: _value(postgres, f"show {name}") for name in expected} == expected
    assert _value(postgres, "select lower('ÄÖ')") == ("äö" if major == 18 else "ÄÖ")


def test_the_log_does_not_quote_statements(pg: Database) -> None:
    with pg.connect() as connection, pytest.raises(psycopg.Error):
        connection.execute("select 'hunter2'::uuid")
    assert "hunter2" not in pg.log.read_text()


@pytest.mark.slow
def test_tcp_needs_a_password(tracer_config: Config) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    postgres = Postgres(tracer_config, tcp_port=port)
    postgres.start()
    with psycopg.connect(postgres.conninfo("supabase_admin")) as connection:
        connection.execute("alter role supabase_admin password 'correct'")
    url = f"host=127.0.0.1 port={port} user=supabase_admin dbname=postgres"
    psycopg.connect(f"{url} password=correct").close()
    for wrong in ("", " password=wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url + wrong)
    postgres.stop()


@pytest.mark.slow
def test_a_taken_tcp_port_is_named(tracer_config: Config) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        postgres = Postgres(tracer_config, tcp_port=taken.getsockname()[1])
        with pytest.raises(DatabaseFailed, match=r"could not create any TCP/IP sockets.*see .*log"):
            postgres.start()
    assert not postgres.is_alive()


@pytest.mark.slow
def test_a_big_log_is_set_aside(tracer_config: Config) -> None:
    settings = replace(tracer_config.settings, log_max_bytes=10)
    config = replace(tracer_config, settings=settings)
    config.home.postgres_log.write_text("of last time\n" * 10)
    postgres = Postgres(config)
    postgres.start()
    postgres.stop()
    aside = config.home.postgres_log.with_name("postgres.log.1")
    assert aside.read_text().startswith("of last time")
    assert config.home.postgres_log.read_text().count("of last time") == 0


def test_a_start_can_be_given_up(tracer_config: Config) -> None:
    cancel = threading.Event()
    cancel.set()
    postgres = Postgres(tracer_config, extra={"fsync": "off"})
    with pytest.raises(DatabaseFailed, match="cancelled"):
        postgres.start(cancel)
    postgres.stop()


def test_a_program_that_cannot_run_is_named(tracer_config: Config) -> None:
    folder = tracer_config.user_home / "bin"
    folder.mkdir()
    tracer_config.user_home.chmod(0o755)
    (folder / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'\n")
    (folder / "postgres").chmod(0o755)
    (folder / "initdb").write_text("#!/bin/sh\n")
    env = {**tracer_config.env, "CLAUDE_TRACER_PG_BIN": str(folder)}
    with pytest.raises(DatabaseFailed, match=r"initdb \(Permission denied\): make room or correct"):
        Postgres(replace(tracer_config, env=env)).start()


def test_the_users_options_for_other_servers_do_not_matter(
    pg: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("OPTIONS", "-c timezone=Asia/Tokyo"), ("PORT", "1"), ("HOST", "x")):
        monkeypatch.setenv(f"PG{name}", value)
    assert _value(pg.postgres, "show timezone") == "UTC"


def test_stopping_what_never_was_does_nothing(tracer_config: Config) -> None:
    Postgres(tracer_config).stop()
    assert not tracer_config.home.postgres.exists()


def test_broken_binaries_are_reported_with_their_words(tracer_config: Config) -> None:
    folder = tracer_config.user_home / "bin"
    folder.mkdir()
    tracer_config.user_home.chmod(0o755)
    for name, words in (("postgres", "postgres (PostgreSQL) 18.4"), ("initdb", "error: no luck")):
        (folder / name).write_text(f"#!/bin/sh\necho '{words}'\n[ {name} = postgres ]\n")
        (folder / name).chmod(0o755)
    env = {**tracer_config.env, "CLAUDE_TRACER_PG_BIN": str(folder)}
    postgres = Postgres(replace(tracer_config, env=env))
    with pytest.raises(DatabaseFailed, match=r"cannot create a database in .*no luck"):
        postgres.start()
    assert [path.name for path in postgres.place.folder.iterdir()] == ["run"]


def _python_for_everybody() -> str:
    """Return an interpreter of this version outside of root's own folder."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    nobody = RunAs("nobody", 65534, 65534)
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        path = Path(candidate).resolve()
        if path.exists() and can_reach(nobody, path):
            return candidate
    pytest.skip(f"no {name} that an ordinary user can run")


@as_root
@pytest.mark.slow
def test_an_ordinary_user_needs_no_other() -> None:
    script = """
import sys
from claude_code_tracer.config import load_config
from claude_code_tracer.local.migrate import migrate
from claude_code_tracer.local.postgres import Postgres
config = load_config()
config.home.create()
postgres = Postgres(config)
postgres.start()
print(len(migrate(postgres.conninfo)), postgres.place.folder, postgres.place.user)
postgres.stop()
"""
    python = _python_for_everybody()
    with tempfile.TemporaryDirectory(prefix="ct-") as root:
        os.chown(root, 65534, 65534)
        env = {"PATH": os.environ["PATH"], "HOME": root, "CLAUDE_TRACER_HOME": f"{root}/home"}
        env["PYTHONPATH"] = str(Path(psycopg.__file__).parents[1])
        done = subprocess.run(
            [python, "-W", "error", "-c", script],
            cwd=REPOSITORY,
            env=env,
            user=65534,
            group=65534,
            extra_groups=[],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        applied, folder, user = done.stdout.split()
        assert (int(applied) > 0, folder, user) == (True, f"{root}/home/postgres/18", "None")
        assert Path(folder, "data").stat().st_uid == 65534
