"""Where this device sends to and how it says who it is. The token is shown to nobody."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from claude_code_tracer.errors import ConfigError, SignedOut
from claude_code_tracer.paths import Home

__all__ = ["Credentials", "read_credentials"]

_MEMBERS = ("url", "publishable_key", "device_token")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The only thing in which the embedded server, hosted and self-hosted Supabase differ."""

    url: str
    """Base address, such as http://127.0.0.1:8420, without a slash at its end."""
    publishable_key: str
    device_token: str = field(repr=False)


def read_credentials(home: Home) -> Credentials:
    """Read `credentials.json` of the data folder.

    SignedOut when there is none, ConfigError when it is not what `login` writes.
    """
    path = home.credentials
    try:
        content = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError as exc:
        raise SignedOut(f"there is no {path}: run `claude-tracer login`") from exc
    except OSError as exc:
        raise ConfigError(f"cannot read {path} ({exc.strerror}): make it readable for you") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} is not JSON: run `claude-tracer login` again") from exc
    values = content if isinstance(content, dict) else {}
    missing = [name for name in _MEMBERS if not _is_header_text(values.get(name))]
    if missing:
        raise ConfigError(f"{path} lacks {', '.join(missing)}: run `claude-tracer login` again")
    if not values["url"].startswith(("http://", "https://")):
        raise ConfigError(f"url in {path} must begin with http:// or https://")
    return Credentials(values["url"].rstrip("/"), values["publishable_key"], values["device_token"])


def _is_header_text(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value)
