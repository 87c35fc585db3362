"""How facts look on a terminal: tables, numbers, and text that cannot steer the terminal (S29)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ago", "console", "cost", "count", "duration", "print_json", "safe"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


_PIPE_WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """Return a console for tables (stdout) or for talk (stderr); wide when it is no terminal."""
    from rich.console import Console  # commands that print JSON do without

    plain = Console(stderr=stderr, highlight=False, soft_wrap=stderr)
    if not plain.is_terminal:
        plain.width = _PIPE_WIDTH
    return plain


def safe(text: object, limit: int | None = None) -> str:
    """Return `text` without characters that act on a terminal; cut to `limit` with an ellipsis."""
    clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "" if text is None else str(text))
    return clean if limit is None or len(clean) <= limit else clean[: limit - 1] + "…"


def print_json(value: Any, *, sort_keys: bool = False) -> None:
    """Print one JSON document, indented, to stdout."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | (orjson.OPT_SORT_KEYS if sort_keys else 0)
    click.echo(orjson.dumps(value, option=options).decode())


def cost(usd: object, unpriced: int = 0) -> str:
    """Return a cost to the cent; `?` when it is not known, `+` when a part is not."""
    if usd is None:
        return "?"
    return f"${Decimal(str(usd)):,.2f}" + ("+" if unpriced else "")


def count(number: int | None) -> str:
    """Return a number short enough for a table: 1234 -> 1.2k; `?` when it is not known."""
    if number is None:
        return "?"
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


def duration(seconds: float) -> str:
    """Return how long that is, in its largest unit: `12 s`, `5 min`, `3 h`, `2 days`."""
    for least, size, unit in ((172_800, 86_400, "days"), (3600, 3600, "h"), (60, 60, "min")):
        if seconds >= least:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"


def ago(at: str | datetime | None, now: datetime | None = None) -> str:
    """Return how long ago `at` was: `12 s`, `5 min`, `3 h`, or the date when it is older."""
    if at is None:
        return "?"
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return f"{max(int(seconds), 0)} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86400:
        return f"{int(seconds // 3600)} h ago"
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
