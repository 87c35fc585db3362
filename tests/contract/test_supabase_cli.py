"""The real Supabase CLI on our migrations, by URL: proof that hosted Supabase would take them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from claude_code_tracer.config import Config, data_file
from claude_code_tracer.local.migrate import migrate, read_migrations
from claude_code_tracer.local.postgres import Postgres

ADVISORS = (
    *("db", "advisors", "--type", "all", "--level", "info"),
    *("--fail-on", "warn", "--output-format", "json"),
)
ROOT = Path(__file__).parents[2]
CLI = Path(__file__).parent / "js" / "node_modules" / ".bin" / "supabase"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def empty_server(tracer_config: Config) -> Iterator[Postgres]:
    """A server with the platform's part only, as a new hosted project is."""
    server = Postgres(tracer_config, tcp_port=free_port(), extra={"fsync": "off"})
    server.start()
    try:
        migrate(server.conninfo, [])
        with psycopg.connect(server.conninfo("supabase_admin"), autocommit=True) as admin:
            admin.execute("alter role postgres password 'for-this-test-only'")
        yield server
    finally:
        server.stop()


def supabase(server: Postgres, config: Config, *arguments: str) -> str:
    port = psycopg.conninfo.conninfo_to_dict(server.conninfo("postgres"))["port"]
    remote = f"postgresql://postgres:for-this-test-only@127.0.0.1:{port}/postgres?sslmode=disable"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(config.user_home),
        "SUPABASE_TELEMETRY_DISABLED": "1",
        "SUPABASE_YES": "1",
    }
    done = subprocess.run(
        [CLI, *arguments, f"--remote={remote}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_push_advisors_and_types(empty_server: Postgres, tracer_config: Config) -> None:
    supabase(empty_server, tracer_config, "db", "push", "--yes")
    versions = [m.version for m in read_migrations(data_file("supabase", "migrations"))]
    assert history(empty_server) == versions
    assert migrate(empty_server.conninfo) == []  # ours agrees that nothing is left to do

    found = json.loads(supabase(empty_server, tracer_config, *ADVISORS))
    # There are no rows yet to use an index for, and nobody may read the tokens' table.
    assert {lint["name"] for lint in found["results"]} <= {"unused_index", "rls_enabled_no_policy"}

    types = supabase(
        empty_server, tracer_config, "gen", "types", "--lang", "typescript", "--schema", "api"
    )
    file = ROOT / "web" / "src" / "lib" / "database.types.ts"
    if os.environ.get("UPDATE_TYPES"):  # `make types`
        file.write_text(types, "utf-8")
    assert types.strip() == file.read_text("utf-8").strip(), "run `make types`, commit the result"


@pytest.mark.slow
def test_advisors_would_find_a_fault(empty_server: Postgres, tracer_config: Config) -> None:
    migrate(empty_server.conninfo)
    with psycopg.connect(empty_server.conninfo("postgres"), autocommit=True) as owner:
        owner.execute("create table api.open_to_all (id int primary key)")
        owner.execute("grant select on api.open_to_all to anon")
    with pytest.raises(AssertionError, match="rls_disabled_in_public"):
        supabase(empty_server, tracer_config, *ADVISORS)


def history(server: Postgres) -> list[str]:
    query = "select version from supabase_migrations.schema_migrations order by version"
    with psycopg.connect(server.conninfo("postgres")) as connection:
        return [version for (version,) in connection.execute(query)]
