"""Our totals of the other tools' transcripts against the real ccusage, by day and model.

Every cell is equal, to the token and to 1e-6 USD, but for those listed here with the reason and
what both say (docs/counting.md, section 5). A difference that goes away fails as a new one does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_code_tracer.sources.registry import source_named
from tests.peers.other_homes import LAYOUTS
from tests.peers.peers import Cell, Totals, ccusage, ours
from tests.transcripts import SHARED

Counts = tuple[int, int, int, int] | None
Cells = dict[tuple[str, str], tuple[Counts, Counts]]

EXPLAINED: dict[str, Cells] = {
    # The copied prefix counts once (the manifest's oracle: prefix + A + B), there almost twice.
    "codex siblings": {
        ("2030-01-01", "fixture-model"): (
            (1210579, 38414, 0, 12149120),
            (1718806, 53818, 0, 15226112),
        )
    },
    "codex samples": {
        # Flat counts without `info`, which ccusage does not read.
        ("2025-09-30", "unknown"): ((220, 245, 0, 0), None),
        # No line names a model: unpriced here, taken for gpt-5 there.
        ("2025-10-31", "gpt-5"): (None, (1211, 182, 0, 10880)),
        ("2025-10-31", "unknown"): ((1211, 182, 0, 10880), None),
    },
    "gemini": {
        # A chat whose messages name no model.
        ("2024-01-01", "unknown"): ((3350, 650, 0, 150), None),
        # Thoughts (352 and 1095) are output; ccusage bills them as such and shows them apart.
        ("2026-01-10", "gemini-2.5-flash"): ((25976, 455, 0, 47165), (25976, 103, 0, 47165)),
        ("2026-01-15", "gemini-2.5-flash"): ((17521, 1812, 0, 113854), (17521, 717, 0, 113854)),
    },
    # A line says prompt 600 of which 50 cached, total 605: cached tokens are part of the prompt.
    "qwen": {("2026-06-15", "coder-model"): ((1050, 25, 0, 50), (1100, 25, 0, 50))},
    # The compaction's request (1411 in, 937 out, 40960 read) is written with usageScope session.
    "kimi": {
        ("2026-08-01", "moonshot-ai/kimi-k2.7-code"): (
            (43079, 5845, 0, 689920),
            (41668, 4908, 0, 648960),
        )
    },
    # Sessions that ended without a shutdown record.
    "copilot": {
        ("2025-12-18", "gpt-5-mini"): ((100, 15, 0, 5), None),
        ("2026-03-26", "unknown"): ((0, 26, 0, 0), None),
    },
}
PRICED_ALIKE = {"gemini"}
"""Where both bill the same although they show it differently."""


def differences(mine: Totals, theirs: Totals) -> Cells:
    found: Cells = {}
    for cell in {*mine, *theirs}:
        counts = (_counts(mine.get(cell)), _counts(theirs.get(cell)))
        if counts[0] != counts[1]:
            found[cell] = counts
    return found


def _counts(cell: Cell | None) -> Counts:
    return cell.tokens if cell and any(cell.tokens) else None


if SHARED.is_dir():

    @pytest.mark.parametrize("name", LAYOUTS)
    def test_every_difference_to_ccusage_is_explained(name: str, tmp_path: Path) -> None:
        source, lay_out = LAYOUTS[name]
        lay_out(tmp_path)
        mine, theirs = ours(source_named(source), tmp_path), ccusage(source, tmp_path)
        explained = EXPLAINED.get(name, {})
        assert differences(mine, theirs) == explained
        for cell in {*mine} & {*theirs}:
            is_alike = cell not in explained or name in PRICED_ALIKE
            if theirs[cell].tells_cost and is_alike:
                assert abs(mine[cell].cost - theirs[cell].cost) < 1e-6, cell
