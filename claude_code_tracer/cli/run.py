"""`start`, `stop`, `sync` and `web`: the tracer's life."""

from __future__ import annotations

import time
import webbrowser

import click

from claude_code_tracer.background import start_detached, stop_running
from claude_code_tracer.cli.progress import ScanProgress, sync_summary
from claude_code_tracer.cli.render import print_json
from claude_code_tracer.clock import SystemClock
from claude_code_tracer.config import Config, load_config
from claude_code_tracer.daemon import Daemon
from claude_code_tracer.health import read_health
from claude_code_tracer.local.account import sign_in_url
from claude_code_tracer.log import setup_logging
from claude_code_tracer.sync import sync_all

__all__ = ["start", "stop", "sync", "web"]


def _log_to_file(config: Config, verbose: bool = False) -> None:
    config.home.create()
    settings = config.settings
    setup_logging(
        config.home.log,
        max_bytes=settings.log_max_bytes,
        files=settings.log_files,
        verbose=verbose,
    )


@click.command()
@click.option("--daemon", is_flag=True, help="Run in the background and return at once.")
@click.option("--open", "open_browser", is_flag=True, help="Open the dashboard, signed in.")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here [default: 8420; 0: any].")
@click.option("--verbose", is_flag=True, help="Write more to the log.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def start(daemon: bool, open_browser: bool, port: int | None, verbose: bool, quiet: bool) -> None:
    """Collect transcripts and serve the dashboard until stopped (Ctrl-C).

    \b
    Example:
      claude-tracer start --open
      claude-tracer start --daemon
    """
    config = load_config(port=port)
    if daemon:
        health = start_detached(config, verbose=verbose)
        click.echo(f"claude-tracer is running (pid {health.pid})")
        _announce(config, str(health.url), open_browser)
        return
    _log_to_file(config, verbose)
    with ScanProgress(enabled=not quiet) as progress:

        def on_ready(url: str) -> None:
            _announce(config, url, open_browser)

        Daemon(
            config,
            SystemClock(),
            on_ready=on_ready,
            on_collected=progress.finish,
            progress=progress.update,
        ).run()


def _announce(config: Config, url: str, open_browser: bool) -> None:
    link = sign_in_url(config, url)
    click.echo(f"Dashboard: {url}")
    click.echo(f"Signed in: {link}   (works once; later: claude-tracer web)")
    if open_browser:
        webbrowser.open(link)


@click.command()
def stop() -> None:
    """Stop the running tracer; what is not sent yet stays queued for the next start.

    \b
    Example:
      claude-tracer stop
    """
    pid = stop_running(load_config())
    click.echo(f"claude-tracer stopped (pid {pid})")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def sync(as_json: bool, quiet: bool) -> None:
    """Collect and send all there is, then exit. Uses the running tracer when there is one.

    \b
    Example:
      claude-tracer sync --json
    """
    config = load_config()
    _log_to_file(config)
    began_s = time.monotonic()
    with ScanProgress(enabled=not (quiet or as_json)) as progress:
        result = sync_all(config, SystemClock(), progress.update)
    if as_json:
        print_json(result)
    else:
        click.echo(sync_summary(result, time.monotonic() - began_s))


@click.command()
@click.option("--no-open", is_flag=True, help="Only print the link.")
def web(no_open: bool) -> None:
    """Open the dashboard, signed in by a link that works once; starts the tracer if need be.

    \b
    Example:
      claude-tracer web --no-open
    """
    config = load_config()
    health = read_health(config.home) or start_detached(config)
    _announce(config, str(health.url), not no_open)
