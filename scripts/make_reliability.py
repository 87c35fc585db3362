"""Make docs/reliability.md of tests/faults/rows.toml and the names of the tests.

    python -m scripts.make_reliability

A test shows the rows whose ids its name begins with: `test_f58_f60_...` shows F58 and F60.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["DOCUMENT", "Faults", "Group", "Proof", "Row", "make", "proofs", "read_faults"]

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "reliability.md"
_ROWS = ROOT / "tests" / "faults" / "rows.toml"
_TESTS = ROOT / "tests"
_NAME = re.compile(r"test((?:_f\d\d)+)_(\w+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: its id, what happens, and what of it cannot be shown here."""

    id: str
    fault: str
    outcome: str
    elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Faults:
    """All rows, and what stands above and below them."""

    head: str
    groups: tuple[Group, ...]
    limits: str

    @property
    def rows(self) -> list[Row]:
        """Return the rows of all groups."""
        return [row for group in self.groups for row in group.rows]


@dataclass(frozen=True, slots=True)
class Proof:
    """A test that shows a row."""

    file: Path
    name: str

    @property
    def title(self) -> str:
        """Return the test's name as words, without the ids."""
        match = _NAME.fullmatch(self.name)
        return (match[2] if match else self.name).replace("_", " ")


def read_faults(path: Path = _ROWS) -> Faults:
    """Return the table of faults."""
    table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    groups = [
        Group(group["title"], tuple(Row(id, **row) for id, row in group["rows"].items()))
        for group in table["group"]
    ]
    return Faults(table["head"], tuple(groups), table["limits"])


def proofs(tests: Path = _TESTS) -> dict[str, list[Proof]]:
    """Return the tests of every id, found in the source without running anything."""
    found: dict[str, list[Proof]] = {}
    for file in sorted(tests.rglob("test_*.py")):
        for name in _test_names(file):
            if match := _NAME.fullmatch(name):
                for id in match[1].upper().split("_")[1:]:
                    found.setdefault(id, []).append(Proof(file, name))
    return found


def make(faults: Faults, shown: Mapping[str, list[Proof]]) -> str:
    """Return the document."""
    tables = [_table(group, shown) for group in faults.groups]
    return "\n".join([faults.head, _sum(faults.rows, shown), *tables, faults.limits])


def _test_names(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            yield node.name


def _sum(rows: list[Row], shown: Mapping[str, list[Proof]]) -> str:
    unproven = [row.id for row in rows if row.id not in shown]
    tests = {proof for row in rows for proof in shown.get(row.id, [])}
    told = f"**{len(rows)} faults, {len(tests)} tests.**"
    if unproven:
        told += f" Unproven: {', '.join(unproven)}."
    return f"{told}\n"


def _table(group: Group, shown: Mapping[str, list[Proof]]) -> str:
    lines = [
        f"## {group.title}",
        "",
        "| | Fault | What happens | Shown by |",
        "|---|---|---|---|",
        *(_line(row, shown.get(row.id, [])) for row in group.rows),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row, shown: list[Proof]) -> str:
    told = [_link(proof) for proof in shown] or ["**unproven**"]
    if row.elsewhere:
        told.append(f"*Not here:* {row.elsewhere}")
    return f"| {row.id} | {row.fault} | {row.outcome} | {'<br>'.join(told)} |"


def _link(proof: Proof) -> str:
    return f"[{proof.title}](../{proof.file.relative_to(ROOT).as_posix()})"


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(make(read_faults(), proofs()), "utf-8")
    print(f"wrote {DOCUMENT}")


if __name__ == "__main__":
    main()
