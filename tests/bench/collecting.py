"""The collecting stage by itself: transcripts of a folder into an outbox, nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from claude_code_tracer.clock import Clock, SystemClock
from claude_code_tracer.collector import Collector
from claude_code_tracer.config import Config, load_config
from claude_code_tracer.guard import Guard
from claude_code_tracer.outbox import Outbox
from claude_code_tracer.pricing import Prices
from claude_code_tracer.sources.registry import SOURCES

__all__ = ["collecting", "config_of", "new_collector"]


def config_of(root: Path) -> Config:
    """Return the configuration of a person whose home is `root/home`."""
    env = {"HOME": str(root / "home"), "CLAUDE_TRACER_HOME": str(root / "data")}
    config = load_config(env)
    config.home.create()
    config.user_home.mkdir(exist_ok=True)
    return config


@contextmanager
def collecting(config: Config) -> Iterator[tuple[Collector, Outbox]]:
    """Open a collector around the outbox of a data folder."""
    clock = SystemClock()
    with Outbox.open(config, clock) as outbox:
        yield new_collector(config, outbox, clock), outbox


def new_collector(config: Config, outbox: Outbox, clock: Clock) -> Collector:
    """Return a collector of every source, as after a start."""
    guard, prices = Guard.load(), Prices(config.prices)
    return Collector(config, SOURCES, guard, prices.price, outbox, clock)
