"""Settings from defaults, file, environment and command line; clear errors for bad ones."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from claude_code_tracer.config import load_config
from claude_code_tracer.errors import ConfigError
from claude_code_tracer.paths import Home, create_private_file, write_private_file


def env(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), "CLAUDE_TRACER_HOME": str(tmp_path / "data"), **more}


def test_the_nearer_word_wins(tmp_path: Path) -> None:
    assert load_config(env(tmp_path)).settings.port == 8420
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "config.yml").write_text("port: 9000\npoll_scan_s: 5\n")
    config = load_config(env(tmp_path))
    assert (config.settings.port, config.settings.poll_scan_s) == (9000, 5.0)
    assert load_config(env(tmp_path, CLAUDE_TRACER_PORT="9001")).settings.port == 9001
    assert load_config(env(tmp_path, CLAUDE_TRACER_PORT="9001"), port=9002).settings.port == 9002


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("port: many", "port must be a number"),
        ("port: 70000", "between 0 and 65535"),
        ("port: -1", "must not be negative"),
        ("colour: red", "unknown settings: colour"),
        ("just text", "one setting per line"),
        ("port: [", "cannot read"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "config.yml").write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_config(env(tmp_path))


OWN_PRICES = """
prices:
  my-model: {input: 3.0, output: 15, cache_read: 0.3}
  gpt-4.1: {input: "2.50", output: 10.0}
"""


def test_own_prices_are_read_exactly(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert load_config(env(tmp_path)).prices == {}
    (tmp_path / "data" / "config.yml").write_text("port: 9000" + OWN_PRICES)
    config = load_config(env(tmp_path))
    assert config.settings.port == 9000
    assert config.prices == {
        "my-model": {"input": Decimal(3), "output": Decimal(15), "cache_read": Decimal("0.3")},
        "gpt-4.1": {"input": Decimal("2.50"), "output": Decimal(10)},
    }


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ("3.0", "one model per line"),
        ("{m: 3.0}", "price of m must be like"),
        ("{m: {input: 3.0}}", "price of m needs `output`"),
        ("{m: {input: 3, output: 4, cach_read: 1}}", "unknown parts: cach_read"),
        ("{m: {input: free, output: 4}}", "`input` must be a number of USD"),
        ("{m: {input: -1, output: 4}}", "`input` must be a number of USD"),
        ("{m: {input: .nan, output: 4}}", "`input` must be a number of USD"),
        ("{m: {input: true, output: 4}}", "`input` must be a number of USD"),
        ("{m: {input: 1.0e+9, output: 4}}", "`input` must be a number of USD"),
    ],
)
def test_a_bad_price_is_named(tmp_path: Path, prices: str, message: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "config.yml").write_text(f"prices: {prices}\n")
    with pytest.raises(ConfigError, match=message):
        load_config(env(tmp_path))


def test_platform_default_is_used_without_a_variable(tmp_path: Path) -> None:
    root = load_config({"HOME": str(tmp_path)}).home.root
    assert root.is_absolute()
    assert root.name == "claude-tracer"


def test_the_data_folder_is_private(tmp_path: Path) -> None:
    old = os.umask(0o000)
    try:
        home = Home(tmp_path / "data").create()
        write_private_file(home.credentials, b"{}")
        create_private_file(home.log)
    finally:
        os.umask(old)
    assert home.root.stat().st_mode & 0o777 == 0o700
    assert home.credentials.stat().st_mode & 0o777 == 0o600
    assert home.log.stat().st_mode & 0o777 == 0o600
    assert home.outbox.parent.stat().st_mode & 0o777 == 0o700


def test_f51_a_data_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="set CLAUDE_TRACER_HOME"):
        Home(tmp_path / "file" / "data").create()
