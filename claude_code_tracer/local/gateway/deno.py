"""One edge function in a Deno process of its own, allowed to reach 127.0.0.1 and nothing else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from claude_code_tracer.log import event

__all__ = ["DenoProcess", "FunctionFailed"]

_WRAPPER = Path(__file__).with_name("serve_function.ts")
_LISTENING = re.compile(rb"Listening on http://127\.0\.0\.1:(\d+)/")
_START_S = 20.0
_STOP_S = 1.0
# Deno needs these itself: where its cache is, where to find programs.
_INHERITED = ("PATH", "HOME", "DENO_DIR", "TMPDIR")


class FunctionFailed(Exception):
    """The function's process did not start."""


class DenoProcess:
    """A running function: `port` is where it answers."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self._drain = asyncio.create_task(_discard(process))
        self.port = port

    @classmethod
    async def start(
        cls, module: Path, env: Mapping[str, str], inherited: Mapping[str, str]
    ) -> DenoProcess:
        """Start `module` and return once it answers; FunctionFailed when it does not."""
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(module, env),
                env={n: inherited[n] for n in _INHERITED if n in inherited}
                | {"NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1"}
                | dict(env),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as exc:
            raise FunctionFailed("Deno cannot be run") from exc
        try:
            port = await asyncio.wait_for(_port(process), _START_S)
        except BaseException as exc:
            await _end(process)
            if isinstance(exc, TimeoutError):
                raise FunctionFailed("it does not answer") from exc
            raise
        event("gateway", "function_started", function=module.parent.name, pid=process.pid)
        return cls(process, port)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def stop(self) -> None:
        """End the process."""
        await _end(self._process)
        self._drain.cancel()


def _command(module: Path, env: Mapping[str, str]) -> list[str]:
    # Imported late: finding the program is only needed when a function is called.
    from deno import find_deno_bin  # type: ignore[import-untyped]

    config = module.with_name("deno.json")
    return [
        find_deno_bin(),
        "serve",
        "--host=127.0.0.1",
        "--port=0",
        "--no-prompt",
        "--no-remote",
        "--cached-only",
        "--no-lock",
        f"--config={config}" if config.is_file() else "--no-config",
        "--allow-net=127.0.0.1",
        f"--allow-env={','.join(env)}",
        f"--allow-read={module.parent.parent}",
        str(_WRAPPER),
        module.as_uri(),
    ]


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if found := _LISTENING.search(line):
            return int(found[1])
    raise FunctionFailed("it ended while it started")


async def _discard(process: asyncio.subprocess.Process) -> None:
    """Read on, so that the function never waits for us; what it says may be private."""
    assert process.stderr is not None
    while await process.stderr.read(65536):
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
