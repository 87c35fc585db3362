"""`sessions list | show | watch`: what happened, on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime

import click
import orjson

from claude_code_tracer.cli.render import console, print_json, safe
from claude_code_tracer.cli.replay import print_facts, print_message, session_table
from claude_code_tracer.clock import SystemClock
from claude_code_tracer.config import load_config
from claude_code_tracer.follow import new_messages
from claude_code_tracer.health import running_health
from claude_code_tracer.reads import Reader
from claude_code_tracer.serving import served
from claude_code_tracer.ship.credentials import read_credentials

__all__ = ["sessions"]


@click.group()
def sessions() -> None:
    """List sessions, read one, or watch them as they happen."""


@contextlib.contextmanager
def _reader() -> Iterator[Reader]:
    config = load_config()
    with served(config):
        yield Reader(read_credentials(config.home))


@sessions.command("list")
@click.option("-n", "--limit", default=30, show_default=True, type=click.IntRange(1, 1000))
@click.option("--offset", default=0, type=click.IntRange(0), help="Skip this many.")
@click.option("--json", "as_json", is_flag=True, help="Print all columns as JSON.")
def list_(limit: int, offset: int, as_json: bool) -> None:
    """List sessions, the latest activity first.

    \b
    Example:
      claude-tracer sessions list --limit 10
    """
    with _reader() as reader:
        rows = reader.sessions(limit, offset)
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("No sessions yet. Collect with: claude-tracer sync")
    else:
        console().print(session_table(rows))


@sessions.command()
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="Print session and messages as JSON.")
def show(session: str, as_json: bool) -> None:
    """Print one session: its facts and its messages in order. SESSION is an id or its beginning.

    \b
    Example:
      claude-tracer sessions show 1111
    """
    with _reader() as reader:
        row = reader.session(session)
        if as_json:
            messages = list(reader.replay(row["id"]))
            print_json({**row, "subagents": reader.subagents(row["id"]), "messages": messages})
            return
        print_facts(row, reader.subagents(row["id"]))
        for message in reader.replay(row["id"]):
            print_message(message)


@sessions.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per change.")
def watch(as_json: bool) -> None:
    """Print sessions as they change, live, until Ctrl-C. Needs a running tracer.

    \b
    Example:
      claude-tracer sessions watch
    """
    config = load_config()
    running_health(config.home)
    reader = Reader(read_credentials(config.home))
    since = SystemClock().now()
    click.echo("Waiting for new messages. Ctrl-C ends.", err=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(reader, since, as_json))


async def _watch(reader: Reader, since: datetime, as_json: bool) -> None:
    shown = ""
    async for session, message in new_messages(reader, since):
        if as_json:
            click.echo(orjson.dumps({"session": session, "message": message}))
            continue
        if session["id"] != shown:
            name = session["title"] or session["native_id"]
            click.secho(f"\n{safe(session['project'] or '?')} · {safe(name, 80)}", bold=True)
            shown = session["id"]
        print_message(message)
