"""Refresh tokens, one-time tokens and device sessions, request by request."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from tests.contract import harness
from tests.contract.conftest import Stack
from tests.contract.harness import Person


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, headers={"apikey": stack.key}) as client:
        yield client


@pytest.fixture
def person(stack: Stack) -> Person:
    return stack.person()


def sign_in(api: httpx.Client, person: Person) -> dict[str, Any]:
    body = {"email": person.email, "password": harness.PASSWORD}
    answer = api.post("/auth/v1/token?grant_type=password", json=body)
    assert answer.status_code == 200
    session: dict[str, Any] = answer.json()
    return session


def refresh(api: httpx.Client, token: str) -> httpx.Response:
    return api.post("/auth/v1/token?grant_type=refresh_token", json={"refresh_token": token})


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {session['access_token']}"}


def age(owner: psycopg.Connection, seconds: int) -> None:
    """Let time pass for every used token."""
    owner.execute(
        "update auth.refresh_tokens set used_at = used_at - make_interval(secs => %s)", (seconds,)
    )


def test_a_lost_answer_can_be_asked_for_again(
    api: httpx.Client, person: Person, owner: psycopg.Connection
) -> None:
    first = sign_in(api, person)["refresh_token"]
    lost = refresh(api, first).json()["refresh_token"]
    age(owner, 3600)
    again = refresh(api, first)
    assert again.status_code == 200
    assert again.json()["refresh_token"] == lost
    assert refresh(api, lost).status_code == 200


def test_reuse_within_ten_seconds_is_fine(api: httpx.Client, person: Person) -> None:
    first = sign_in(api, person)["refresh_token"]
    second = refresh(api, first).json()["refresh_token"]
    third = refresh(api, second).json()["refresh_token"]
    other = refresh(api, first)
    assert other.status_code == 200
    assert other.json()["refresh_token"] not in (first, second, third)
    assert refresh(api, third).status_code == 200


def test_a_stolen_token_ends_the_session(
    api: httpx.Client, person: Person, owner: psycopg.Connection
) -> None:
    session = sign_in(api, person)
    first = session["refresh_token"]
    second = refresh(api, first).json()["refresh_token"]
    third = refresh(api, second).json()["refresh_token"]
    age(owner, 11)
    stolen = refresh(api, first)
    assert (stolen.status_code, stolen.json()["error_code"]) == (400, "refresh_token_already_used")
    assert refresh(api, third).json()["error_code"] == "refresh_token_not_found"
    user = api.get("/auth/v1/user", headers=bearer(session))
    assert (user.status_code, user.json()["error_code"]) == (403, "session_not_found")


def test_two_callers_with_one_token_get_one_successor(api: httpx.Client, person: Person) -> None:
    first = sign_in(api, person)["refresh_token"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refresh(api, first), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_of_two_callers_one_uses_the_one_time_token(
    api: httpx.Client, person: Person, owner: psycopg.Connection
) -> None:
    token = harness.one_time_token(owner, person)
    body = {"token_hash": token, "type": "magiclink"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/auth/v1/verify", json=body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7


def test_an_old_or_misnamed_one_time_token_is_refused(
    api: httpx.Client, person: Person, owner: psycopg.Connection
) -> None:
    old = harness.one_time_token(owner, person, minutes=-1)
    fresh = harness.one_time_token(owner, person)
    for body, code in (
        ({"token_hash": old, "type": "magiclink"}, "otp_expired"),
        ({"token_hash": fresh, "type": "recovery"}, "otp_expired"),
        ({"token_hash": fresh, "type": "nonsense"}, "validation_failed"),
        ({"type": "magiclink"}, "validation_failed"),
    ):
        assert api.post("/auth/v1/verify", json=body).json()["error_code"] == code


def test_a_followed_link_lands_on_our_own_pages_only(
    api: httpx.Client, stack: Stack, person: Person, owner: psycopg.Connection
) -> None:
    for target, lands in (
        (f"{stack.url}/sessions", f"{stack.url}/sessions#"),
        ("https://evil.example/", f"{stack.url}/#"),
        (f"{stack.url}.evil.example/", f"{stack.url}/#"),
    ):
        token = harness.one_time_token(owner, person)
        params = {"token": token, "type": "magiclink", "redirect_to": target}
        answer = api.get("/auth/v1/verify", params=params)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"{lands}access_token=")
    spent = api.get("/auth/v1/verify", params=params)
    assert "error_code=otp_expired" in spent.headers["location"]


def test_logout_scopes(api: httpx.Client, person: Person) -> None:
    one, two, three = (sign_in(api, person) for _ in range(3))

    def alive() -> list[bool]:
        answers = (api.get("/auth/v1/user", headers=bearer(s)) for s in (one, two, three))
        return [answer.status_code == 200 for answer in answers]

    assert api.post("/auth/v1/logout?scope=local", headers=bearer(one)).status_code == 204
    assert alive() == [False, True, True]
    assert api.post("/auth/v1/logout?scope=others", headers=bearer(two)).status_code == 204
    assert alive() == [False, True, False]
    assert api.post("/auth/v1/logout", headers=bearer(two)).status_code == 204
    assert alive() == [False, False, False]


def test_a_device_gets_a_session_of_its_owner(api: httpx.Client, person: Person) -> None:
    url = "/functions/v1/device-session"
    session = api.post(url, headers={"X-Device-Token": person.device_token}).json()
    assert session["user"]["id"] == person.id
    assert api.get("/auth/v1/user", headers=bearer(session)).json()["id"] == person.id
    assert refresh(api, session["refresh_token"]).status_code == 200
    for headers in ({}, {"X-Device-Token": "ctd_unknown"}):
        refused = api.post(url, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "PT401")


def test_a_banned_user_cannot_come_back(
    api: httpx.Client, person: Person, owner: psycopg.Connection
) -> None:
    session = sign_in(api, person)
    owner.execute(
        "update auth.users set banned_until = now() + interval '1 day' where id = %s", (person.id,)
    )
    for answer in (
        refresh(api, session["refresh_token"]),
        api.post("/functions/v1/device-session", headers={"X-Device-Token": person.device_token}),
    ):
        assert answer.status_code == 400


def test_metadata_is_merged_and_null_removes(api: httpx.Client, person: Person) -> None:
    headers = bearer(sign_in(api, person))
    api.put("/auth/v1/user", headers=headers, json={"data": {"a": 1, "b": {"c": None}}})
    answer = api.put("/auth/v1/user", headers=headers, json={"data": {"a": None, "d": 2}})
    assert answer.json()["user_metadata"] == {"b": {"c": None}, "d": 2}
    refused = api.put("/auth/v1/user", headers=headers, json={"email": "other@example.test"})
    assert refused.status_code == 422


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"email": 1, "password": "x"}', b""])
def test_malformed_bodies_are_refused(api: httpx.Client, body: bytes) -> None:
    answer = api.post("/auth/v1/token?grant_type=password", content=body)
    assert answer.status_code == 400
