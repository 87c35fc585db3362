"""Migrations: applied once, in order, as the Supabase CLI would."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from claude_code_tracer.config import data_file
from claude_code_tracer.errors import ConfigError, DatabaseFailed
from claude_code_tracer.local.migrate import Migration, migrate, read_migrations
from tests.conftest import Database

SHIPPED = read_migrations(data_file("supabase", "migrations"))
BOTH = pytest.mark.parametrize("pg", [18, 16], indirect=True)
HISTORY = "select version, name, statements from supabase_migrations.schema_migrations order by 1"


def _next(sql: str, version: str = "29990101000000") -> list[Migration]:
    return [*SHIPPED, Migration(version, "test", sql)]


@BOTH
def test_every_file_is_in_the_history_once(fresh_database: Database) -> None:
    assert migrate(fresh_database.conninfo) == []
    with fresh_database.connect() as connection:
        rows = connection.execute(HISTORY).fetchall()
    assert rows == [(m.version, m.name, [m.sql]) for m in SHIPPED]


@BOTH
def test_tables_belong_to_postgres_who_is_no_superuser(fresh_database: Database) -> None:
    with fresh_database.connect() as connection:
        owners = connection.execute(
            "select distinct tableowner from pg_tables"
            " where schemaname in ('public', 'private', 'supabase_migrations')"
        ).fetchall()
        rights = connection.execute(
            "select rolsuper, rolbypassrls from pg_roles where rolname = current_user"
        ).fetchone()
    assert owners == [("postgres",)]
    assert rights == (False, True)


@BOTH
def test_a_new_file_is_applied_once(fresh_database: Database) -> None:
    more = _next("create table public.extra (id int primary key)")
    assert migrate(fresh_database.conninfo, more) == ["29990101000000"]
    assert migrate(fresh_database.conninfo, more) == []
    with fresh_database.connect() as connection:
        assert connection.execute("select count(*) from public.extra").fetchone() == (0,)


def test_a_file_does_not_inherit_what_the_last_one_set(fresh_database: Database) -> None:
    more = _next("set search_path = ''; select pg_catalog.set_config('a.b', 'x', false)")
    sql = "do $$ begin assert coalesce(current_setting('a.b', true), '') = ''; end $$"
    more.append(Migration("29990101000001", "second", sql))
    assert len(migrate(fresh_database.conninfo, more)) == 2


def test_a_failing_file_leaves_nothing_and_quotes_no_row(fresh_database: Database) -> None:
    sql = """
        create table public.half (secret text primary key);
        insert into public.half values ('hunter2'), ('hunter2');
    """
    with pytest.raises(DatabaseFailed, match="29990101000000_test failed") as caught:
        migrate(fresh_database.conninfo, _next(sql))
    assert "23505" in str(caught.value) and "hunter2" not in str(caught.value)
    with fresh_database.connect() as connection:
        assert connection.execute("select to_regclass('public.half')").fetchone() == (None,)
        assert len(connection.execute(HISTORY).fetchall()) == len(SHIPPED)


def test_a_newer_database_is_refused(fresh_database: Database) -> None:
    migrate(fresh_database.conninfo, _next("select 1"))
    with pytest.raises(ConfigError, match=r"newer version .*29990101000000.*update the program"):
        migrate(fresh_database.conninfo)


def test_two_migrators_at_once_apply_a_file_once(fresh_database: Database) -> None:
    more = _next("select pg_sleep(0.2); create table public.once (id int primary key)")
    results: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: results.append(migrate(fresh_database.conninfo, more)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == [[], ["29990101000000"]]


def test_the_platform_is_laid_again_when_it_changed(fresh_database: Database) -> None:
    with fresh_database.connect("supabase_admin") as admin:
        admin.execute("update _platform.state set value = 'of an older program'")
        admin.execute("drop function auth.email()")
    assert migrate(fresh_database.conninfo) == []
    with fresh_database.connect() as connection:
        assert connection.execute("select auth.email()").fetchone() == (None,)


def test_the_users_cannot_read_our_state(fresh_database: Database) -> None:
    with (
        fresh_database.connect("authenticator") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select * from _platform.state")


def test_a_database_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFailed, match="cannot prepare the database"):
        migrate(lambda user: f"host={tmp_path} user={user}")


def test_files_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "20260102000000_add_b.sql").write_text("select 2")
    (tmp_path / "20260101000000_add_a.sql").write_text("select 1 -- not concurrently\n")
    names = [(m.version, m.name) for m in read_migrations(tmp_path)]
    assert names == [("20260101000000", "add_a"), ("20260102000000", "add_b")]


def test_concurrently_is_refused(tmp_path: Path) -> None:
    (tmp_path / "20260101000000_add_index.sql").write_text("CREATE INDEX\nCONCURRENTLY i on t (a)")
    with pytest.raises(ConfigError, match="CONCURRENTLY"):
        read_migrations(tmp_path)


def test_a_misnamed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1_add.sql").write_text("select 1")
    with pytest.raises(ConfigError, match="must be named"):
        read_migrations(tmp_path)
