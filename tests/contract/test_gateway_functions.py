"""Edge functions behind the gateway, with small ones of our own (no network, no packages)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.contract import harness
from tests.contract.harness import Gateway

ECHO = """
export default {
  async fetch(request: Request) {
    const refused = async (attempt: () => unknown) => {
      try { await attempt(); return false } catch { return true }
    };
    const url = new URL(request.url);
    return Response.json({
      method: request.method, path: url.pathname, query: url.search, body: await request.text(),
      header: request.headers.get("x-custom"), base: Deno.env.get("SUPABASE_URL"),
      keys: JSON.parse(Deno.env.get("SUPABASE_JWKS")!).keys.length,
      noNet: await refused(() => fetch("http://192.0.2.1/")),
      noFiles: await refused(() => Deno.readTextFile("/etc/passwd")),
      noEnv: await refused(() => Deno.env.get("HOME")),
      noRun: await refused(() => new Deno.Command("true").output()),
    }, { status: 201, headers: { "x-answer": "yes" } });
  },
};
"""
BROKEN = "throw new Error('at start');"
CONFIG = "[functions.open]\nverify_jwt = false\n"


def nowhere(user: str) -> str:
    return "host=/nonexistent user=authenticator dbname=postgres"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    root = tmp_path_factory.mktemp("functions")
    for name, source in (("open", ECHO), ("closed", ECHO), ("broken", BROKEN), ("_shared", ECHO)):
        (root / "functions" / name).mkdir(parents=True)
        (root / "functions" / name / "index.ts").write_text(source)
    (root / "config.toml").write_text(CONFIG)
    options = ("--functions", str(root / "functions"))
    with harness.gateway(nowhere, root / "home", *options) as gateway:
        yield gateway


def test_a_call_is_passed_on(gateway: Gateway) -> None:
    answer = httpx.post(
        f"{gateway.url}/functions/v1/open/deeper?a=1&b=%20",
        content="text",
        headers={"X-Custom": "kept"},
        timeout=30,
    )
    assert answer.status_code == 201
    assert answer.headers["x-answer"] == "yes"
    assert answer.json() == {
        "method": "POST",
        "path": "/open/deeper",
        "query": "?a=1&b=%20",
        "body": "text",
        "header": "kept",
        "base": gateway.url,
        "keys": 1,
        "noNet": True,
        "noFiles": True,
        "noEnv": True,
        "noRun": True,
    }


def test_a_session_is_needed_unless_the_configuration_says_no(gateway: Gateway) -> None:
    url = f"{gateway.url}/functions/v1/closed"
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {gateway.keys.publishable}"},
    ):
        assert httpx.get(url, headers=headers).status_code == 401
    token = harness.access_token(gateway.keys, None)
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 201


@pytest.mark.parametrize("name", ["unknown", "_shared", "..", "%2e%2e", "OPEN"])
def test_other_names_are_not_found(gateway: Gateway, name: str) -> None:
    assert httpx.get(f"{gateway.url}/functions/v1/{name}").status_code == 404


def test_a_function_that_does_not_start_is_named(gateway: Gateway) -> None:
    token = harness.access_token(gateway.keys, None)
    answer = httpx.get(
        f"{gateway.url}/functions/v1/broken",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "BOOT_ERROR")


def test_a_killed_function_is_started_again(gateway: Gateway) -> None:
    url = f"{gateway.url}/functions/v1/open"
    assert httpx.get(url, timeout=30).status_code == 201
    for child in psutil.Process(gateway.process.pid).children():
        os.kill(child.pid, signal.SIGKILL)
    harness.wait_until(lambda: httpx.get(url, timeout=30).status_code == 201)


@pytest.mark.parametrize("how", ["closed", "killed"])
def test_no_function_outlives_its_gateway(tmp_path: Path, how: str) -> None:
    (tmp_path / "functions" / "open").mkdir(parents=True)
    (tmp_path / "functions" / "open" / "index.ts").write_text(ECHO)
    (tmp_path / "config.toml").write_text(CONFIG)
    options = ("--functions", str(tmp_path / "functions"))
    with harness.gateway(nowhere, tmp_path / "home", *options) as gateway:
        assert httpx.get(f"{gateway.url}/functions/v1/open", timeout=30).status_code == 201
        children = psutil.Process(gateway.process.pid).children()
        assert len(children) == 1
        if how == "killed":
            gateway.process.kill()
            gateway.process.wait()
            harness.wait_until(lambda: not children[0].is_running())
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert gone and not alive
