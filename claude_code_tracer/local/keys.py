"""The keys of the embedded server: two API keys and the key that signs sessions.

They are made once, on the first start, and never leave the data folder. The formats are Supabase's:
`sb_publishable_...` and `sb_secret_...`, and a private ES256 JSON Web Key as `supabase gen
signing-key` prints it.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.paths import Home, unusable, write_private_file

__all__ = ["Keys", "ensure_keys"]

_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "kid")


@dataclass(frozen=True, slots=True)
class Keys:
    """What the embedded server signs and recognises; never part of a log line or an answer."""

    publishable: str
    secret: str = field(repr=False)
    private_jwk: dict[str, str] = field(repr=False)

    @property
    def kid(self) -> str:
        return self.private_jwk["kid"]

    @property
    def public_jwk(self) -> dict[str, object]:
        """The half of the signing key that anybody may know."""
        public: dict[str, object] = {name: self.private_jwk[name] for name in _PUBLIC_MEMBERS}
        return public | {"alg": "ES256", "use": "sig", "key_ops": ["verify"], "ext": True}


def ensure_keys(home: Home) -> Keys:
    """Return the keys of this data folder, made now if there are none.

    Safe to call from two processes at once: both get the same keys. Raises ConfigError naming the
    file when it is damaged or open to other users.
    """
    signing = _read_or_create(home.signing_key, _new_signing_key)
    api = _read_or_create(home.signing_key.with_name("api-keys.json"), _new_api_keys)
    _check(home.signing_key, signing, required=(*_PUBLIC_MEMBERS, "d"))
    if (signing["kty"], signing["crv"]) != ("EC", "P-256"):
        raise _damaged(home.signing_key, "it is not an ES256 key")
    _check(home.signing_key.with_name("api-keys.json"), api, required=("publishable", "secret"))
    return Keys(api["publishable"], api["secret"], signing)


def _read_or_create(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    try:
        if not path.exists():
            _create(path, json.dumps(make()).encode())
        mode = path.stat().st_mode
        content = json.loads(path.read_bytes())
    except OSError as exc:
        raise unusable(exc, f"cannot read or write {path}", "check its owner") from exc
    except ValueError as exc:
        raise _damaged(path, "it is not JSON") from exc
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(f"{path} is open to other users: run chmod 600 on it")
    if not isinstance(content, dict):
        raise _damaged(path, "it is not a JSON object")
    return content


def _create(path: Path, content: bytes) -> None:
    """Put `content` at `path` unless another process was first; never a half-written file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_private_file(draft, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _check(path: Path, content: dict[str, str], *, required: tuple[str, ...]) -> None:
    missing = [n for n in required if not (isinstance(content.get(n), str) and content[n])]
    if missing:
        raise _damaged(path, f"{', '.join(missing)} missing")


def _damaged(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path} is damaged ({why}): restore it from a backup, or delete it to get a new one "
        "(browsers then have to sign in again)"
    )


def _new_api_keys() -> dict[str, str]:
    return {
        "publishable": f"sb_publishable_{secrets.token_urlsafe(24)}",
        "secret": f"sb_secret_{secrets.token_urlsafe(24)}",
    }


def _new_signing_key() -> dict[str, str]:
    # Needed on the first start only, and slow to import.
    from cryptography.hazmat.primitives.asymmetric import ec

    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    return {
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "kid": str(uuid.uuid4()),
        "x": _base64url(public.x),
        "y": _base64url(public.y),
        "d": _base64url(numbers.private_value),
    }


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
