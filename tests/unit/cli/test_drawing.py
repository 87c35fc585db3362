"""Tables on terminals of any width: numbers are whole or not there."""

from __future__ import annotations

import pytest

from claude_code_tracer.cli.drawing import print_sheet
from claude_code_tracer.reports.sheets import Column, Line, Sheet

SHEET = Sheet(
    (
        Column("Date"),
        Column("Title", is_flexible=True),
        Column("Calls", is_number=True, is_optional=True),
        Column("Cost", is_number=True),
    ),
    [
        Line(("2026-11-21", "A long title that goes on [bold]and on\x1b[2J", "1,234", "$123.45")),
        Line(("Total", "", "1,234", "$123.45"), is_total=True),
    ],
    ["3 calls have no known price: glm\x1b[2J-9 (3)"],
)


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def draw(width: int) -> tuple[list[str], str]:
        monkeypatch.setattr("claude_code_tracer.cli.render._PIPE_WIDTH", width)
        print_sheet(SHEET)
        out, err = capsys.readouterr()
        return out.splitlines(), err

    return draw


def test_a_wide_terminal_shows_everything(draw) -> None:
    (heading, first, total, note), err = draw(120)
    assert heading.split() == ["Date", "Title", "Calls", "Cost"]
    assert "A long title that goes on [bold]and on\N{REPLACEMENT CHARACTER}[2J" in first
    assert total.split() == ["Total", "1,234", "$123.45"]
    assert note == "3 calls have no known price: glm\N{REPLACEMENT CHARACTER}[2J-9 (3)"
    assert err == ""


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (50, ["Date", "Title", "Calls", "Cost"]),
        (37, ["Date", "Title", "Cost"]),
        (25, ["Date", "Cost"]),
    ],
)
def test_a_narrow_one_cuts_names_but_never_numbers(draw, width: int, columns: list[str]) -> None:
    (heading, first, *_), err = draw(width)
    assert heading.split() == columns
    assert len(first) <= width
    assert first.endswith("$123.45")
    assert ("…" in first) == ("Title" in columns)
    assert ("Calls" in err) == ("Calls" not in columns)
