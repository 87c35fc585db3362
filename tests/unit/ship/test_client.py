from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import ConfigError, ServerUnavailable, SignedOut
from claude_code_tracer.ship.classify import Answer, Refusal
from claude_code_tracer.ship.client import IngestClient
from claude_code_tracer.ship.credentials import Credentials

CREDENTIALS = Credentials("https://example.org", "pk", "ctd_secret")
Handler = Callable[[httpx.Request], httpx.Response]


def _ask(handler: Handler, load: Callable[[], Credentials] = lambda: CREDENTIALS) -> Answer:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    with IngestClient(load, clock, httpx.MockTransport(handler)) as client:
        return client.send(b'{"batch":{}}')


def test_posts_to_the_function_as_this_device() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        refused = [{"list": "messages", "index": 1, "reason": "role is unknown"}]
        return httpx.Response(200, json={"accepted": 2, "changed_sessions": 1, "refused": refused})

    answer = _ask(handler)
    assert answer == Answer(200, None, 2, (Refusal("messages", 1, "role is unknown"),))
    (request,) = seen
    assert (request.method, str(request.url)) == (
        "POST",
        "https://example.org/rest/v1/rpc/ingest",
    )
    assert request.content == b'{"batch":{}}'
    expected = {
        "apikey": "pk",
        "x-device-token": "ctd_secret",
        "content-profile": "api",
        "content-type": "application/json",
    }
    assert {name: request.headers[name] for name in expected} == expected


def test_reads_the_code_of_an_error() -> None:
    body = {"code": "22P05", "message": "contains a transcript", "details": None, "hint": None}
    assert _ask(lambda _: httpx.Response(500, json=body)) == Answer(500, "22P05")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"}),
        httpx.Response(200, text="nonsense", headers={"Content-Type": "application/json"}),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"accepted": "many"}),
        httpx.Response(200, json={"accepted": 1, "refused": [{"list": "messages"}]}),
        httpx.Response(204),
    ],
)
def test_what_is_no_ingest_result_counts_nothing(response: httpx.Response) -> None:
    answer = _ask(lambda _: response)
    assert (answer.accepted, answer.code, answer.refused) == (None, None, ())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("\u00b2", None),
        ("9" * 400, float("inf")),
        ("Thu, 01 Jan 2026 00:01:00 +99999999999999999999", None),
        ("Thu, 01 Jan 99999 00:01:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 251_635_161_539.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("99999999999", 99999999999.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, expected: float | None) -> None:
    headers = [(b"Retry-After", value.encode("latin-1"))]
    answer = _ask(lambda _: httpx.Response(429, headers=headers))
    assert answer == Answer(429, retry_after_s=expected)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError]
)
def test_no_answer_is_told_without_the_token(error: type[httpx.TransportError]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("ctd_secret", request=request)

    with pytest.raises(ServerUnavailable, match=r"example\.org") as caught:
        _ask(handler)
    assert "secret" not in str(caught.value)


def test_endless_answer_is_not_read() -> None:
    with pytest.raises(ServerUnavailable):
        _ask(lambda _: httpx.Response(200, content=(b"x" * 100_000 for _ in range(50))))


def test_broken_compression_is_no_answer() -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    with pytest.raises(ServerUnavailable):
        _ask(lambda _: httpx.Response(200, content=iter([b"not gzip"]), headers=headers))


def test_untrusted_certificate_needs_a_person() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        try:
            raise ssl.SSLCertVerificationError("self-signed")
        except ssl.SSLError as exc:
            raise httpx.ConnectError("tls", request=request) from exc

    with pytest.raises(ConfigError, match="certificate"):
        _ask(handler)


def test_malformed_address_needs_a_person() -> None:
    with pytest.raises(ConfigError):
        _ask(lambda _: httpx.Response(200), lambda: Credentials("http://x:port", "pk", "t"))


def test_redirect_is_not_followed() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "example.org"
        return httpx.Response(307, headers={"Location": "https://evil.example/"})

    assert _ask(handler).status == 307


def test_credentials_are_read_when_needed_and_again_when_asked() -> None:
    tokens = ["one", "one", "two"]

    def load() -> Credentials:
        if not tokens:
            raise SignedOut("gone")
        return Credentials("https://example.org", "pk", tokens.pop(0))

    sent: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["x-device-token"])
        return httpx.Response(200)

    with IngestClient(load, FakeClock(), httpx.MockTransport(handler)) as client:
        client.send(b"{}")
        client.send(b"{}")
        assert not client.refresh()
        assert client.refresh()
        client.send(b"{}")
        with pytest.raises(SignedOut):
            client.refresh()
    assert sent == ["one", "one", "two"]
