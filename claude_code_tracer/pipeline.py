"""The two stages and what they share, put together once for `start` and for `sync`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from claude_code_tracer.clock import Clock
from claude_code_tracer.collector import Collector
from claude_code_tracer.config import Config
from claude_code_tracer.guard import Guard
from claude_code_tracer.log import event
from claude_code_tracer.outbox import Outbox
from claude_code_tracer.pricing import Prices
from claude_code_tracer.ship.client import IngestClient
from claude_code_tracer.ship.credentials import Credentials, read_credentials
from claude_code_tracer.shipper import Shipper
from claude_code_tracer.sources.registry import SOURCES

__all__ = ["Pipeline", "open_pipeline"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Collector and shipper around one outbox."""

    collector: Collector
    shipper: Shipper
    outbox: Outbox
    price_version: str
    """The tables that new calls are priced by."""


@contextmanager
def open_pipeline(config: Config, clock: Clock) -> Iterator[Pipeline]:
    """Open the outbox and both stages; the caller holds the instance lock."""
    guard = Guard.load()
    with (
        Outbox.open(config, clock) as outbox,
        IngestClient(lambda: read_credentials(config.home), clock) as client,
    ):
        _follow(outbox, read_credentials(config.home))
        prices = Prices(config.prices)
        collector = Collector(config, SOURCES, guard, prices.price, outbox, clock)
        shipper = Shipper(config, outbox, client, clock, guard.version)
        yield Pipeline(collector, shipper, outbox, prices.version)


def _follow(outbox: Outbox, credentials: Credentials) -> None:
    """Read everything again when this device's token is another: so is the server's memory."""
    device = hashlib.sha256(credentials.device_token.encode()).hexdigest()
    if outbox.follow(device):
        event("pipeline", "server_changed", consequence="every transcript is read again")
