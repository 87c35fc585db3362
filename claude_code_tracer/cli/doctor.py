"""`doctor`: what is wrong and what to do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from claude_code_tracer.cli.render import print_json, safe
from claude_code_tracer.config import load_config
from claude_code_tracer.doctor import examine

__all__ = ["doctor"]

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check folders, permissions, queue, server and dashboard. Ends with 1 on a problem.

    \b
    Example:
      claude-tracer doctor
    """
    findings = examine(load_config(), datetime.now(UTC))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark, color = _MARKS[finding.state]
            click.echo(f"{click.style(mark, fg=color)} {finding.subject}: {safe(finding.detail)}")
            if finding.advice and finding.state != "ok":
                click.echo(f"    {safe(finding.advice)}")
    raise SystemExit(1 if any(f.state == "problem" for f in findings) else 0)
