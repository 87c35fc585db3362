"""The accounts of the embedded server: the local user, this machine's device, one-time sign-ins."""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
import socket
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import bcrypt
import psycopg

from claude_code_tracer.config import Config
from claude_code_tracer.errors import ConfigError, DatabaseFailed, NotRunning, TracerError
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.paths import Home, unusable, write_private_file
from claude_code_tracer.ship.credentials import Credentials, read_credentials

__all__ = [
    "LOCAL_EMAIL",
    "create_user",
    "ensure_local_account",
    "issue_one_time_token",
    "sign_in_url",
]

_Connection = psycopg.Connection[tuple[Any, ...]]

LOCAL_EMAIL = "local@claude-tracer.invalid"
"""Nobody's address: the one user of a server without accounts."""
_LOCAL_NAME = "Local user"
_OWNER = "postgres"
_LONGEST_NAME = 100

_FIND_TOKEN = """
    select true from private.device_tokens
    where token_sha256 = %s and revoked_at is null and (expires_at is null or expires_at > now())
"""
_CREATE_USER = """
    insert into auth.users (email, encrypted_password, email_confirmed_at, raw_user_meta_data)
    values (%s, %s, now(), jsonb_build_object('name', %s::text))
    on conflict (lower(email)) do nothing returning id
"""
_FIND_USER = "select id from auth.users where lower(email) = lower(%s)"
_FIND_DEVICE = "select id from public.devices where owner_id = %s order by created_at, id limit 1"
_CREATE_DEVICE = (
    "insert into public.devices (owner_id, name, platform) values (%s, %s, %s) returning id"
)
_REVOKE_TOKENS = """
    update private.device_tokens set revoked_at = now() where device_id = %s and revoked_at is null
"""
_CREATE_TOKEN = "insert into private.device_tokens (device_id, token_sha256) values (%s, %s)"
_FORGET_ONE_TIME_TOKENS = "delete from auth.one_time_tokens where expires_at < now()"
_CREATE_ONE_TIME_TOKEN = """
    insert into auth.one_time_tokens (token_sha256, user_id, token_type, expires_at)
    values (%s, %s, 'magiclink', now() + make_interval(secs => %s))
"""


def ensure_local_account(conninfo: str, home: Home, url: str, publishable_key: str) -> Credentials:
    """Return credentials that this server accepts, issued now if the data folder has none.

    A lost credentials file, or one whose token the database does not know, gets a new token for
    the same device; the old one stops working. Raises ConfigError when the file belongs to a
    server elsewhere: signing out of that is the user's decision.
    """
    known = _read(home)
    if known is not None and not _is_local(known.url):
        raise ConfigError(
            f"{home.credentials} is for {known.url}, not for the embedded server: "
            "sign out of it first with `claude-tracer logout`"
        )
    try:
        with psycopg.connect(conninfo) as connection:
            token = known.device_token if known else ""
            if connection.execute(_FIND_TOKEN, (_sha256(token),)).fetchone() is None:
                token = _issue_device_token(connection)
    except psycopg.Error as exc:
        raise DatabaseFailed(f"cannot set up the local account ({exc.sqlstate or exc})") from exc
    credentials = Credentials(url=url, publishable_key=publishable_key, device_token=token)
    if credentials != known:
        try:
            write_private_file(home.credentials, json.dumps(asdict(credentials), indent=2).encode())
        except OSError as exc:
            raise unusable(exc, f"cannot write {home.credentials}", "check its owner") from exc
    return credentials


def create_user(
    connection: _Connection, email: str, password: str | None = None, *, name: str = ""
) -> UUID:
    """Create a confirmed user with a personal workspace; ConfigError when the address is taken."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode() if password else None
    row = connection.execute(_CREATE_USER, (email, hashed, name or None)).fetchone()
    if row is None:
        raise ConfigError(f"there is a user with the address {email} already")
    return UUID(str(row[0]))


def issue_one_time_token(connection: _Connection, user_id: UUID, lifetime_s: int = 600) -> str:
    """Return a secret that signs `user_id` in once, within `lifetime_s` seconds."""
    token = secrets.token_urlsafe(32)
    connection.execute(_FORGET_ONE_TIME_TOKENS)
    connection.execute(_CREATE_ONE_TIME_TOKEN, (_sha256(token), user_id, lifetime_s))
    return token


def sign_in_url(config: Config, url: str) -> str:
    """Return a link to the dashboard at `url` that signs the local user in, once.

    The token stands in the fragment, which no server and no log ever sees.
    """
    try:
        with psycopg.connect(Postgres(config).conninfo(_OWNER)) as connection:
            row = connection.execute(_FIND_USER, (LOCAL_EMAIL,)).fetchone()
            if row is None:
                raise NotRunning("the local account does not exist yet: run `claude-tracer start`")
            token = issue_one_time_token(connection, row[0])
    except psycopg.Error as exc:
        raise NotRunning(
            "the embedded server does not answer: start it with `claude-tracer start --daemon`"
        ) from exc
    return f"{url}/auth/confirm#{urlencode({'token_hash': token, 'type': 'magiclink'})}"


def _issue_device_token(connection: _Connection) -> str:
    token = f"ctd_{secrets.token_urlsafe(32)}"
    connection.execute(_CREATE_USER, (LOCAL_EMAIL, None, _LOCAL_NAME))
    user_id = _one(connection, _FIND_USER, LOCAL_EMAIL)
    found = connection.execute(_FIND_DEVICE, (user_id,)).fetchone()
    device_id = found[0] if found else _one(connection, _CREATE_DEVICE, user_id, *_this_machine())
    connection.execute(_REVOKE_TOKENS, (device_id,))
    connection.execute(_CREATE_TOKEN, (device_id, _sha256(token)))
    return token


def _one(connection: _Connection, query: str, *values: object) -> object:
    row = connection.execute(query, values).fetchone()
    if row is None:
        raise DatabaseFailed("the local account vanished while it was set up: start again")
    return row[0]


def _this_machine() -> tuple[str, str]:
    name = socket.gethostname() or "this machine"
    return name[:_LONGEST_NAME], f"{platform.system()} {platform.machine()}"[:_LONGEST_NAME]


def _read(home: Home) -> Credentials | None:
    try:
        return read_credentials(home)
    except TracerError:  # missing or damaged: it is written anew
        return None


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
