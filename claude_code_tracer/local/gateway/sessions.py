"""Sign-in sessions: who is signed in where, and the rotation of refresh tokens.

A refresh token is good for one use. Its successor is derived from it with our signing key, so that
a client whose answer got lost can ask again and gets the same successor, although only hashes are
stored. Any other second use, later than the reuse interval, ends the whole session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.errors import AuthError
from claude_code_tracer.local.gateway.tokens import Tokens
from claude_code_tracer.local.keys import Keys

__all__ = ["ACCESS_TOKEN_S", "ADMIN", "Session", "Sessions", "sha256"]

ACCESS_TOKEN_S = 3600
ADMIN = "supabase_auth_admin"
_REUSE_S = 10

_USER_COLUMNS = """
  u.id::text, u.aud, u.role, coalesce(u.email, '') as email, coalesce(u.phone, '') as phone,
  u.email_confirmed_at, u.email_confirmed_at as confirmed_at, u.last_sign_in_at,
  u.raw_app_meta_data as app_metadata, u.raw_user_meta_data as user_metadata, u.is_anonymous,
  u.created_at, u.updated_at, '[]'::jsonb as identities
"""
_USER = f"""
select {_USER_COLUMNS} from auth.users u
where u.id = %s and u.deleted_at is null and (u.banned_until is null or u.banned_until < now())
"""
_USER_OF_SESSION = f"""
select {_USER_COLUMNS} from auth.users u join auth.sessions s on s.user_id = u.id
where u.id = %s and s.id = %s and u.deleted_at is null
"""
_SIGNED_IN = "update auth.users set last_sign_in_at = now() where id = %s"
_NEW_SESSION = """
insert into auth.sessions (user_id, user_agent, amr) values (%s, %s, %s) returning id::text
"""
_NEW_TOKEN = """
insert into auth.refresh_tokens (token_sha256, session_id, parent_id) values (%s, %s, %s)
"""
# Both rows are locked, so that two callers with one token come after each other.
_FIND_TOKEN = """
select t.id, t.session_id::text, s.user_id::text, s.amr, t.used_at is not null as used,
  t.used_at > now() - make_interval(secs => %s) as used_just_now
