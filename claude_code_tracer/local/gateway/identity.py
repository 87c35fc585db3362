"""Who is calling: from the API key and the bearer token to a database role and its claims."""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.local.gateway.tokens import InvalidToken, TokenExpired, Tokens
from claude_code_tracer.local.keys import Keys

__all__ = ["Gatekeeper", "Identity"]

_ROLES = frozenset({"anon", "authenticated", "service_role"})
_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller: the role the database plays for it and the claims that policies see."""

    role: str
    claims: str
    """JSON text for `request.jwt.claims`."""
    expires_at: float | None = None
    user_id: str | None = None
    session_id: str | None = None

    @property
    def anonymous(self) -> bool:
        return self.role == "anon"


class Gatekeeper:
    """Recognises callers; verified tokens are remembered, since checking one is slow."""

    def __init__(self, keys: Keys, tokens: Tokens, now: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._now = now
        self._by_key = {
            keys.publishable: Identity("anon", '{"role":"anon"}'),
            keys.secret: Identity("service_role", '{"role":"service_role"}'),
        }
        self._known: OrderedDict[str, Identity] = OrderedDict()

    def caller(self, headers: Mapping[str, str]) -> Identity:
        """Return who sends a request with these (lower-case) headers; ApiError 401 when unclear."""
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        key = headers.get("apikey")
        by_key = self.by_api_key(key) if key is not None else None
        if by_key and by_key.role == "service_role" and "sec-fetch-site" in headers:
            raise ApiError(401, "PGRST301", "Forbidden use of secret API key in browser")
        if scheme.lower() != "bearer":
            if by_key is None:
                raise ApiError(401, "PGRST302", "No API key found in request")
            return by_key
        return self.by_token(credential.strip())

    def by_token(self, token: str) -> Identity:
        """Return who a bearer token or an API key in its place stands for."""
        if token.startswith("sb_"):
            # Signed out, both official clients send the API key here as well.
            return self.by_api_key(token)
        known = self._known.get(token) or self._remember(token)
        if known.expires_at is not None and known.expires_at <= self._now():
            self._known.pop(token, None)
            raise ApiError(401, "PGRST303", "JWT expired")
        return known

    def by_api_key(self, key: str) -> Identity:
        """Return whom an API key stands for; ApiError 401 for any but ours."""
        for ours, identity in self._by_key.items():
            if hmac.compare_digest(ours.encode(), key.encode()):
                return identity
        raise ApiError(401, "PGRST301", "Invalid API key")

    def _remember(self, token: str) -> Identity:
        try:
            claims = self._tokens.verify(token)
        except TokenExpired as exc:
            raise ApiError(401, "PGRST303", str(exc)) from exc
        except InvalidToken as exc:
            raise ApiError(401, "PGRST301", str(exc)) from exc
        role = claims.get("role", "anon")
        if not isinstance(role, str) or role not in _ROLES:
            raise ApiError(401, "PGRST301", "The role of the JWT does not exist")
        identity = Identity(
            role,
            orjson.dumps(claims).decode(),
            float(claims["exp"]),
            claims.get("sub"),
            claims.get("session_id"),
        )
        self._known[token] = identity
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return identity
