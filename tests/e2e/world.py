"""One person's machine for a test: a home with transcripts, a data folder, and the real command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from claude_code_tracer.config import Config, load_config
from claude_code_tracer.local.postgres import Postgres

__all__ = ["World"]


class World:
    """Run `claude-tracer` in a home of its own; leave nothing behind."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="ct-"))
        self.root.chmod(0o755)  # as /home is: a server of another user must be able to get in
        self.home = self.root / "home"
        self.home.mkdir()
        self.data = self.root / "data"

    @property
    def env(self) -> dict[str, str]:
        """The environment of the commands: nothing of the person who runs the tests."""
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "CLAUDE_TRACER_HOME": str(self.data),
            "CLAUDE_TRACER_PORT": "0",
            "LANG": "C.UTF-8",
        }

    @property
    def config(self) -> Config:
        """The configuration the commands see."""
        return load_config(self.env)

    def spawn(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command and return its process; stdout and stderr are pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "claude_code_tracer", *arguments],
            env=self.env | options.pop("env", {}),
            stdin=subprocess.DEVNULL,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end, check its exit code, and return what it printed."""
        with self.spawn(*arguments) as process:
            out, err = process.communicate(timeout=100)
        assert process.returncode == code, (
            f"{arguments} ended with {process.returncode}: {out}{err}"
        )
        return out if code == 0 else err

    def json(self, *arguments: str) -> Any:
        """Run a command with `--json` and return what it printed."""
        return json.loads(self.run(*arguments, "--json"))

    def connect(self, user: str = "supabase_admin") -> psycopg.Connection[Any]:
        """Connect to the running embedded server."""
        return psycopg.connect(Postgres(self.config).conninfo(user), autocommit=True)

    def forget_all(self) -> None:
        """Stop what runs and remove the data folder, wherever its parts are."""
        with self.spawn("stop") as process:
            process.communicate(timeout=60)
        shutil.rmtree(Postgres(self.config).place.folder, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)

    def close(self) -> None:
        """Leave no trace."""
        self.forget_all()
        shutil.rmtree(self.root)
