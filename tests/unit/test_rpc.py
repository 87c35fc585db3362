"""The light client against a real socket: what it sends, and how each failure is named."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from claude_code_tracer.errors import ServerUnavailable, SignedOut, TracerError
from claude_code_tracer.rpc import Server
from claude_code_tracer.ship.credentials import Credentials
from tests.faults.scripted_server import Step, scripted

SESSION = Step("status", status=200, body={"access_token": "jwt", "expires_in": 3600})


def server(url: str) -> Server:
    return Server(Credentials(url, "pk", "ctd_secret"), timeout_s=2)


def answer(body: Any, status: int = 200) -> Step:
    return Step("status", status=status, body=body)


def test_the_token_is_exchanged_once_and_the_connection_kept() -> None:
    with (
        scripted(SESSION, answer([{"calls": 1}]), answer([{"id": "w"}])) as scene,
        server(scene.url) as asked,
    ):
        assert json.loads(asked.call("get_usage", {"dimensions": ["day"]})) == [{"calls": 1}]
        assert json.loads(asked.select("workspaces", select="id,name")) == [{"id": "w"}]
        exchange, call, select = scene.requests
        assert scene.connections == 1
    assert exchange[":line"].startswith("POST /functions/v1/device-session ")
    assert exchange["x-device-token"] == "ctd_secret"
    assert call[":line"].startswith("POST /rest/v1/rpc/get_usage ")
    assert (call["authorization"], call["apikey"]) == ("Bearer jwt", "pk")
    assert call["content-profile"] == select["accept-profile"] == "api"
    assert "x-device-token" not in call
    assert select[":line"].startswith("GET /rest/v1/workspaces?select=id%2Cname ")


def test_the_exchange_says_who_is_asking() -> None:
    body = {"access_token": "jwt", "user": {"id": "someone", "email": None}}
    with scripted(answer(body), answer([]), SESSION) as scene:
        with server(scene.url) as asked:
            assert asked.user_id == asked.user_id == "someone"
            asked.call("get_usage", {})
        assert len(scene.requests) == 2
        with server(scene.url) as asked, pytest.raises(ServerUnavailable, match="whose device"):
            _ = asked.user_id


def test_a_server_below_a_path_is_reached() -> None:
    with scripted(SESSION, answer([])) as scene, server(f"{scene.url}/base") as asked:
        asked.call("get_usage", {})
        assert [r[":line"].split()[1] for r in scene.requests] == [
            "/base/functions/v1/device-session",
            "/base/rest/v1/rpc/get_usage",
        ]


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ([answer({}, 401)], SignedOut, "does not know this device"),
        ([answer({}, 500)], ServerUnavailable, "answered 500"),
        ([answer({})], ServerUnavailable, "gave no session"),
        ([Step("html")], ServerUnavailable, "gave no session"),
        ([Step("reset")], ServerUnavailable, "is it up"),
        ([SESSION, Step("half_close")], ServerUnavailable, "is it up"),
        ([SESSION, answer({}, 503)], ServerUnavailable, "answered 503"),
        ([SESSION, answer({}, 401)], ServerUnavailable, "answered 401"),
        ([SESSION, answer({"code": "22023", "message": "no such zone"}, 400)], TracerError,
         r"\(22023\): no such zone"),
        ([SESSION, answer({"message": 5}, 404)], TracerError, r"\(404\): "),
    ],
)  # fmt: skip
def test_a_failure_is_named(script: list[Step], error: type[TracerError], message: str) -> None:
    with scripted(*script) as scene, server(scene.url) as asked:
        with pytest.raises(error, match=message) as caught:
            asked.call("get_usage", {})
        assert "ctd_secret" not in str(caught.value)


def test_a_silent_server_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Server(Credentials(url, "pk", "t"), timeout_s=0.05) as asked,
            pytest.raises(ServerUnavailable),
        ):
            asked.call("get_usage", {})


def test_nobody_at_the_address() -> None:
    with scripted() as scene:
        url = scene.url
    with server(url) as asked, pytest.raises(ServerUnavailable, match=url):
        asked.call("get_usage", {})
