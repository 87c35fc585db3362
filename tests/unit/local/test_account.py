"""The local account: one user, one device, credentials in one private file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from uuid import uuid4

import bcrypt
import psycopg
import pytest

from claude_code_tracer.config import Config
from claude_code_tracer.errors import ConfigError, DatabaseFailed, NotRunning
from claude_code_tracer.local.account import (
    LOCAL_EMAIL,
    create_user,
    ensure_local_account,
    issue_one_time_token,
    sign_in_url,
)
from claude_code_tracer.local.migrate import migrate
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.ship.credentials import Credentials
from tests.conftest import Database

URL, KEY = "http://127.0.0.1:8420", "sb_publishable_test"
Ensure = Callable[[], Credentials]


@pytest.fixture
def ensure(fresh_database: Database, tracer_config: Config) -> Ensure:
    return lambda: ensure_local_account(
        fresh_database.conninfo("postgres"), tracer_config.home, URL, KEY
    )


def _count(database: Database, what: str) -> int:
    with database.connect() as connection:
        row = connection.execute(f"select count(*) from {what}".encode()).fetchone()
    return int(row[0]) if row else -1


def test_the_first_start_makes_a_user_a_device_and_a_token(
    ensure: Ensure, fresh_database: Database, tracer_config: Config
) -> None:
    credentials = ensure()
    assert re.fullmatch(r"ctd_[A-Za-z0-9_-]{43}", credentials.device_token)
    content = json.loads(tracer_config.home.credentials.read_bytes())
    assert content == {
        "url": URL,
        "publishable_key": KEY,
        "device_token": credentials.device_token,
    }
    assert tracer_config.home.credentials.stat().st_mode & 0o777 == 0o600
    with fresh_database.connect() as connection:
        row = connection.execute(
            "select u.email, t.token_sha256, d.name <> '', d.platform, w.kind"
            " from private.device_tokens t join public.devices d on d.id = t.device_id"
            " join auth.users u on u.id = d.owner_id"
            " join public.workspaces w on w.created_by = u.id"
        ).fetchone()
    assert row is not None
    sha256 = hashlib.sha256(credentials.device_token.encode()).digest()
    assert (row[0], bytes(row[1]), row[2], row[4]) == (LOCAL_EMAIL, sha256, True, "personal")


def test_the_second_start_changes_nothing(
    ensure: Ensure, fresh_database: Database, tracer_config: Config
) -> None:
    first = ensure()
    before = tracer_config.home.credentials.stat()
    assert ensure() == first
    assert tracer_config.home.credentials.stat().st_ino == before.st_ino
    assert _count(fresh_database, "private.device_tokens") == 1


@pytest.mark.parametrize("content", [None, b"{", b'{"url": "http://127.0.0.1:1"}'])
def test_lost_credentials_get_a_new_token_for_the_same_device(
    ensure: Ensure, fresh_database: Database, tracer_config: Config, content: bytes | None
) -> None:
    first = ensure()
    tracer_config.home.credentials.unlink()
    if content is not None:
        tracer_config.home.credentials.write_bytes(content)
    second = ensure()
    assert second.device_token != first.device_token
    assert _count(fresh_database, "public.devices") == 1
    assert _count(fresh_database, "auth.users") == 1
    assert _count(fresh_database, "private.device_tokens where revoked_at is null") == 1


@pytest.mark.parametrize(
    "spoil",
    [
        "delete from private.device_tokens",
        "update private.device_tokens set revoked_at = now()",
        "update private.device_tokens set expires_at = now() - interval '1 s'",
    ],
)
def test_a_token_the_database_does_not_accept_is_replaced(
    ensure: Ensure, fresh_database: Database, spoil: str
) -> None:
    first = ensure()
    with fresh_database.connect() as connection:
        connection.execute(spoil.encode())
    assert ensure().device_token != first.device_token
    assert _count(fresh_database, "public.devices") == 1


def test_another_port_keeps_the_token(
    ensure: Ensure, fresh_database: Database, tracer_config: Config
) -> None:
    first = ensure()
    other = ensure_local_account(
        fresh_database.conninfo("postgres"), tracer_config.home, "http://127.0.0.1:9", KEY
    )
    assert (other.url, other.device_token) == ("http://127.0.0.1:9", first.device_token)


def test_credentials_of_a_hosted_server_are_not_overwritten(
    ensure: Ensure, tracer_config: Config
) -> None:
    hosted = {"url": "https://x.supabase.co", "publishable_key": "k", "device_token": "ctd_t"}
    tracer_config.home.credentials.write_text(json.dumps(hosted))
    with pytest.raises(ConfigError, match=r"is for https://x.supabase.co.*logout"):
        ensure()
    assert json.loads(tracer_config.home.credentials.read_bytes()) == hosted


def test_a_database_without_schema_is_reported(pg: Database, tracer_config: Config) -> None:
    conninfo = pg.postgres.conninfo("supabase_admin", "template1")
    with pytest.raises(DatabaseFailed, match=r"cannot set up the local account \(42P01\)"):
        ensure_local_account(conninfo, tracer_config.home, URL, KEY)


def test_a_user_has_a_hashed_password_and_a_workspace(fresh_database: Database) -> None:
    with fresh_database.connect() as connection:
        user_id = create_user(connection, "Ann@example.com", "correct horse")
        row = connection.execute(
            "select encrypted_password, email_confirmed_at is not null from auth.users"
            " where id = %s",
            (user_id,),
        ).fetchone()
        assert row and bcrypt.checkpw(b"correct horse", row[0].encode()) and row[1]
        with pytest.raises(ConfigError, match="a user with the address ann@"):
            create_user(connection, "ann@example.com")
    assert _count(fresh_database, "public.workspaces") == 1


def test_a_one_time_token_is_stored_as_a_hash_and_ends(fresh_database: Database) -> None:
    with fresh_database.connect() as connection:
        user_id = create_user(connection, "ann@example.com")
        issue_one_time_token(connection, user_id, lifetime_s=-1)
        token = issue_one_time_token(connection, user_id)
        rows = connection.execute(
            "select token_sha256, user_id, token_type,"
            " round(extract(epoch from expires_at - created_at)) from auth.one_time_tokens"
        ).fetchall()
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            issue_one_time_token(connection, uuid4())
    sha256 = hashlib.sha256(token.encode()).digest()
    assert rows == [(sha256, user_id, "magiclink", 600)]


@pytest.mark.slow
def test_the_sign_in_link_holds_a_token_for_the_local_user(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config)
    with pytest.raises(NotRunning, match="claude-tracer start"):
        sign_in_url(tracer_config, URL)
    postgres.start()
    migrate(postgres.conninfo)
    with pytest.raises(NotRunning, match="does not exist yet"):
        sign_in_url(tracer_config, URL)
    ensure_local_account(postgres.conninfo("postgres"), tracer_config.home, URL, KEY)
    link = sign_in_url(tracer_config, URL)
    postgres.stop()
    pattern = rf"{URL}/auth/confirm#token_hash=[A-Za-z0-9_-]{{43}}&type=magiclink"
    assert re.fullmatch(pattern, link)
