"""The command line. Commands parse arguments and print; what they do stands elsewhere."""

from __future__ import annotations

import sys

import click

from claude_code_tracer import __version__
from claude_code_tracer.cli.doctor import doctor
from claude_code_tracer.cli.inspect import logs, status
from claude_code_tracer.cli.run import start, stop, sync, web
from claude_code_tracer.cli.sessions import sessions
from claude_code_tracer.errors import TracerError
from claude_code_tracer.log import crash

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="claude-tracer")
def cli() -> None:
    """Collect the transcripts of your AI coding tools, with secrets masked, and see what they did.

    \b
    Example:
      claude-tracer start --daemon    collect in the background
      claude-tracer web               open the dashboard, signed in
      claude-tracer sessions list     what happened lately
    """


for command in (start, stop, status, logs, sync, web, sessions, doctor):
    cli.add_command(command)


def main() -> None:
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
        crash("cli", exc)
        click.echo(f"error: {type(exc).__name__} (a bug): see `claude-tracer logs`", err=True)
        sys.exit(1)
