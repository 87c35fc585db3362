"""Settings: the defaults, the user's config.yml, and the environment. Nothing else reads either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.paths import Home

__all__ = ["Config", "Settings", "data_file", "load_config"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The numbers of `config/defaults.yml`; see there what each means."""

    port: int
    poll_hot_s: float
    poll_scan_s: float
    ship_idle_s: float
    batch_rows: int
    batch_bytes: int
    line_max_bytes: int
    outbox_max_bytes: int
    log_max_bytes: int
    log_files: int


@dataclass(frozen=True, slots=True)
class Config:
    """All that one process needs to know about its surroundings."""

    home: Home
    settings: Settings
    user_home: Path
    """Where the watched tools keep their dot-folders (`HOME`)."""
    env: Mapping[str, str]
    """The environment, for the sources' own variables (`CLAUDE_CONFIG_DIR`, `CODEX_HOME` ...)."""


def data_file(*parts: str) -> Path:
    """Return the path of a file that ships with the package (`config`, `supabase`, `web`).

    In a wheel these stand in `claude_code_tracer/_data`, in a checkout beside the package.
    """
    packaged = Path(str(files("claude_code_tracer"))) / "_data"
    base = packaged if packaged.is_dir() else packaged.parent.parent
    return base.joinpath(*parts)


def load_config(env: Mapping[str, str] | None = None, *, port: int | None = None) -> Config:
    """Read the settings. `port` is the command line's word and wins over everything.

    Raises ConfigError naming the file, the setting and what is expected.
    """
    env = dict(os.environ if env is None else env)
    user_home = Path(env.get("HOME") or Path.home())
    root = env.get("CLAUDE_TRACER_HOME") or platformdirs.user_data_dir(
        "claude-tracer", appauthor=False
    )
    home = Home(Path(root).expanduser().absolute())
    values = _read_yaml(data_file("config", "defaults.yml"))
    user_file = home.root / "config.yml"
    if user_file.exists():
        values |= _read_yaml(user_file)
    if port is None and env.get("CLAUDE_TRACER_PORT"):
        values["port"] = env["CLAUDE_TRACER_PORT"]
    if port is not None:
        values["port"] = port
    return Config(home=home, settings=_settings(values, user_file), user_home=user_home, env=env)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise ConfigError(f"cannot read {path}: {exc}") from exc
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold one setting per line, such as `port: 8420`")
    return content


def _settings(values: dict[str, Any], user_file: Path) -> Settings:
    known = {field.name: field.type for field in fields(Settings)}
    unknown = sorted(set(map(str, values)) - set(known))
    if unknown:
        raise ConfigError(f"{user_file} has unknown settings: {', '.join(unknown)}")
    numbers: dict[str, Any] = {}
    for name, kind in known.items():
        convert = int if kind == "int" else float
        try:
            numbers[name] = convert(values[name])
        except (TypeError, ValueError) as exc:
            raise ConfigError(f"setting {name} must be a number, not {values[name]!r}") from exc
        if numbers[name] < 0:
            raise ConfigError(f"setting {name} must not be negative")
    if numbers["port"] > 65535:
        raise ConfigError("setting port must be between 0 and 65535 (0: any free port)")
    return Settings(**numbers)
