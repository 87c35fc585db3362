from __future__ import annotations

import json
from pathlib import Path

import pytest

from claude_code_tracer.errors import ConfigError, SignedOut
from claude_code_tracer.paths import Home
from claude_code_tracer.ship.credentials import read_credentials

GOOD = {"url": "http://127.0.0.1:8420/", "publishable_key": "pk", "device_token": "ctd_secret"}


def _home(tmp_path: Path, content: str) -> Home:
    home = Home(tmp_path)
    home.credentials.write_text(content)
    return home


def test_reads_them_and_hides_the_token(tmp_path: Path) -> None:
    credentials = read_credentials(_home(tmp_path, json.dumps(GOOD)))
    assert credentials.url == "http://127.0.0.1:8420"
    assert (credentials.publishable_key, credentials.device_token) == ("pk", "ctd_secret")
    assert "secret" not in repr(credentials)


def test_missing_means_signed_out(tmp_path: Path) -> None:
    with pytest.raises(SignedOut, match="claude-tracer login") as caught:
        read_credentials(Home(tmp_path))
    assert caught.value.exit_code == 77


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        json.dumps({**GOOD, "device_token": ""}),
        json.dumps({**GOOD, "device_token": "ctd_secret\r\nX-Evil: 1"}),
        json.dumps({**GOOD, "publishable_key": None}),
        json.dumps({**GOOD, "url": "ftp://x"}),
        json.dumps({"url": "http://x"}),
    ],
)
def test_malformed_is_a_configuration_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_credentials(_home(tmp_path, content))
    assert "secret" not in str(caught.value)


def test_folder_in_its_place(tmp_path: Path) -> None:
    Home(tmp_path).credentials.mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        read_credentials(Home(tmp_path))
