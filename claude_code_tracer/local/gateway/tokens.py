"""Access tokens: ES256 JSON Web Tokens with a key id, as hosted Supabase signs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from claude_code_tracer.local.keys import Keys

__all__ = ["InvalidToken", "TokenExpired", "Tokens"]

_ALGORITHM = "ES256"


class InvalidToken(Exception):
    """A token is not one of ours; the message is fit for the caller."""


class TokenExpired(InvalidToken):
    """A token was one of ours, once."""


class Tokens:
    """Signs and checks access tokens with one key."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._signer: Any = None

    def jwks(self) -> bytes:
        """Return the public key set that clients verify our tokens with."""
        return orjson.dumps({"keys": [self._keys.public_jwk]})

    def warm_up(self) -> None:
        """Load what signing needs; slow, so done after the server answers. Any thread may call."""
        self._key()

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return a signed token that says `claims`."""
        import jwt

        headers = {"kid": self._keys.kid}
        return jwt.encode(dict(claims), self._key().key, algorithm=_ALGORITHM, headers=headers)

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a token; InvalidToken when it is not ours or has expired."""
        import jwt

        try:
            # The algorithm is pinned: a token cannot choose `none` or an HMAC over the public key.
            if jwt.get_unverified_header(token).get("kid") != self._keys.kid:
                raise InvalidToken("No suitable key was found to decode the JWT")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key().key.public_key(),
                algorithms=[_ALGORITHM],
                options={"require": ["exp"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError as exc:
            raise TokenExpired("JWT expired") from exc
        except jwt.PyJWTError as exc:
            raise InvalidToken("JWT cannot be verified") from exc
        return claims

    def _key(self) -> Any:
        if self._signer is None:
            import jwt

            self._signer = jwt.PyJWK.from_dict(self._keys.private_jwk, algorithm=_ALGORITHM)
        return self._signer
