"""What a quick command must not import: it would no longer be one."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from claude_code_tracer.cli.root import cli

HEAVY = {"supabase", "httpx", "yaml", "rich", "genai_prices", "psycopg", "realtime", "starlette"}


def imported_by(code: str) -> set[str]:
    show = f"{code}\nimport sys\nprint(*sys.modules)"
    run = [sys.executable, "-c", show]
    return set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("import claude_code_tracer.cli.root", {"msgspec", "http.client"}),
        ("import claude_code_tracer.cli.usage, claude_code_tracer.rpc", set()),
        ("import claude_code_tracer.cli.statusline", {"click", "http.client", "orjson"}),
    ],
    ids=["help", "usage", "statusline"],
)
def test_quick_commands_stay_light(code: str, more: set[str]) -> None:
    assert not imported_by(code) & (HEAVY | more)


@pytest.mark.parametrize("name", cli.list_commands(click.Context(cli)))
def test_the_list_of_commands_says_what_their_own_help_says(name: str) -> None:
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command is not None and command.name == name and command.help
    formatter = click.HelpFormatter(width=500)
    cli.format_commands(context, formatter)
    (line,) = [line for line in formatter.getvalue().splitlines() if line.split()[0] == name]
    listed = line.split(maxsplit=1)[1]
    assert " ".join(command.help.split()).startswith(listed)
