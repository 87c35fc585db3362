"""The tracer as an agent of macOS's launchd."""

from __future__ import annotations

import os
import plistlib
import re
import time
from pathlib import Path

from claude_code_tracer.config import Config, data_file
from claude_code_tracer.errors import ConfigError, TracerError
from claude_code_tracer.service.manager import Answer, ServiceStatus, ask, command, environment_of

__all__ = ["Launchd"]

_LABEL = "claude-tracer"
_ATTEMPTS = 20
_PAUSE_S = 0.25
_FIELD = re.compile(r"^\t(state|pid|last exit code) = (.+)$", re.MULTILINE)
"""One tab: deeper ones are of what it talks to."""


class Launchd:
    """`launchctl`, for one agent in the user's graphical session."""

    name = "launchd"
    boot_hint = ""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._domain = f"gui/{os.getuid()}"
        self._target = f"{self._domain}/{_LABEL}"
        self._errors = config.home.log.with_name("service-errors.log")
        self.log_hint = f"cat '{self._errors}'"

    @property
    def file(self) -> Path:
        return self._config.user_home / "Library" / "LaunchAgents" / f"{_LABEL}.plist"

    def content(self) -> bytes:
        agent = plistlib.loads(data_file("config", "claude-tracer.plist").read_bytes())
        agent |= {
            "Label": _LABEL,
            "ProgramArguments": command(),
            "EnvironmentVariables": environment_of(self._config),
            "StandardErrorPath": str(self._errors),
        }
        return plistlib.dumps(agent)

    def check(self) -> None:
        answer = self._ask("print", self._domain)
        if answer.code:
            raise ConfigError(
                f"launchd has no session of yours ({answer.reason}), nothing was changed: "
                "log in at the screen and try again, or do without, with "
                "`claude-tracer start --daemon`"
            )

    def start(self, *, is_changed: bool) -> None:
        if is_changed and self._is_loaded():
            self._do("bootout", self._target)
        self._do("enable", self._target)
        if self._is_loaded():
            self._do("kickstart", self._target)
        else:
            self._bootstrap()

    def restart(self) -> None:
        if self._is_loaded():
            self._do("kickstart", "-k", self._target)
        else:
            self._bootstrap()

    def forget(self, *, is_answering: bool) -> None:
        if is_answering and self._is_loaded():
            self._do("bootout", self._target)
        self.file.unlink(missing_ok=True)

    def status(self) -> ServiceStatus:
        problem, facts = None, dict[str, str]()
        try:
            answer = self._ask("print", self._target)
            facts = dict(_FIELD.findall(answer.out)) if not answer.code else {}
            if answer.code and (silent := self._ask("print", self._domain)).code:
                problem = silent.reason
        except TracerError as exc:
            problem = str(exc)
        pid, last_exit = facts.get("pid", ""), facts.get("last exit code", "0")
        return ServiceStatus(
            manager=self.name,
            file=self.file,
            is_installed=self.file.exists(),
            is_enabled=self.file.exists() and bool(facts),
            is_running=facts.get("state") == "running",
            pid=int(pid) if pid.isdigit() else None,
            state=facts.get("state", "not loaded"),
            has_failed=facts.get("state") != "running" and last_exit[:1] in "123456789",
            problem=problem,
        )

    def _is_loaded(self) -> bool:
        return self._ask("print", self._target).code == 0

    def _bootstrap(self) -> None:
        # launchd forgets an agent a while after `bootout` returns, and refuses it until then.
        for _ in range(_ATTEMPTS):
            answer = self._ask("bootstrap", self._domain, str(self.file))
            if answer.code == 0:
                return
            time.sleep(_PAUSE_S)
        raise self._failure("bootstrap", answer)

    def _ask(self, *arguments: str) -> Answer:
        return ask(self._config.env, "launchctl", *arguments)

    def _do(self, *arguments: str) -> None:
        answer = self._ask(*arguments)
        if answer.code:
            raise self._failure(arguments[0], answer)

    def _failure(self, what: str, answer: Answer) -> TracerError:
        return TracerError(f"`launchctl {what}` failed ({answer.reason}): see {self._errors}")
