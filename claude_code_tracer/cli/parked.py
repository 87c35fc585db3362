"""`parked list | retry | drop`: what was set aside because it could not be read or sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from claude_code_tracer.again import request
from claude_code_tracer.cli.render import ago, console, print_json, safe
from claude_code_tracer.cli.resync import said
from claude_code_tracer.clock import SystemClock
from claude_code_tracer.config import Config, load_config
from claude_code_tracer.outbox import OutboxReader, SetAside
from claude_code_tracer.requests import Done, Drop, Retry

__all__ = ["parked"]

_NOTHING = "Nothing is set aside."


@click.group()
def parked() -> None:
    """Show, try again, or forget what could not be read or sent.

    A piece of a transcript that is damaged, that the privacy guard cannot vouch for, or that the
    server refuses is set aside, so that it holds up nothing else. Only where it stands is kept,
    never what it says.
    """


@parked.command("list")
@click.option("-n", "--limit", default=30, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="Print all fields as JSON.")
def list_(limit: int, as_json: bool) -> None:
    """List what is set aside, newest first: where it stands and why, never what it says.

    \b
    Example:
      claude-tracer parked list -n 5
    """
    items, total = _read(load_config(), limit)
    if as_json:
        print_json([_fields(item) for item in items])
    elif not items:
        click.echo(_NOTHING)
    else:
        console().print(_table(items))
        if total > len(items):
            click.echo(f"{total - len(items)} older ones are not shown: use -n {total}", err=True)


@parked.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=int)
@click.option("--all", "is_all", is_flag=True, help="All that is set aside.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def retry(ids: tuple[int, ...], is_all: bool, as_json: bool) -> None:
    """Read again what was set aside, such as after an update; what still fails comes back.

    The whole file is read again, as by `resync`. What stands in a file that is gone or was replaced
    cannot be read again and stays on the list.

    \b
    Example:
      claude-tracer parked retry 12 13
      claude-tracer parked retry --all
    """
    done = request(load_config(), SystemClock(), Retry(_chosen(ids, is_all)))
    if as_json:
        print_json({**_figures(done), "files": done.files, "bytes": done.bytes})
        return
    click.echo(said(done))
    _say_kept(done)


@parked.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=int)
@click.option("--all", "is_all", is_flag=True, help="All that is set aside.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def drop(ids: tuple[int, ...], is_all: bool, yes: bool, as_json: bool) -> None:
    """Forget what was set aside. The transcripts themselves are never touched.

    \b
    Example:
      claude-tracer parked drop 12
      claude-tracer parked drop --all --yes
    """
    numbers = _chosen(ids, is_all)
    what = "all that is set aside" if numbers is None else f"{len(numbers)} on the list"
    if not yes:
        click.confirm(f"Forget {what}?", abort=True, err=True)
    done = request(load_config(), SystemClock(), Drop(numbers))
    if as_json:
        print_json(_figures(done))
        return
    click.echo(f"{done.pointers} forgotten." if done.pointers else "Nothing was forgotten.")
    _say_kept(done)


def _chosen(ids: Sequence[int], is_all: bool) -> list[int] | None:
    if is_all == bool(ids):
        raise click.UsageError("give the numbers that `claude-tracer parked list` shows, or --all")
    return None if is_all else list(ids)


def _read(config: Config, limit: int) -> tuple[list[SetAside], int]:
    if not config.home.outbox.exists():
        return [], 0
    with OutboxReader.open_readonly(config.home.outbox) as outbox:
        return outbox.set_aside(limit), outbox.stats().parked_rows


def _figures(done: Done) -> dict[str, Any]:
    kept = [{"why": why, "ids": ids} for why, ids in done.kept.items()]
    return {"pointers": done.pointers, "kept": kept}


def _say_kept(done: Done) -> None:
    for why, ids in done.kept.items():
        some = ", ".join(map(str, ids[:10])) + (" ..." if len(ids) > 10 else "")
        click.echo(f"{len(ids)} left as they are, because {why}: {some}")


def _fields(item: SetAside) -> dict[str, Any]:
    pointer, file = item.pointer, item.file
    return {
        "id": item.id,
        "at": item.at,
        "source": file.source if file else None,
        "session": _session(item),
        "file": _path(item),
        "is_current": item.is_current,
        "start": pointer.start,
        "end": pointer.end,
        "sha256": pointer.sha256,
        "kind": pointer.kind,
        "reason": pointer.reason,
    }


def _table(items: Sequence[SetAside]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "when", "session", "what", "why", "file"):
        table.add_column(name, overflow="fold", no_wrap=name in {"id", "when"})
    for item in items:
        cells = (str(item.id), ago(item.at), _session(item), _what(item), _why(item), _path(item))
        table.add_row(*(safe(cell) for cell in cells))
    return table


def _session(item: SetAside) -> str | None:
    """Return `source/session`."""
    if item.pointer.session:
        return item.pointer.session
    return f"{item.file.source}/{item.file.session}" if item.file else None


def _what(item: SetAside) -> str:
    pointer = item.pointer
    if pointer.kind:
        return pointer.kind
    if pointer.start is None or pointer.end is None:
        return "the file"
    return f"bytes {pointer.start}-{pointer.end}"


def _why(item: SetAside) -> str:
    is_other = item.file is not None and not item.is_current
    return item.pointer.reason + (" (its file was replaced since)" if is_other else "")


def _path(item: SetAside) -> str | None:
    path = item.file.path if item.file else None
    return path and path.encode("utf-8", "backslashreplace").decode()
