"""Sessions and their messages as text."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from claude_code_tracer.cli.render import ago, cost, count, safe

__all__ = ["print_facts", "print_message", "session_table"]

_TOOL_INPUT_CHARS = 120
_RESULT_LINES = 6


def session_table(rows: list[dict[str, Any]]) -> Table:
    """Return one line per session; the title gives way when the terminal is narrow."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("session", no_wrap=True, min_width=8)
    table.add_column("project", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("title", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("activity", no_wrap=True, min_width=10)
    for name in ("prompts", "tools", "output", "cost"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for row in rows:
        failed = f" ({row['tool_error_count']}✗)" if row["tool_error_count"] else ""
        table.add_row(
            safe(row["native_id"], 9),
            safe(row["project"] or "?"),
            safe(row["title"] or "", 80),
            ago(row["ended_at"]),
            str(row["prompt_count"]),
            f"{row['tool_call_count']}{failed}",
            count(row["output_tokens"]),
            cost(row["total_cost_usd"], row["total_unpriced_call_count"]),
        )
    return table


def print_facts(row: dict[str, Any], subagents: list[dict[str, Any]]) -> None:
    click.secho(safe(row["title"] or row["native_id"]), bold=True)
    tokens = (
        f"{count(row['input_tokens'])} in, {count(row['output_tokens'])} out, "
        f"{count(row['cache_read_tokens'])} from cache, {count(row['cache_write_tokens'])} to cache"
    )
    facts = {
        "session": f"{row['native_id']} ({row['source']})",
        "project": row["cwd"],
        "branch": row["branch"],
        "models": ", ".join(row["models"]),
        "activity": f"{ago(row['started_at'])} to {ago(row['ended_at'])}",
        "tokens": tokens,
        "cost": cost(row["total_cost_usd"], row["total_unpriced_call_count"]),
        "masked": f"{row['masked_count']} secrets" if row["masked_count"] else None,
        "subagents": ", ".join(
            f"{a['agent_type'] or a['agent_id']} {cost(a['cost_usd'])}" for a in subagents
        ),
    }
    for name, value in facts.items():
        if value:
            click.echo(f"  {name:<10} {safe(value)}")


def print_message(message: dict[str, Any]) -> None:
    who = message["kind"] if message["role"] != "assistant" else safe(message["model"] or "answer")
    usage = message["usage"]
    paid = f"  {cost(usage['cost_usd'])}" if usage else ""
    click.secho(f"\n── {who} · {message['at'] or 'no time'}{paid}", fg="cyan")
    tools = {call["id"]: call for call in message["tool_calls"]}
    for block in message["blocks"]:
        if call := tools.pop(block["tool_call_id"], None):
            _print_tool_call(call)
        elif block["text"]:
            click.secho(safe(block["text"]), dim=block["kind"] == "thinking")
        elif block["kind"] not in ("tool_call", "thinking"):
            click.echo(f"[{block['kind']}]")
    for call in tools.values():
        _print_tool_call(call)


def _print_tool_call(call: dict[str, Any]) -> None:
    main = _main_argument(call["input"])
    mark = {None: "…", False: "✓", True: "✗"}[call["is_error"]]
    first_line = main.split("\n", 1)[0]
    click.secho(
        f"{mark} {safe(call['name'] or 'tool')} {safe(first_line, _TOOL_INPUT_CHARS)}", bold=True
    )
    for hunk in call["diff"] or []:
        for line in hunk["lines"]:
            click.secho(f"    {safe(line)}", fg={"+": "green", "-": "red"}.get(line[:1]))
    if call["result"] and not call["diff"]:
        lines = call["result"].splitlines()
        for line in lines[:_RESULT_LINES]:
            click.echo(f"    {safe(line, 160)}")
        if len(lines) > _RESULT_LINES:
            click.echo(f"    … {len(lines) - _RESULT_LINES} more lines")


def _main_argument(asked: Any) -> str:
    """Return what best says in a line what a tool was asked: some take one text, most an object."""
    values = asked.values() if isinstance(asked, dict) else [asked]
    return next((value for value in values if isinstance(value, str)), "")
