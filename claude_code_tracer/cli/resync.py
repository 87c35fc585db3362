"""`resync`: read transcripts again from their start."""

from __future__ import annotations

import click
from rich.filesize import decimal

from claude_code_tracer.again import request
from claude_code_tracer.cli.render import print_json
from claude_code_tracer.clock import SystemClock
from claude_code_tracer.config import load_config
from claude_code_tracer.requests import Done, Resync

__all__ = ["resync", "said"]


@click.command()
@click.argument("what", metavar="SESSION|SOURCE|all")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def resync(what: str, as_json: bool) -> None:
    """Read transcripts again from their start. Nothing is doubled, and nothing is removed.

    SESSION is a session's id or its beginning, SOURCE a tool's name as in `usage` (claude_code).
    A tool's database holds many sessions and is read again as a whole: give the tool's name.

    This finds what cannot be noticed while following a file, such as a line in its middle that was
    edited by hand. The running tracer does it at once; without one, the next start or sync does.

    \b
    Example:
      claude-tracer resync 1111
      claude-tracer resync codex
      claude-tracer resync all && claude-tracer sync
    """
    done = request(load_config(), SystemClock(), Resync(what))
    if as_json:
        print_json({"files": done.files, "bytes": done.bytes, "gone": done.gone})
        return
    click.echo(said(done))
    if done.gone:
        noun = "file is" if done.gone == 1 else "files are"
        click.echo(f"{done.gone} {noun} not there any more: what was collected of them stays")


def said(done: Done) -> str:
    """Say what is read again and when."""
    if not done.files:
        return "Nothing is read again."
    noun = "file is" if done.files == 1 else "files are"
    return (
        f"{done.files} {noun} read again ({decimal(done.bytes)}): "
        "by the running tracer now, else by the next `claude-tracer sync` or start"
    )
