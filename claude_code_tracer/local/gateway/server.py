"""uvicorn, made to sleep: it ends on an event instead of looking for one ten times a second."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from socket import socket

import uvicorn

__all__ = ["Server"]


class Server(uvicorn.Server):
    """Serves until SIGTERM, SIGINT or the end of standard input, then returns."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._stop = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """End in good order on a signal; unlike uvicorn, do not die of it afterwards."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        _on_end_of_input(lambda: loop.call_soon_threadsafe(self._stop.set))
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start to serve, then say so."""
        await super().startup(sockets)
        await self.on_tick(0)
        self._on_ready()

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self._stop.wait()


def _on_end_of_input(then: Callable[[], object]) -> None:
    """Call back when the parent is gone. A thread, because input may be of any kind."""

    def wait() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        # RuntimeError: the loop has ended already.
        with suppress(RuntimeError):
            then()

    threading.Thread(target=wait, name="parent", daemon=True).start()
