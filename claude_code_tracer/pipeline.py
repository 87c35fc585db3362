"""The two stages and what they share, put together once for `start` and for `sync`."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from claude_code_tracer.again import Again
from claude_code_tracer.clock import Clock
from claude_code_tracer.collector import Collector
from claude_code_tracer.config import Config
from claude_code_tracer.errors import HaltStage
from claude_code_tracer.guard import Guard
from claude_code_tracer.log import event
from claude_code_tracer.outbox import Outbox
from claude_code_tracer.pricing import Prices
from claude_code_tracer.ship.client import IngestClient
from claude_code_tracer.ship.credentials import read_credentials
from claude_code_tracer.shipper import Shipper
from claude_code_tracer.sources.registry import SOURCES

__all__ = ["Pipeline", "open_pipeline"]

_SWITCH_S = 0.0005
"""The shipper wants the interpreter for an instant after every answer; the collector, who has it
all the time, gives it away after so long. The default is ten times that, several times a batch."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Collector and shipper around one outbox."""

    collector: Collector
    shipper: Shipper
    outbox: Outbox
    client: IngestClient
    price_version: str
    """The tables that new calls are priced by."""
    again: Again
    server: _Server

    def wake_up(self) -> None:
        """Trust no old connection and keep no pause after a long sleep; any thread may call it."""
        self.client.reconnect()
        self.shipper.try_now()

    def obey(self) -> bool:
        """Do what commands ask for (`requests`); False when none does.

        The collecting thread calls it, while no file is open.
        """
        try:
            return self.again.obey()
        finally:
            if self.again.files:
                self.collector.read_again(self.again.files)

    def follow(self) -> bool:
        """Read everything again when the server lost what it had; the collecting thread calls it.

        Credentials that cannot be read are the shipper's to complain about.
        """
        try:
            token = read_credentials(self.again.config.home).device_token
        except HaltStage:
            return False
        if not self.server.is_another(token):
            return False
        self.collector.read_again(self.outbox.files())
        return True


@contextmanager
def open_pipeline(config: Config, clock: Clock) -> Iterator[Pipeline]:
    """Open the outbox and both stages; the caller holds the instance lock."""
    sys.setswitchinterval(_SWITCH_S)
    guard = Guard.load()
    with (
        Outbox.open(config, clock) as outbox,
        IngestClient(lambda: read_credentials(config.home), clock) as client,
    ):
        server = _Server(outbox)
        server.is_another(read_credentials(config.home).device_token)
        prices = Prices(config.prices)
        collector = Collector(config, SOURCES, guard, prices.price, outbox, clock)
        shipper = Shipper(config, outbox, client, clock, guard.version)
        again = Again(config, clock, outbox, SOURCES)
        yield Pipeline(collector, shipper, outbox, client, prices.version, again, server)


class _Server:
    """Whose memory the cursors stand for. A database that was lost and made anew has new tokens."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._token: str | None = None

    def is_another(self, device_token: str) -> bool:
        """Note this device's token; True when it is another, so that every file begins anew."""
        if device_token == self._token:
            return False
        is_other = self._outbox.follow(hashlib.sha256(device_token.encode()).hexdigest())
        self._token = device_token
        if is_other:
            event("pipeline", "server_changed", consequence="every transcript is read again")
        return is_other
