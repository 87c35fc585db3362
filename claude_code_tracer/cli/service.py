"""`service install | uninstall | status`: the tracer at login, and again after a crash."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict

import click

from claude_code_tracer import service as services
from claude_code_tracer.cli.render import print_json, safe
from claude_code_tracer.config import load_config

__all__ = ["service"]


@click.group()
def service() -> None:
    """Have the tracer start at login and again after a crash.

    A unit of systemd's user manager on Linux, an agent of launchd on macOS.

    \b
    Example:
      claude-tracer service install
      claude-tracer service status
    """


@service.command()
def install() -> None:
    """Install the service and start it; again after an update or a move changes what it must.

    It runs with the settings of config.yml, with the CLAUDE_TRACER_* variables and with the
    variables that say where your tools keep their transcripts, as they are now.

    \b
    Example:
      claude-tracer service install
    """
    config = load_config()
    manager = services.find_manager(config)
    health = services.install(config, manager)
    click.echo(f"claude-tracer runs as a service (pid {health.pid}): {safe(manager.file)}")
    click.echo(f"Dashboard: {health.url}")
    user = getpass.getuser()
    if os.geteuid() == 0:
        click.echo("It is a service of root and collects root's transcripts only", err=True)
    if manager.boot_hint:
        click.echo(
            "It starts when you log in and ends when you log out; "
            f"`{manager.boot_hint} {safe(user)}` has it run from boot on",
            err=True,
        )


@service.command()
def uninstall() -> None:
    """Stop the service and remove it; what was collected stays. Without a service: nothing to do.

    \b
    Example:
      claude-tracer service uninstall
    """
    manager = services.find_manager(load_config())
    if services.uninstall(manager):
        click.echo(f"The service is removed: {safe(manager.file)}")
    else:
        click.echo("There was no service to remove")


@service.command()
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def status(as_json: bool) -> None:
    """Say whether the service is installed, starts at login and runs.

    Ends with 0 when it runs, with 1 when it does not.

    \b
    Example:
      claude-tracer service status --json
    """
    manager = services.find_manager(load_config())
    facts = manager.status()
    if as_json:
        print_json(asdict(facts) | {"file": str(facts.file)})
    else:
        _print(facts, manager.log_hint)
    raise SystemExit(0 if facts.is_running else 1)


def _print(facts: services.ServiceStatus, log_hint: str) -> None:
    if not facts.is_installed:
        click.echo("The service is not installed: run `claude-tracer service install`")
    rows = {
        "manager": facts.manager,
        "file": facts.file if facts.is_installed else f"{facts.file} (not there)",
        "at login": "starts" if facts.is_enabled else "does not start",
        "now": facts.state + (f" (pid {facts.pid})" if facts.pid else ""),
    }
    if facts.problem:
        rows["problem"] = f"{facts.manager} does not answer: {facts.problem}"
    if facts.has_failed:
        rows["look at"] = f"`{log_hint}`, `claude-tracer logs`"
    for name, value in rows.items():
        click.echo(f"  {name:<9} {safe(value)}")