from auth.refresh_tokens t join auth.sessions s on s.id = t.session_id
where t.token_sha256 = %s
for update
"""
_ACTIVE_TOKEN = """
select parent_id, token_sha256 from auth.refresh_tokens
where session_id = %s and used_at is null order by id desc limit 1
"""
_USE_TOKEN = "update auth.refresh_tokens set used_at = now() where id = %s"
_TOUCH = "update auth.sessions set refreshed_at = now() where id = %s"
_END = "delete from auth.sessions where id = %s"
_END_OTHERS = "delete from auth.sessions where user_id = %s and id <> %s"
_END_ALL = "delete from auth.sessions where user_id = %s"

Session = dict[str, Any]
"""What the clients call a session: access token, refresh token, user."""

_Cursor = psycopg.AsyncCursor[dict[str, Any]]


class Sessions:
    """Starts, refreshes and ends sessions."""

    def __init__(
        self,
        database: Database,
        tokens: Tokens,
        keys: Keys,
        issuer: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._secret = hashlib.sha256(b"refresh token:" + keys.private_jwk["d"].encode()).digest()
        self._issuer = issuer
        self._now = now

    async def start(
        self, cursor: _Cursor, user_id: str, amr: str, user_agent: str | None
    ) -> Session:
        """Sign a user in, within the caller's transaction; AuthError when that is not allowed."""
        user = await _one(cursor, _USER, (user_id,))
        if user is None:
            raise AuthError(400, "user_banned", "User is banned or gone")
        await cursor.execute(_SIGNED_IN, (user_id,))
        row = await _one(cursor, _NEW_SESSION, (user_id, (user_agent or "")[:200], amr))
        assert row is not None
        token = secrets.token_urlsafe(32)
        await cursor.execute(_NEW_TOKEN, (sha256(token), row["id"], None))
        return self._session(user, row["id"], amr, token)

    async def refresh(self, token: str) -> Session:
        """Return the session again with new tokens; AuthError when the token is spent."""
        async with self._database.transaction(ADMIN) as cursor:
            row = await _one(cursor, _FIND_TOKEN, (_REUSE_S, sha256(token)))
            if row is None:
                message = "Invalid Refresh Token: Refresh Token Not Found"
                raise AuthError(400, "refresh_token_not_found", message)
            user = await _one(cursor, _USER, (row["user_id"],))
            if user is None:
                raise AuthError(400, "user_banned", "User is banned or gone")
            successor = await self._successor(cursor, row, token)
            if successor is not None:
                await cursor.execute(_TOUCH, (row["session_id"],))
                return self._session(user, row["session_id"], row["amr"], successor)
            await cursor.execute(_END, (row["session_id"],))
        # The transaction is over: that the session has ended must last.
        raise AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")

    async def user(self, user_id: str, session_id: str) -> dict[str, Any]:
        """Return the user of a session; AuthError when the session has ended."""
        async with self._database.transaction(ADMIN) as cursor:
            user = await _one(cursor, _USER_OF_SESSION, (user_id, session_id))
        if user is None:
            message = "Session from session_id claim in JWT does not exist"
            raise AuthError(403, "session_not_found", message)
        return user

    async def end(self, user_id: str, session_id: str, scope: str) -> None:
        """End this session (`local`), the user's others (`others`) or all (`global`)."""
        async with self._database.transaction(ADMIN) as cursor:
            if scope == "local":
                await cursor.execute(_END, (session_id,))
            elif scope == "others":
                await cursor.execute(_END_OTHERS, (user_id, session_id))
            else:
                await cursor.execute(_END_ALL, (user_id,))

    async def _successor(self, cursor: _Cursor, row: Mapping[str, Any], token: str) -> str | None:
        """Return the token that replaces `token`; None when it was used before and must not be."""
        derived = self._derive(token)
        if not row["used"]:
            await cursor.execute(_USE_TOKEN, (row["id"],))
            await cursor.execute(_NEW_TOKEN, (sha256(derived), row["session_id"], row["id"]))
            return derived
        active = await _one(cursor, _ACTIVE_TOKEN, (row["session_id"],))
        is_parent = active is not None and active["parent_id"] == row["id"]
        if is_parent and active is not None and active["token_sha256"] == sha256(derived):
            # The answer with the successor was lost on its way to the client.
            return derived
        if not (is_parent or row["used_just_now"]):
            return None
        other = secrets.token_urlsafe(32)
        await cursor.execute(_NEW_TOKEN, (sha256(other), row["session_id"], row["id"]))
        return other

    def _derive(self, token: str) -> str:
        digest = hmac.digest(self._secret, token.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _session(
        self, user: dict[str, Any], session_id: str, amr: str, refresh_token: str
    ) -> Session:
        now = int(self._now())
        claims = {name: user[name] for name in _CLAIMS} | {
            "iss": self._issuer,
            "sub": user["id"],
            "iat": now,
            "exp": now + ACCESS_TOKEN_S,
            "aal": "aal1",
            "amr": [{"method": amr, "timestamp": now}],
            "session_id": session_id,
        }
        return {
            "access_token": self._tokens.sign(claims),
            "token_type": "bearer",
            "expires_in": ACCESS_TOKEN_S,
            "expires_at": now + ACCESS_TOKEN_S,
            "refresh_token": refresh_token,
            "user": user,
        }


_CLAIMS = ("aud", "role", "email", "phone", "app_metadata", "user_metadata", "is_anonymous")


def sha256(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


async def _one(
    cursor: _Cursor, statement: str, params: tuple[object, ...]
) -> dict[str, Any] | None:
    return await (await cursor.execute(statement, params)).fetchone()
