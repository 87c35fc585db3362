"""The server's keys: made once, private, and never half-written."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.local.keys import Keys, ensure_keys
from claude_code_tracer.paths import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_keys_stay_the_same_and_are_private(home: Home) -> None:
    keys = ensure_keys(home)
    assert ensure_keys(home) == keys
    assert keys.publishable.startswith("sb_publishable_")
    assert keys.secret.startswith("sb_secret_")
    assert "d" not in keys.public_jwk and keys.public_jwk["kid"] == keys.kid
    folder = home.signing_key.parent
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert sorted(file.name for file in folder.iterdir()) == ["api-keys.json", "signing-key.json"]
    assert keys.secret not in repr(keys) and keys.private_jwk["d"] not in repr(keys)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"kty":"RSA"}', b"\xff\xfe", b'{"kty":"EC","d":1}']
)
def test_a_damaged_file_is_named_and_kept(home: Home, content: bytes) -> None:
    ensure_keys(home)
    home.signing_key.write_bytes(content)
    with pytest.raises(ConfigError, match=r"signing-key\.json is damaged"):
        ensure_keys(home)
    assert home.signing_key.read_bytes() == content


def test_a_file_that_others_can_read_is_refused(home: Home) -> None:
    ensure_keys(home)
    home.signing_key.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        ensure_keys(home)


def _race(home: Home, results: multiprocessing.Queue[Keys]) -> None:
    results.put(ensure_keys(home))


def test_processes_that_start_together_agree(home: Home) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[Keys] = context.Queue()
    racers = [context.Process(target=_race, args=(home, results)) for _ in range(4)]
    for racer in racers:
        racer.start()
    found = [results.get(timeout=30) for _ in racers]
    for racer in racers:
        racer.join(30)
    assert all(keys == found[0] for keys in found)
