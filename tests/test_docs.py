"""What the documentation says of the sources is what the registry says."""

from __future__ import annotations

import re
from pathlib import Path

from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import Fact

TABLE = (Path(__file__).parent.parent / "docs" / "sources.md").read_text("utf-8")
COLUMNS: list[Fact] = ["tokens", "model", "results", "diffs", "times", "cost"]


def rows() -> dict[str, list[str]]:
    """Return the cells of the table's rows by the source's name."""
    found = {}
    for line in TABLE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        name = re.fullmatch(r"(.+) `([a-z_]+)`", cells[0])
        if name and len(cells) == 9:
            found[name[2]] = [name[1], *cells[1:]]
    return found


def test_every_source_has_a_row_and_every_row_a_source() -> None:
    assert {name: row[0] for name, row in rows().items()} == {s.name: s.label for s in SOURCES}


def test_rows_say_what_sources_know() -> None:
    for source in SOURCES:
        cells = dict(zip(COLUMNS, rows()[source.name][2:8], strict=True))
        known = {fact for fact, cell in cells.items() if cell != "-"}
        assert known == source.knows, source.name


def test_rows_name_where_sources_look() -> None:
    for source in SOURCES:
        paths = rows()[source.name][1]
        roots = [str(root) for root in source.roots({}, Path("~"))]
        assert any(part in paths for root in roots for part in _parts(root)), source.name


def _parts(root: str) -> list[str]:
    """Return a root, and without its last folder, as the table may write it."""
    parts = root.split("/")
    return ["/".join(parts[:n]) for n in range(3, len(parts) + 1)] + ["/".join(parts[-3:-1])]
