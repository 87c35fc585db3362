"""Send one batch to `api.ingest` and bring back the answer. Decides nothing, retries nothing."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from claude_code_tracer import __version__
from claude_code_tracer.clock import Clock
from claude_code_tracer.errors import ConfigError, ServerUnavailable
from claude_code_tracer.ship.classify import Answer, Refusal
from claude_code_tracer.ship.credentials import Credentials

__all__ = ["TIMEOUT", "IngestClient"]

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
"""Ours, never the library's own defaults (L12)."""
_DIRECT = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}
"""A proxy of the environment is for hosted servers, never for this machine."""
_ANSWER_MAX_BYTES = 1_000_000
_PATH = "/rest/v1/rpc/ingest"


class _Body(msgspec.Struct):
    """The two shapes of an answer: an ingest result, or PostgREST's error."""

    accepted: int | None = None
    refused: list[dict[str, str | int]] = []
    code: str | None = None


class IngestClient:
    """A kept-alive connection for one device; close it after use, or use it in `with`.

    `load` is asked for the credentials when they are first needed and after a 401, so that a
    device that is not signed in can go on collecting.
    """

    def __init__(
        self,
        load: Callable[[], Credentials],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._load = load
        self._clock = clock
        self._transport = transport
        self._credentials: Credentials | None = None
        self._is_doubtful = False
        self._http = self._connected()

    def __enter__(self) -> IngestClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def reconnect(self) -> None:
        """Trust no open connection any more, from the next request on; any thread may call it."""
        self._is_doubtful = True

    def refresh(self) -> bool:
        """Read the credentials again; True when they are others than before."""
        before, self._credentials = self._credentials, self._load()
        return before != self._credentials

    def send(self, body: bytes) -> Answer:
        """POST `body` to the ingest function.

        Raises ServerUnavailable when there was no whole answer (whether the server did the work is
        then unknown), ConfigError when the address or certificate cannot be right, and what `load`
        raises. No message holds the token or the address's credentials.
        """
        credentials = self._credentials or self._load()
        self._credentials = credentials
        if self._is_doubtful:
            self._is_doubtful = False
            self._http.close()
            self._http = self._connected()
        host = credentials.url.rpartition("@")[2]
        try:
            with self._http.stream(
                "POST", credentials.url + _PATH, content=body, headers=_headers(credentials)
            ) as response:
                content = _read_some(response)
        except httpx.TransportError as exc:
            if _is_certificate_error(exc):
                raise ConfigError(f"cannot trust the certificate of {host}: check the url") from exc
            raise ServerUnavailable(f"no answer from {host} ({type(exc).__name__})") from exc
        except httpx.HTTPError as exc:  # a body that cannot be decoded
            raise ServerUnavailable(f"a broken answer from {host} ({type(exc).__name__})") from exc
        except httpx.InvalidURL as exc:
            raise ConfigError("url in the credentials is malformed: log in again") from exc
        return _answer(response, content, self._clock.now())

    def _connected(self) -> httpx.Client:
        return httpx.Client(
            timeout=TIMEOUT, transport=self._transport, mounts=_DIRECT, follow_redirects=False
        )


def _headers(credentials: Credentials) -> dict[str, str]:
    return {
        "apikey": credentials.publishable_key,
        "X-Device-Token": credentials.device_token,
        "Content-Profile": "api",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": f"claude-tracer/{__version__}",
    }


def _read_some(response: httpx.Response) -> bytes:
    content = b""
    for piece in response.iter_bytes():
        content += piece
        if len(content) > _ANSWER_MAX_BYTES:
            raise httpx.ReadError("too long", request=response.request)
    return content


def _answer(response: httpx.Response, content: bytes, now: datetime) -> Answer:
    after_s = _retry_after_s(response.headers.get("Retry-After"), now)
    if "json" not in response.headers.get("Content-Type", ""):
        return Answer(response.status_code, retry_after_s=after_s)
    try:
        body = msgspec.json.decode(content, type=_Body)
        refused = tuple(_refusal(row) for row in body.refused)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return Answer(response.status_code, retry_after_s=after_s)
    return Answer(response.status_code, body.code, body.accepted, refused, after_s)


def _refusal(row: dict[str, str | int]) -> Refusal:
    return Refusal(str(row["list"]), int(row["index"]), str(row["reason"]))


def _retry_after_s(value: str | None, now: datetime) -> float | None:
    """Read `Retry-After`, which is seconds or a date (F70)."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _is_certificate_error(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
