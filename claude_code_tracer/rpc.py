"""The short way to the server: one kept connection, one exchange of the token, plain answers.

`reads.py` does the same with the official client, whose import alone takes longer (0.3 s) than a
status line may (0.1 s). What must be quick asks here and decodes the answer itself; what wants
views, filters and pages asks there. Both are signed in alike: the device token is exchanged for a
short-lived session of its owner (design D5), never stored.
"""

from __future__ import annotations

import contextlib
import http.client
from types import TracebackType
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from claude_code_tracer.errors import ServerUnavailable, SignedOut, TracerError
from claude_code_tracer.ship.credentials import Credentials

__all__ = ["Server"]

_JSON = "application/json"
_PROFILE = "api"


class _User(msgspec.Struct):
    id: str


class _Session(msgspec.Struct):
    access_token: str
    user: _User | None = None


class _Refusal(msgspec.Struct):
    message: str = ""
    code: str | None = None


class Server:
    """Ask as the owner of this device. A context manager: the connection ends with it.

    Every wait ends after `timeout_s`. Raises SignedOut, ServerUnavailable, or TracerError with
    what the server said.
    """

    def __init__(self, credentials: Credentials, *, timeout_s: float = 30.0) -> None:
        self._credentials = credentials
        address = urlsplit(credentials.url)
        kind = (
            http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(address.hostname or "", address.port, timeout=timeout_s)
        self._path = address.path
        self._session: _Session | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    @property
    def user_id(self) -> str:
        """Who is asking: the owner of this device."""
        user = self._sign_in().user
        if user is None:
            raise ServerUnavailable(f"{self._credentials.url} did not say whose device this is")
        return user.id

    def call(self, function: str, arguments: dict[str, Any]) -> bytes:
        """Return the JSON that `api.<function>` answers."""
        body = msgspec.json.encode(arguments)
        return self._signed_in("POST", f"/rest/v1/rpc/{function}", body)

    def select(self, view: str, **query: str) -> bytes:
        """Return the JSON rows of `api.<view>`; `query` is PostgREST's."""
        return self._signed_in("GET", f"/rest/v1/{view}?{urlencode(query)}", None)

    def _signed_in(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {
            "Authorization": f"Bearer {self._sign_in().access_token}",
            "Accept": _JSON,
            "Content-Type": _JSON,
            "Accept-Profile": _PROFILE,
            "Content-Profile": _PROFILE,
        }
        status, answer = self._send(method, path, headers, body)
        if status == 200:
            return answer
        said = _Refusal()
        with contextlib.suppress(msgspec.DecodeError):
            said = msgspec.json.decode(answer, type=_Refusal)
        if status in (401, 502, 503, 504):
            # F83: a session made a moment ago is refused when two clocks disagree.
            advice = "is this machine's clock right?" if said.code == "PGRST303" else "try again"
            raise ServerUnavailable(f"{self._credentials.url} answered {status}: {advice}")
        raise TracerError(f"the server refused to answer ({said.code or status}): {said.message}")

    def _sign_in(self) -> _Session:
        if self._session is None:
            self._session = self._exchange()
        return self._session

    def _exchange(self) -> _Session:
        headers = {"X-Device-Token": self._credentials.device_token}
        status, answer = self._send("POST", "/functions/v1/device-session", headers, b"")
        if status == 401:
            raise SignedOut(
                "the server does not know this device: restart with `claude-tracer start`"
            )
        if status != 200:
            raise ServerUnavailable(f"{self._credentials.url} answered {status}")
        try:
            return msgspec.json.decode(answer, type=_Session)
        except msgspec.DecodeError as exc:
            raise ServerUnavailable(f"{self._credentials.url} gave no session") from exc

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        headers = {"apikey": self._credentials.publishable_key, **headers}
        try:
            self._connection.request(method, self._path + path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as exc:
            self._connection.close()
            raise ServerUnavailable(f"no answer from {self._credentials.url}: is it up?") from exc
