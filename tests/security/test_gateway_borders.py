"""S40-S43, S28: who may talk to the server on 127.0.0.1, and which files it gives away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets

from tests.contract import harness
from tests.contract.harness import Gateway

ROUTES = [
    "/",
    "/index.html",
    "/assets/app-abc123.js",
    "/config.json",
    "/health",
    "/rest/v1/",
    "/rest/v1/sessions",
    "/rest/v1/rpc/ingest",
    "/auth/v1/user",
    "/auth/v1/verify",
    "/auth/v1/.well-known/jwks.json",
    "/realtime/v1/websocket",
    "/realtime/v1/api/broadcast",
    "/functions/v1/device-session",
    "/functions/v1/anything",
    "/no/such/page",
]
SECRET = "not for the web"


def nowhere(user: str) -> str:
    return "host=/nonexistent user=authenticator dbname=postgres"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    root = tmp_path_factory.mktemp("borders")
    dist = root / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>start</title>")
    (dist / "assets" / "app-abc123.js").write_text("export {};")
    (root / "secret.txt").write_text(SECRET)
    (root / "dist-private").mkdir()
    (root / "dist-private" / "secret.txt").write_text(SECRET)
    (dist / "link.txt").symlink_to(root / "secret.txt")
    (dist / "folder").symlink_to(root)
    (dist / "loop").symlink_to(dist / "loop")
    with harness.gateway(nowhere, root / "home", "--dashboard", str(dist)) as gateway:
        yield gateway


def raw(gateway: Gateway, request: str) -> str:
    """Send bytes as no client would, asking for the connection to end; return the whole answer."""
    head, _, body = request.partition("\r\n\r\n")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(f"{head}\r\nConnection: close\r\n\r\n{body}".encode("latin-1"))
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.decode("latin-1")


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_other_host_names_are_refused(gateway: Gateway, path: str, method: str) -> None:
    port = gateway.port
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1:{port + 1}",
        f"127.0.0.1.evil.example:{port}",
        f"localhost.:{port}",
        f"0.0.0.0:{port}",
        "",
    ):
        assert status(raw(gateway, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")) == 403
    two = f"Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"
    assert status(raw(gateway, f"{method} {path} HTTP/1.1\r\n{two}\r\n")) in (400, 403)
    assert status(raw(gateway, f"{method} {path} HTTP/1.0\r\n\r\n")) in (400, 403)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_own_host_names_are_served(gateway: Gateway, name: str) -> None:
    request = f"GET /health HTTP/1.1\r\nHost: {name}:{gateway.port}\r\n\r\n"
    assert status(raw(gateway, request)) == 200


@pytest.mark.parametrize("path", ROUTES)
def test_pages_of_other_sites_are_refused(gateway: Gateway, path: str) -> None:
    port = gateway.port
    for origin in (
        "http://evil.example",
        "null",
        f"https://127.0.0.1:{port}",
        "http://127.0.0.1",
        f"http://127.0.0.1:{port + 1}",
        f"http://localhost:{port}.evil.example",
    ):
        with httpx.Client(headers={"Origin": origin}) as client:
            for method in ("GET", "POST", "OPTIONS"):
                answer = client.request(method, gateway.url + path)
                assert answer.status_code == 403
                assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_other_sites_open_no_websocket(gateway: Gateway, origin: str) -> None:
    url = f"ws://127.0.0.1:{gateway.port}/realtime/v1/websocket?apikey={gateway.keys.publishable}"

    async def test() -> None:
        own = f"http://localhost:{gateway.port}"
        async with websockets.connect(url, origin=websockets.Origin(own)):
            pass
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url, origin=websockets.Origin(origin))
        assert refused.value.response.status_code == 403

    asyncio.run(test())


def test_own_pages_may_call_and_preflight(gateway: Gateway) -> None:
    origin = f"http://localhost:{gateway.port}"
    wanted = {"Origin": origin, "Access-Control-Request-Headers": "apikey, x-client-info"}
    answer = httpx.options(f"{gateway.url}/rest/v1/sessions", headers=wanted)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-headers"] == "apikey, x-client-info"
    assert "Content-Range" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_embed_nothing_but_may_link(gateway: Gateway, site: str) -> None:
    embedded = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert httpx.get(f"{gateway.url}/config.json", headers=embedded).status_code == 403
    linked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    assert httpx.get(gateway.url, headers=linked).status_code == 200
    assert httpx.post(gateway.url, headers=linked).status_code == 403


def test_secret_keys_do_not_work_in_browsers(gateway: Gateway) -> None:
    headers = {"apikey": gateway.keys.secret, "Sec-Fetch-Site": "same-origin"}
    assert httpx.get(f"{gateway.url}/rest/v1/sessions", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/../dist-private/secret.txt",
        "/link.txt",
        "/folder/secret.txt",
        "/loop",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/index.html%00.js",
        "/assets",
        "/" + "a" * 5000,
    ],
)
def test_nothing_outside_the_dashboard_is_read(gateway: Gateway, path: str) -> None:
    host = f"Host: 127.0.0.1:{gateway.port}\r\n"
    answer = raw(gateway, f"GET {path} HTTP/1.1\r\n{host}\r\n")
    assert status(answer) in (400, 404)
    assert SECRET not in answer and "root:" not in answer


def test_files_and_pages(gateway: Gateway) -> None:
    start = httpx.get(gateway.url, headers={"Accept": "text/html"})
    assert "<title>start" in start.text
    assert start.headers["cache-control"] == "no-cache"
    page = httpx.get(f"{gateway.url}/sessions/1?x=y", headers={"Accept": "text/html,*/*"})
    assert page.text == start.text
    script = httpx.get(f"{gateway.url}/assets/app-abc123.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    missing = httpx.get(f"{gateway.url}/assets/app-gone.js")
    assert (missing.status_code, missing.text) == (404, "Not found\n")
    for api in ("rest", "auth", "functions", "realtime", "storage"):
        answer = httpx.get(f"{gateway.url}/{api}/v1/a/b/c", headers={"Accept": "text/html"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.status_code >= 400
    assert httpx.post(gateway.url).status_code == 405


def test_headers_keep_content_in_its_place(gateway: Gateway) -> None:
    start = httpx.get(gateway.url, headers={"Accept": "text/html"})
    policy = start.headers["content-security-policy"]
    for rule in (
        "default-src 'self'",
        "img-src 'self' data:",
        f"connect-src 'self' ws://127.0.0.1:{gateway.port}",
        "style-src 'self'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ):
        assert rule in policy
    assert "unsafe" not in policy and "*" not in policy
    for path in ("/", "/health", "/rest/v1/x", "/nothing.js"):
        answer = httpx.get(gateway.url + path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers


def test_a_missing_dashboard_is_explained(tmp_path: Path) -> None:
    options = ("--dashboard", str(tmp_path / "none"))
    with harness.gateway(nowhere, tmp_path / "home", *options) as gateway:
        answer = httpx.get(gateway.url, headers={"Accept": "text/html"})
        assert (answer.status_code, "not built" in answer.text) == (200, True)
        assert httpx.get(f"{gateway.url}/x.js").status_code == 404


def test_bodies_are_limited(gateway: Gateway) -> None:
    url = f"{gateway.url}/rest/v1/rpc/ingest"
    headers = {"apikey": gateway.keys.publishable, "Content-Type": "application/json"}
    limit = 32 * 1024 * 1024
    host = f"Host: 127.0.0.1:{gateway.port}\r\n"
    declared = f"POST /rest/v1/rpc/ingest HTTP/1.1\r\n{host}Content-Length: {limit + 1}\r\n\r\n"
    assert status(raw(gateway, declared)) == 413

    def parts() -> Iterator[bytes]:
        for _ in range(limit // 65536 + 1):
            yield b" " * 65536

    # Without a length, as it arrives. PostgreSQL is not asked for what is too large.
    answer = httpx.post(
        f"{gateway.url}/auth/v1/token?grant_type=password", headers=headers, content=parts()
    )
    assert (answer.status_code, set(answer.json())) == (413, {"code", "error_code", "msg"})
    assert httpx.post(url, headers=headers, content=b"{}").status_code == 503
