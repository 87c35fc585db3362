"""Supabase Auth, as far as the product uses it: `/auth/v1/*`, and sign-in for a paired device.

There is one local user and no mail server, so there is nothing to sign up for: people sign in with
a one-time token that the tracer writes, a password they set, or a refresh token.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import psycopg
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.errors import ApiError, AuthError, from_database
from claude_code_tracer.local.gateway.http import headers_of, json_body, json_response
from claude_code_tracer.local.gateway.identity import Gatekeeper, Identity
from claude_code_tracer.local.gateway.passwords import Passwords
from claude_code_tracer.local.gateway.sessions import ADMIN, Session, Sessions, sha256
from claude_code_tracer.local.gateway.tokens import Tokens

__all__ = ["Auth"]

_BY_EMAIL = """
select id::text, encrypted_password from auth.users
where lower(email) = lower(%s) and deleted_at is null
"""
# One statement: of two callers with the same token only one gets the row.
_USE_ONE_TIME_TOKEN = """
delete from auth.one_time_tokens
where token_sha256 = %s and token_type = any(%s) and expires_at > now()
returning user_id::text
"""
_SET_PASSWORD = """
update auth.users set encrypted_password = %s, updated_at = now() where id = %s
"""
_OWN_PASSWORD = "select encrypted_password from auth.users where id = %s"
_END_OTHERS = "delete from auth.sessions where user_id = %s and id <> %s"
_SET_DATA = """
update auth.users
set raw_user_meta_data = (raw_user_meta_data || %s) - %s::text[], updated_at = now()
where id = %s
"""
# `email` stands for every kind of token that a mail can carry.
_TOKEN_TYPES = {
    "email": ["email", "magiclink", "signup"],
    "magiclink": ["magiclink", "email"],
    "signup": ["signup"],
    "recovery": ["recovery"],
    "invite": ["invite"],
}
_MIN_PASSWORD = 8

Handler = Callable[[Request], Awaitable[Response]]


class Auth:
    """The handlers of `/auth/v1`."""

    def __init__(
        self, database: Database, gatekeeper: Gatekeeper, tokens: Tokens, sessions: Sessions
    ) -> None:
        self._database = database
        self._gatekeeper = gatekeeper
        self._tokens = tokens
        self._sessions = sessions
        self._passwords = Passwords()

    async def token(self, request: Request) -> Response:
        """Sign in with a password or a refresh token."""
        self._check_key(request)
        body = await json_body(request)
        grant = request.query_params.get("grant_type")
        if grant == "password":
            return json_response(await self._by_password(request, body))
        if grant == "refresh_token":
            return json_response(await self._sessions.refresh(_text(body, "refresh_token")))
        raise AuthError(422, "provider_disabled", "This sign-in method is not available locally")

    async def verify(self, request: Request) -> Response:
        """Sign in with a one-time token; a browser that follows a link is sent on."""
        if request.method == "POST":
            self._check_key(request)
            body = await json_body(request)
            return json_response(await self._by_one_time_token(request, body))
        query = dict(request.query_params)
        query.setdefault("token_hash", query.get("token", ""))
        target = _own_page(request, query.get("redirect_to"))
        try:
            session = await self._by_one_time_token(request, query)
        except AuthError as error:
            answer = {
                "error": "access_denied",
                "error_code": error.code,
                "error_description": error.message,
            }
        else:
            answer = {name: str(value) for name, value in session.items() if name != "user"}
            answer["type"] = query.get("type", "")
        # In the fragment, so that no server and no Referer sees the tokens.
        return RedirectResponse(f"{target}#{urlencode(answer)}", 303)

    async def user(self, request: Request) -> Response:
        """Return the signed-in user, or change password or metadata."""
        caller = self._signed_in(request)
        user_id, session_id = caller.user_id or "", caller.session_id or ""
        if request.method == "PUT":
            await self._sessions.user(user_id, session_id)
            await self._change(user_id, session_id, await json_body(request))
        return json_response(await self._sessions.user(user_id, session_id))

    async def logout(self, request: Request) -> Response:
        """End sessions: `scope` is global, local or others."""
        caller = self._signed_in(request)
        scope = request.query_params.get("scope", "global")
        if scope not in ("global", "local", "others"):
            raise AuthError(400, "validation_failed", "scope must be global, local or others")
        await self._sessions.end(caller.user_id or "", caller.session_id or "", scope)
        return Response(None, 204)

    async def device_session(self, request: Request) -> Response:
        """Give the owner of a paired device a session (hosted: an edge function of this name)."""
        headers = headers_of(request)
        header = {"x-device-token": headers.get("x-device-token")}
        settings = {"request.headers": orjson.dumps(header).decode()}
        try:
            async with self._database.transaction(ADMIN, settings) as cursor:
                await cursor.execute("select gateway.device_owner()::text as id")
                row = await cursor.fetchone()
                owner = row["id"] if row else ""
                return json_response(
                    await self._sessions.start(
                        cursor, owner, "device_token", headers.get("user-agent")
                    )
                )
        except psycopg.Error as exc:
            raise from_database(exc, anonymous=True) from exc

    async def jwks(self, request: Request) -> Response:
        """Return the public key set."""
        return json_response(self._tokens.jwks(), headers={"Cache-Control": "public, max-age=600"})

    async def health(self, request: Request) -> Response:
        """Say that this part is there."""
        return json_response({"name": "GoTrue", "description": "claude-tracer, embedded"})

    async def settings(self, request: Request) -> Response:
        """Say which ways to sign in exist."""
        self._check_key(request)
        external = dict.fromkeys(("github", "google", "phone", "anonymous_users"), False)
        return json_response(
            {
                "external": {"email": True, **external},
                "disable_signup": True,
                "mailer_autoconfirm": True,
                "phone_autoconfirm": False,
                "saml_enabled": False,
            }
        )

    async def signup(self, request: Request) -> Response:
        """Refuse: the embedded server has its one user already."""
        raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")

    async def other(self, request: Request) -> Response:
        """Refuse every other way to sign in."""
        raise AuthError(
            422, "provider_disabled", "Not supported by the embedded server: use hosted Supabase"
        )

    async def _by_password(self, request: Request, body: dict[str, Any]) -> Session:
        email, password = _text(body, "email"), _text(body, "password")
        async with self._database.transaction(ADMIN) as cursor:
            row = await (await cursor.execute(_BY_EMAIL, (email,))).fetchone()
        # Checked for unknown addresses too, so that the time taken says nothing.
        stored = row["encrypted_password"] if row else None
        correct = await self._passwords.matches(password, stored)
        if row is None or not correct:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        async with self._database.transaction(ADMIN) as cursor:
            agent = headers_of(request).get("user-agent")
            return await self._sessions.start(cursor, row["id"], "password", agent)

    async def _by_one_time_token(self, request: Request, body: dict[str, Any]) -> Session:
        kinds = _TOKEN_TYPES.get(str(body.get("type")))
        token = body.get("token_hash")
        if kinds is None or not isinstance(token, str) or not token:
            raise AuthError(400, "validation_failed", "Verify requires a type and a token_hash")
        async with self._database.transaction(ADMIN) as cursor:
            found = await cursor.execute(_USE_ONE_TIME_TOKEN, (sha256(token), kinds))
            row = await found.fetchone()
            if row is None:
                raise AuthError(403, "otp_expired", "Email link is invalid or has expired")
            agent = headers_of(request).get("user-agent")
            return await self._sessions.start(cursor, row["user_id"], "otp", agent)

    async def _change(self, user_id: str, session_id: str, body: dict[str, Any]) -> None:
        if body.get("email") or body.get("phone"):
            raise AuthError(422, "provider_disabled", "The address cannot be changed locally")
        data = body.get("data")
        if data is not None and not isinstance(data, dict):
            raise AuthError(400, "validation_failed", "data must be an object")
        password = _text(body, "password") if body.get("password") else None
        hashed = await self._new_password(user_id, password) if password else None
        async with self._database.transaction(ADMIN) as cursor:
            if hashed:
                await cursor.execute(_SET_PASSWORD, (hashed, user_id))
                await cursor.execute(_END_OTHERS, (user_id, session_id))
            if data:
                removed = [name for name, value in data.items() if value is None]
                await cursor.execute(_SET_DATA, (Jsonb(data), removed, user_id))

    async def _new_password(self, user_id: str, password: str) -> str:
        if not len(password) >= _MIN_PASSWORD or len(password.encode()) > 72:
            message = f"Password should be at least {_MIN_PASSWORD} and at most 72 characters"
            reasons = {"weak_password": {"reasons": ["length"]}}
            raise AuthError(422, "weak_password", message, more=reasons)
        async with self._database.transaction(ADMIN) as cursor:
            row = await (await cursor.execute(_OWN_PASSWORD, (user_id,))).fetchone()
        old = row and row["encrypted_password"]
        if old and await self._passwords.matches(password, old):
            raise AuthError(422, "same_password", "New password should be different from the old")
        return await self._passwords.hash(password)

    def _check_key(self, request: Request) -> None:
        headers = headers_of(request)
        key = headers.get("apikey") or request.query_params.get("apikey")
        if key is None:
            raise AuthError(401, "no_authorization", "No API key found in request")
        try:
            self._gatekeeper.by_api_key(key)
        except ApiError as error:
            raise AuthError(401, "no_authorization", error.message) from error

    def _signed_in(self, request: Request) -> Identity:
        scheme, _, token = headers_of(request).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            message = "This endpoint requires a valid Bearer token"
            raise AuthError(401, "no_authorization", message)
        try:
            caller = self._gatekeeper.by_token(token.strip())
        except ApiError as error:
            raise AuthError(403, "bad_jwt", f"invalid JWT: {error.message}") from error
        if not (_is_uuid(caller.user_id) and _is_uuid(caller.session_id)):
            raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
        return caller


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise AuthError(400, "validation_failed", f"{name} is missing")
    return value


def _is_uuid(text: str | None) -> bool:
    try:
        return text is not None and bool(uuid.UUID(text))
    except ValueError:
        return False


def _own_page(request: Request, wanted: str | None) -> str:
    """Return where to send the browser: a page of this server, whatever the link says."""
    origin = f"http://{headers_of(request)['host']}"
    return wanted if wanted and wanted.startswith(f"{origin}/") else f"{origin}/"
