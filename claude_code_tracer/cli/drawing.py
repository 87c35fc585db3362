"""Sheets as tables: numbers stand whole, names are cut, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from claude_code_tracer.cli.render import console, safe
from claude_code_tracer.reports.sheets import Sheet

__all__ = ["print_sheet"]

_BETWEEN = 2
_FLEXIBLE_MIN = 12


def print_sheet(sheet: Sheet) -> None:
    """Print a report with its notes; a narrow terminal gets the main columns only."""
    terminal = console()
    natural = _natural_widths(sheet)
    shown = _shown(sheet, natural, terminal.width)
    widths = _fitted(sheet, natural, shown, terminal.width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number in shown:
        column = sheet.columns[number]
        justify = "right" if column.is_number else "left"
        table.add_column(
            column.name,
            justify=justify,  # type: ignore[arg-type]
            no_wrap=True,
            overflow="ellipsis",
            width=widths[number],
        )
    for line in sheet.lines:
        style = "bold" if line.is_total else "dim" if line.is_dim else None
        table.add_row(*(Text(safe(line.cells[number])) for number in shown), style=style)
    terminal.print(table)
    for note in sheet.notes:
        click.echo(safe(note))
    if left_out := [c.name for n, c in enumerate(sheet.columns) if n not in shown]:
        click.echo(f"(a wider terminal also shows: {', '.join(left_out)})", err=True)


def _natural_widths(sheet: Sheet) -> list[int]:
    return [
        max(cell_len(safe(text)) for text in (column.name, *(ln.cells[n] for ln in sheet.lines)))
        for n, column in enumerate(sheet.columns)
    ]


def _shown(sheet: Sheet, natural: Sequence[int], width: int) -> list[int]:
    """Return the columns that fit, leaving out optional ones, then flexible ones, from the right.

    The first column and what is neither stay, whatever the width.
    """
    columns = sheet.columns
    least = [
        min(size, _FLEXIBLE_MIN) if column.is_flexible else size
        for size, column in zip(natural, columns, strict=True)
    ]
    shown = list(range(len(columns)))
    expendable = [n for n in reversed(shown) if columns[n].is_optional]
    expendable += [n for n in reversed(shown) if columns[n].is_flexible]
    for number in expendable:
        if _width(least, shown) <= width:
            break
        shown.remove(number)
    return shown


def _fitted(sheet: Sheet, natural: list[int], shown: list[int], width: int) -> list[int]:
    """Return the widths with flexible columns cut, evenly, to what is left for them."""
    widths = list(natural)
    flexible = [n for n in shown if sheet.columns[n].is_flexible]
    over = _width(widths, shown) - width
    while over > 0 and flexible:
        widest = max(flexible, key=lambda n: widths[n])
        if widths[widest] <= _FLEXIBLE_MIN:
            break
        widths[widest] -= 1
        over -= 1
    return widths


def _width(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[n] + _BETWEEN for n in shown) - _BETWEEN
