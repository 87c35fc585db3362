"""Settings: the defaults, the user's config.yml, and the environment. Nothing else reads either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.paths import Home

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["Config", "Settings", "data_file", "environment", "find_home", "load_config"]

_PRICES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
_MAX_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The numbers of `config/defaults.yml`; see there what each means."""

    port: int
    poll_hot_s: float
    poll_scan_s: float
    poll_rest_s: float
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
    prices: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    """The user's own prices by model, USD per million tokens; each has `input` and `output`."""


def data_file(*parts: str) -> Path:
    """Return the path of a file that ships with the package (`config`, `supabase`, `web`).

    In a wheel these stand in `claude_code_tracer/_data`, in a checkout beside the package.
    """
    packaged = Path(__file__).parent / "_data"
    base = packaged if packaged.is_dir() else packaged.parent.parent
    return base.joinpath(*parts)


def environment() -> dict[str, str]:
    """Return the environment as it is now."""
    return dict(os.environ)


def find_home(env: Mapping[str, str]) -> Home:
    """Return the data folder, without a look at the settings."""
    root = env.get("CLAUDE_TRACER_HOME")
    if not root:
        import platformdirs  # the status line has no time for what it does not need

        root = platformdirs.user_data_dir("claude-tracer", appauthor=False)
    return Home(Path(root).expanduser().absolute())


def load_config(env: Mapping[str, str] | None = None, *, port: int | None = None) -> Config:
    """Read the settings. `port` is the command line's word and wins over everything.

    Raises ConfigError naming the file, the setting and what is expected.
    """
    env = environment() if env is None else dict(env)
    user_home = Path(env.get("HOME") or Path.home())
    home = find_home(env)
    values = _read_yaml(data_file("config", "defaults.yml"))
    user_file = home.settings
    if user_file.exists():
        values |= _read_yaml(user_file)
    if port is None and env.get("CLAUDE_TRACER_PORT"):
        values["port"] = env["CLAUDE_TRACER_PORT"]
    if port is not None:
        values["port"] = port
    prices = _prices(values.pop("prices", None), user_file)
    settings = _settings(values, user_file)
    return Config(home=home, settings=settings, user_home=user_home, env=env, prices=prices)


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml  # not on the way of commands that need no settings

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


def _prices(value: Any, user_file: Path) -> dict[str, dict[str, Decimal]]:
    """Return the user's own prices, checked: a wrong one would make every sum wrong."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(
            f"{user_file}: `prices` must hold one model per line, "
            "such as `my-model: {input: 3.0, output: 15.0}`"
        )
    return {str(model): _price(str(model), price, user_file) for model, price in value.items()}


def _price(model: str, value: Any, user_file: Path) -> dict[str, Decimal]:
    where = f"{user_file}: the price of {model}"
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be like `{{input: 3.0, output: 15.0}}`")
    unknown = sorted(set(map(str, value)) - set(_PRICES))
    if unknown:
        raise ConfigError(f"{where} has unknown parts: {', '.join(unknown)}")
    for part in ("input", "output"):
        if part not in value:
            raise ConfigError(f"{where} needs `{part}` (USD per million tokens)")
    return {part: _usd(price, f"{where}: `{part}`") for part, price in value.items()}


def _usd(value: Any, what: str) -> Decimal:
    from decimal import Decimal, InvalidOperation  # only who has prices waits for it

    try:
        usd = Decimal(str(value)) if type(value) in (int, float, str) else Decimal("nan")
    except InvalidOperation:
        usd = Decimal("nan")
    if not (usd.is_finite() and 0 <= usd < _MAX_PRICE):
        raise ConfigError(f"{what} must be a number of USD per million tokens, not {value!r}")
    return usd
