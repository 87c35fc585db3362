"""The commands by name, and how errors end. A command's module is imported when the command runs.

Importing all of them takes half a second, and nobody waits half a second for a help text.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NamedTuple

import click

from claude_code_tracer import __version__
from claude_code_tracer.errors import TracerError

__all__ = ["cli", "run"]


class _Place(NamedTuple):
    module: str
    """In this package; it holds the command under the command's name."""
    help: str
    """How the command's own help begins."""


_COMMANDS = {
    "start": _Place("run", "Collect transcripts and serve the dashboard until stopped (Ctrl-C)."),
    "stop": _Place(
        "run", "Stop the running tracer; what is not sent yet stays queued for the next start."
    ),
    "restart": _Place(
        "run",
        "Stop the tracer if it runs and start it in the background, with the settings of now.",
    ),
    "status": _Place(
        "inspect",
        "Say whether the tracer runs, what it has collected, and what stands still and why.",
    ),
    "logs": _Place("inspect", "Print the tracer's log."),
    "sync": _Place("run", "Collect and send all there is, then exit."),
    "web": _Place("run", "Open the dashboard, signed in by a link that works once"),
    "sessions": _Place("sessions", "List sessions, read one, or watch them as they happen."),
    "usage": _Place("usage", "Say what was used and what it cost."),
    "prices": _Place("prices", "Show prices, and price again what is stored."),
    "parked": _Place("parked", "Show, try again, or forget what could not be read or sent."),
    "resync": _Place("resync", "Read transcripts again from their start."),
    "service": _Place("service", "Have the tracer start at login and again after a crash."),
    "doctor": _Place("doctor", "Check folders, permissions, queue, server and dashboard."),
}


class _LazyGroup(click.Group):
    """A group whose help knows its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        command = getattr(import_module(f"claude_code_tracer.cli.{place.module}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.help) for name, place in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="claude-tracer")
def cli() -> None:
    """Collect the transcripts of your AI coding tools, with secrets masked, and see what they did.

    \b
    Example:
      claude-tracer start --daemon    collect in the background
      claude-tracer web               open the dashboard, signed in
      claude-tracer sessions list     what happened lately
      claude-tracer usage             what it cost, by day
    """


def run() -> None:
    """Run the command line; errors end with a sentence and their own exit code."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except TracerError as exc:
        click.echo(f"error: {exc}", err=True)
        sys.exit(exc.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output left (`| head`)
        sys.exit(0)
    except Exception as exc:  # style rule 10: the CLI entry point
        from claude_code_tracer.log import crash

        crash("cli", exc)
        click.echo(f"error: {type(exc).__name__} (a bug): see `claude-tracer logs`", err=True)
        sys.exit(1)
