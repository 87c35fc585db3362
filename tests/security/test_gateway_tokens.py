"""Which tokens and keys open the gateway: only ours, only unaltered, only while they are valid."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from claude_code_tracer.local.keys import Keys
from tests.contract import harness
from tests.contract.harness import Gateway, Person

PERSON = Person("00000000-0000-4000-8000-000000000001", "a@example.test", "")


def nowhere(user: str) -> str:
    return "host=/nonexistent user=authenticator dbname=postgres"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tokens")


@pytest.fixture(scope="module")
def gateway(root: Path) -> Iterator[Gateway]:
    with harness.gateway(nowhere, root / "home") as gateway:
        yield gateway


def code(gateway: Gateway, token: str, **headers: str) -> tuple[int, str]:
    sent = {"apikey": gateway.keys.publishable, "Authorization": f"Bearer {token}", **headers}
    answer = httpx.get(f"{gateway.url}/rest/v1/sessions", headers=sent)
    return answer.status_code, answer.json()["code"]


# There is no database behind this gateway: whoever is let in gets as far as 503.
LET_IN = (503, "PGRST000")


def part(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(keys: Keys) -> dict[str, str]:
    claims = {"sub": PERSON.id, "role": "service_role", "exp": int(time.time()) + 600}
    good = harness.access_token(keys, PERSON)
    head, body, signature = good.split(".")
    payload = json.loads(base64.urlsafe_b64decode(body + "=="))
    other_key: Any = ec.generate_private_key(ec.SECP256R1())
    public = json.dumps(keys.public_jwk).encode()
    hs_head = {"alg": "HS256", "kid": keys.kid, "typ": "JWT"}
    unsigned = f"{part(hs_head)}.{part(claims)}"
    mac = hmac.new(public, unsigned.encode(), hashlib.sha256).digest()
    none_head = part({"alg": "none", "kid": keys.kid})
    return {
        "no algorithm": f"{none_head}.{part(claims)}.",
        "no algorithm, old signature": f"{none_head}.{body}.{signature}",
        "public key as secret": f"{unsigned}.{part(mac)}",
        "another key": jwt.encode(claims, other_key, "ES256", headers={"kid": keys.kid}),
        "another key, named": jwt.encode(claims, other_key, "ES256", headers={"kid": "x"}),
        "no key named": jwt.encode(claims, other_key, "ES256"),
        "changed role": f"{head}.{part(payload | {'role': 'service_role'})}.{signature}",
        "cut off": good[:-10],
        "no signature": f"{head}.{body}.",
        "zero signature": f"{head}.{body}.{part(bytes(64))}",
        "no expiry": harness.access_token(keys, PERSON, exp=None),
        "expiry is text": harness.access_token(keys, PERSON, exp="never"),
        "a database role": harness.access_token(keys, PERSON, role="supabase_auth_admin"),
        "the owner": harness.access_token(keys, PERSON, role="postgres"),
        "role is a list": harness.access_token(keys, PERSON, role=["service_role"]),
        "text": "not-a-token",
        "an unknown key": "sb_secret_guess",
    }


def test_forged_tokens_are_refused(gateway: Gateway) -> None:
    assert code(gateway, harness.access_token(gateway.keys, PERSON)) == LET_IN
    for name, token in forged(gateway.keys).items():
        assert code(gateway, token)[0] == 401, name


def test_a_remembered_token_still_expires(gateway: Gateway) -> None:
    token = harness.access_token(gateway.keys, PERSON, exp=int(time.time()) + 1)
    assert code(gateway, token) == LET_IN
    harness.wait_until(lambda: code(gateway, token) == (401, "PGRST303"), seconds=5)


def test_api_keys(gateway: Gateway) -> None:
    keys = gateway.keys
    url = f"{gateway.url}/rest/v1/sessions"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"apikey": "sb_publishable_guess"}).status_code == 401
    for key in (keys.publishable, keys.secret):
        assert httpx.get(url, headers={"apikey": key}).status_code == 503
        assert code(gateway, key) == LET_IN
    assert httpx.get(url, headers=[(b"apikey", "äöü".encode())]).status_code == 401


def test_nothing_secret_is_shown_or_logged(gateway: Gateway, root: Path) -> None:
    keys, token = gateway.keys, harness.access_token(gateway.keys, PERSON)
    secrets = [keys.secret, keys.private_jwk["d"], token, "my-password", "ctd_mine"]
    headers = {"apikey": keys.secret, "X-Device-Token": "ctd_mine"}
    bodies = []
    for path, body in (
        ("/auth/v1/token?grant_type=password", {"email": "a@b", "password": "my-password"}),
        ("/auth/v1/token?grant_type=refresh_token", {"refresh_token": token}),
        ("/auth/v1/verify", {"token_hash": token, "type": "magiclink"}),
        ("/rest/v1/rpc/ingest", {"batch": {"text": "my-password"}}),
        ("/functions/v1/device-session", {}),
    ):
        bodies.append(httpx.post(gateway.url + path, headers=headers, json=body).text)
    bodies.append(httpx.get(f"{gateway.url}/auth/v1/.well-known/jwks.json").text)
    bodies.append(httpx.get(f"{gateway.url}/config.json").text)
    bodies.append((root / "home-gateway.log").read_text())
    assert len(bodies[-1]) > 0
    assert not [secret for secret in secrets for text in bodies if secret in text]
    assert repr(keys).count("hidden") == 0 and keys.secret not in repr(keys)


def test_the_public_key_verifies_and_is_public_only(gateway: Gateway) -> None:
    (key,) = httpx.get(f"{gateway.url}/auth/v1/.well-known/jwks.json").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use", "key_ops", "ext"}
    token = harness.access_token(gateway.keys, PERSON)
    claims = jwt.decode(token, jwt.PyJWK(key).key, algorithms=["ES256"], audience="authenticated")
    assert claims["sub"] == PERSON.id
