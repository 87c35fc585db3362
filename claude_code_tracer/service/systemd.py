"""The tracer as a unit of systemd's user manager."""

from __future__ import annotations

import os
from pathlib import Path

from claude_code_tracer.config import Config, data_file
from claude_code_tracer.errors import ConfigError, TracerError
from claude_code_tracer.service.manager import Answer, ServiceStatus, ask, command, environment_of

__all__ = ["Systemd"]

_UNIT = "claude-tracer.service"
_PROPERTIES = ("UnitFileState", "ActiveState", "SubState", "Result", "MainPID")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "%": "%%", "\n": "\\n", "\t": "\\t"}


class Systemd:
    """`systemctl --user`, for one unit."""

    name = "systemd"
    log_hint = f"journalctl --user -u {_UNIT}"
    boot_hint = "loginctl enable-linger"

    def __init__(self, config: Config) -> None:
        self._config = config
        self._env = dict(config.env)
        runtime = Path("/run/user", str(os.geteuid()))
        if "XDG_RUNTIME_DIR" not in self._env and runtime.is_dir():
            self._env["XDG_RUNTIME_DIR"] = str(runtime)  # `su` and `sudo` forget it

    @property
    def file(self) -> Path:
        told = self._config.env.get("XDG_CONFIG_HOME", "")
        base = Path(told) if os.path.isabs(told) else self._config.user_home / ".config"
        return base / "systemd" / "user" / _UNIT

    def content(self) -> bytes:
        variables = environment_of(self._config).items()
        template = data_file("config", _UNIT).read_text("utf-8")
        lines = [line for line in template.splitlines() if not line.startswith("# The unit that")]
        return (
            "\n".join(lines)
            .replace(
                "{environment}",
                "\n".join(f"Environment={_quoted(f'{name}={value}')}" for name, value in variables),
            )
            .replace("{command}", " ".join(_quoted(part).replace("$", "$$") for part in command()))
            + "\n"
        ).encode("utf-8", "surrogateescape")

    def check(self) -> None:
        answer = self._ask("show", "--property=Version")
        if answer.code:
            raise ConfigError(
                f"systemd's user manager does not answer ({answer.reason}), nothing was changed: "
                "log in as this user (not with su or sudo), or turn it on with "
                "`loginctl enable-linger`; or do without, with `claude-tracer start --daemon`"
            )

    def start(self, *, is_changed: bool) -> None:
        self._do("daemon-reload")
        self._do("enable", "--now", _UNIT)
        if is_changed:
            self._do("restart", _UNIT)  # one that ran already runs by the old description

    def restart(self) -> None:
        self._do("restart", _UNIT)

    def forget(self, *, is_answering: bool) -> None:
        if is_answering and self.file.exists():
            self._do("disable", "--now", _UNIT)
        for path in (self.file, self.file.parent / "default.target.wants" / _UNIT):
            path.unlink(missing_ok=True)
        if is_answering:
            self._do("daemon-reload")
            self._ask("reset-failed", _UNIT)  # refused when it did not fail

    def status(self) -> ServiceStatus:
        problem, facts = None, dict[str, str]()
        try:
            wanted = [f"--property={name}" for name in _PROPERTIES]
            answer = self._ask("show", _UNIT, *wanted)
            problem = answer.reason if answer.code else None
            facts = dict(line.split("=", 1) for line in answer.out.splitlines() if "=" in line)
        except TracerError as exc:
            problem = str(exc)
        active = facts.get("ActiveState", "unknown")
        detail = facts.get("SubState", "")
        state = f"{active} ({detail})" if detail else active
        result = facts.get("Result", "success")
        return ServiceStatus(
            manager=self.name,
            file=self.file,
            is_installed=self.file.exists(),
            is_enabled=facts.get("UnitFileState") == "enabled",
            is_running=active == "active",
            pid=int(facts.get("MainPID") or 0) or None,
            state=state if result == "success" else f"{state}, {result}",
            has_failed=active != "active" and result != "success",
            problem=problem,
        )

    def _ask(self, *arguments: str) -> Answer:
        return ask(self._env, "systemctl", "--user", *arguments)

    def _do(self, *arguments: str) -> None:
        answer = self._ask(*arguments)
        if answer.code:
            words = " ".join(arguments)
            raise TracerError(
                f"`systemctl --user {words}` failed ({answer.reason}): see `{self.log_hint}`"
            )


def _quoted(text: str) -> str:
    """Return `text` as one word of a unit file."""
    return '"' + "".join(_ESCAPES.get(character, character) for character in text) + '"'
