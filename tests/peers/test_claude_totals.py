"""Our totals of Claude Code's transcripts against two other tools', by day and model.

ccusage counts every line without a request id apart when its time differs, so what a proxy streams
counts about twice (docs/counting.md). That this is the whole difference is shown here: counting
the same lines by its key gives its numbers, counting them by ours gives ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from claude_code_tracer.sources.registry import source_named
from tests.peers.peers import Cell, Totals, agentsview, ccusage, ours
from tests.transcripts import SHARED, Conversation, lay_out_corpus

CLAUDE = source_named("claude_code")
Key = Callable[["UsageLine"], tuple[Any, ...]]


class UsageLine:
    """A line that holds usage, or a subagent's line replayed in one."""

    def __init__(self, raw: bytes, record: dict[str, Any]) -> None:
        if record.get("type") == "progress":
            record = {**record, **record["data"]["message"]}
        usage = record["message"]["usage"]
        self.raw = raw
        self.id = record["message"].get("id")
        self.request = record.get("requestId")
        self.at = record["timestamp"]
        self.model = record["message"]["model"]
        self.session = record.get("sessionId")
        self.tokens = (
            usage["input_tokens"],
            usage["output_tokens"],
            usage.get("cache_creation_input_tokens") or 0,
            usage.get("cache_read_input_tokens") or 0,
        )


def our_key(line: UsageLine) -> tuple[Any, ...]:
    return (line.id, line.tokens[0], *line.tokens[2:])


def their_key(line: UsageLine) -> tuple[Any, ...]:
    if line.request:
        return line.id, line.request
    return line.id, line.session, line.at


def lines_with_usage(home: Path) -> Iterator[UsageLine]:
    for path in sorted((home / ".claude" / "projects").rglob("*.jsonl")):
        for raw in path.read_bytes().split(b"\n"):
            if b'"usage"' not in raw:
                continue
            try:
                line = UsageLine(raw, orjson.loads(raw))
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue
            if line.model != "<synthetic>":
                yield line


def counted(lines: Iterator[UsageLine], key: Key) -> dict[tuple[str, str], tuple[int, ...]]:
    """Count lines of one key once, with the greatest counts."""
    best: dict[tuple[Any, ...], UsageLine] = {}
    for line in lines:
        known = best.get(key(line))
        if known is None or sum(line.tokens) > sum(known.tokens):
            best[key(line)] = line
    totals: dict[tuple[str, str], Cell] = defaultdict(Cell)
    for line in best.values():
        totals[line.at[:10], line.model].add(*line.tokens)
    return {cell: total.tokens for cell, total in totals.items()}


def tokens(totals: Totals) -> dict[tuple[str, str], tuple[int, ...]]:
    return {cell: total.tokens for cell, total in totals.items()}


def test_one_conversation_costs_the_same_everywhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    session = Conversation(home, "11111111-1111-4111-8111-111111111111")
    session.prompt("hello")
    session.tool_result(session.tool_use("Bash", {"command": "ls"}), "a b")
    session.answer("done", output_tokens=700)
    mine = ours(CLAUDE, home)
    for theirs in (ccusage("claude", home), agentsview(home, tmp_path / "agentsview")):
        assert tokens(theirs) == tokens(mine)
        for cell, total in mine.items():
            assert abs(theirs[cell].cost - total.cost) < 1e-6


if SHARED.is_dir():

    @pytest.fixture(scope="module")
    def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
        home = tmp_path_factory.mktemp("corpus")
        lay_out_corpus(home)
        return home

    def test_every_difference_to_ccusage_is_explained(home: Path) -> None:
        mine, theirs = ours(CLAUDE, home), ccusage("claude", home)
        # It looks for `"usage":{` and misses what was written with blanks (two hand-made files).
        compact = [line for line in lines_with_usage(home) if b'"usage":{' in line.raw]
        assert tokens(theirs) == counted(iter(compact), their_key)
        by_our_key = counted(lines_with_usage(home), our_key)
        assert {c: t.tokens[:2] for c, t in mine.items()} == {
            c: t[:2] for c, t in by_our_key.items()
        }
        without_request = {(line.at[:10], line.model) for line in compact if not line.request}
        same = [c for c in theirs if c not in without_request and c in mine]
        assert len(same) >= 25
        differing = [c for c in same if mine[c].tokens != theirs[c].tokens]
        assert differing == [("2025-06-14", "claude-sonnet-4")]  # hand-made ids: msg_004 twice
        for cell in same:
            if cell not in differing:
                # It does not know what the searches of the WebSearch tool cost.
                fees = Decimal("0.01") * mine[cell].searches
                assert abs(mine[cell].cost - fees - theirs[cell].cost) < 1e-6, cell

    def test_agentsview_is_a_second_opinion(home: Path, tmp_path: Path) -> None:
        mine, theirs = ours(CLAUDE, home), agentsview(home, tmp_path / "data")
        ours_total = sum(total.output for total in mine.values())
        their_total = sum(total.output for total in theirs.values())
        assert abs(ours_total - their_total) <= ours_total * 0.001
        equal = [c for c in mine if c in theirs and theirs[c].tokens == mine[c].tokens]
        assert len(equal) >= len(mine) * 0.6
