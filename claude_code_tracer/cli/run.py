"""`start`, `stop`, `restart`, `sync` and `web`: the tracer's life."""

from __future__ import annotations

import sys
import time
import webbrowser
from collections.abc import Mapping

import click

from claude_code_tracer.background import restart_detached, start_detached, stop_running
from claude_code_tracer.cli.progress import ScanProgress, sync_summary
from claude_code_tracer.cli.render import print_json
from claude_code_tracer.clock import SystemClock
from claude_code_tracer.config import Config, environment, load_config
from claude_code_tracer.daemon import Daemon
from claude_code_tracer.errors import ConfigError
from claude_code_tracer.health import read_health
from claude_code_tracer.local.account import sign_in_url
from claude_code_tracer.log import setup_logging
from claude_code_tracer.paths import unusable
from claude_code_tracer.service import restart as restart_service
from claude_code_tracer.service import running_service
from claude_code_tracer.sync import sync_all

__all__ = ["restart", "start", "stop", "sync", "web"]


def _log_to_file(config: Config, verbose: bool = False) -> None:
    config.home.create()
    log, settings = config.home.log, config.settings
    try:
        setup_logging(
            log, max_bytes=settings.log_max_bytes, files=settings.log_files, verbose=verbose
        )
    except OSError as exc:
        raise unusable(exc, f"cannot write {log}", "make it a file of yours") from exc


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
        if not quiet and health.last_scan_at is None and sys.stderr.isatty():
            click.echo("How far it is with all transcripts: claude-tracer status", err=True)
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
    env = environment()
    is_service = _runs_as_service(env)
    click.echo(f"claude-tracer stopped (pid {stop_running(env)})")
    if is_service:
        click.echo(
            "It is a service and starts again at the next login; "
            "`claude-tracer service uninstall` ends that",
            err=True,
        )


def _runs_as_service(env: Mapping[str, str]) -> bool:
    try:
        return running_service(load_config(env)) is not None
    except ConfigError:
        return False  # broken settings keep nobody from stopping


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here [default: 8420; 0: any].")
@click.option("--verbose", is_flag=True, help="Write more to the log.")
def restart(port: int | None, verbose: bool) -> None:
    """Stop the tracer if it runs and start it in the background, with the settings of now.

    A tracer that runs as a service (`claude-tracer service`) is restarted as one.

    \b
    Example:
      claude-tracer restart
    """
    config = load_config(port=port)
    service = running_service(config)
    if service and (port is not None or verbose):
        raise click.UsageError(
            "the tracer runs as a service, which takes no options: "
            f"put `port: ...` into {config.home.settings}, or run `claude-tracer stop` first"
        )
    if service:
        health = restart_service(config, service)
    else:
        health = restart_detached(config, verbose=verbose)
    click.echo(f"claude-tracer is running (pid {health.pid})")
    click.echo(f"Dashboard: {health.url}")


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
        result = sync_all(config, SystemClock(), progress.update, progress.sending)
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
