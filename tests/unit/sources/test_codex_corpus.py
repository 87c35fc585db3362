"""Any pieces give the same and nothing raises: on our golden rollouts and on real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_code_tracer.model import Entity, Session
from claude_code_tracer.sources.source import Transcript
from tests.transcripts import SHARED
from tests.unit.sources.codex_rollouts import CODEX, parse_pieces
from tests.unit.sources.parsing import Outcome, lines_of

HOME = Path(__file__).parents[2] / "golden" / "sources" / "codex" / "home"
GOLDEN = sorted(path for path in (HOME / ".codex").rglob("rollout-*") if path.is_file())
CORPUS = SHARED / "corpus"
FAMILIES = sorted((CORPUS / "codex_cli").rglob("Issue2037/*/manifest.json"))
REAL = sorted(
    path
    for path in [*(CORPUS / "misc").rglob("*.jsonl"), *(CORPUS / "codex_cli").rglob("*.jsonl")]
    if "codex" in str(path).lower() and b'"session_meta"' in path.read_bytes()[:4000]
)
FILES = [*GOLDEN, *REAL]
NEW_KINDS = ("turn.completed", "raw_item", "rateLimits", "tool_call", "tool_result", "this")
"""Records that other programs' authors made up for their tests."""
HOSTILE: list[Any] = [
    None,
    True,
    -1,
    1e400,
    2**70,
    "",
    "x" * 300,
    [],
    [[]],
    {},
    {"type": {}},
    "2026-07-01",
]


def transcript(path: Path) -> Transcript:
    name = path.name.removesuffix(".txt")
    found = CODEX.transcript(path.parent, path.with_name(name))
    assert found
    return found


def by_key(entities: Sequence[Entity]) -> dict[tuple[str, ...], Entity]:
    return {
        (type(e).__name__, e.session, "" if isinstance(e, Session) else e.id): e for e in entities
    }


def parse(path: Path, cuts: Sequence[int] = ()) -> Outcome:
    return Outcome(parse_pieces(path.read_bytes(), transcript(path), cuts))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FILES), st.integers(0, 2**32))
def test_any_pieces_of_a_file_give_the_same(path: Path, seed: int) -> None:
    random = Random(seed)
    count = len(lines_of(path.read_bytes()))
    share = random.choice((0.05, 0.3, 1))
    cuts = [i for i in range(1, count) if random.random() < share]
    assert by_key(parse(path, cuts).entities) == by_key(parse(path).entities)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name[8:18])
def test_lines_read_again_change_nothing(path: Path) -> None:
    """A file that is replaced by a longer copy of itself is read from its start again (I5)."""
    lines = lines_of(path.read_bytes())
    whole = by_key(parse(path).entities)
    for end in range(len(lines)):
        first = CODEX.parse(transcript(path), lines[:end], None)
        second = CODEX.parse(transcript(path), lines, None)
        assert by_key(Outcome([first, second]).entities) == whole


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value inside `value`."""
    inside = value.items() if type(value) is dict else enumerate(value)
    found = []
    for name, item in inside:
        found.append((*at, name))
        if type(item) in (dict, list):
            found += places(item, (*at, name))
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(GOLDEN), st.integers(0, 2**32))
def test_any_value_may_be_anything(path: Path, seed: int) -> None:
    random = Random(seed)
    lines = path.read_bytes().splitlines()
    for _ in range(3):
        number = random.randrange(len(lines))
        try:
            record = json.loads(lines[number])
        except ValueError:
            continue
        if not record:
            continue
        way = random.choice(places(record))
        target = record
        for name in way[:-1]:
            target = target[name]
        target[way[-1]] = random.choice(HOSTILE)
        lines[number] = json.dumps(record).encode()
    data = b"\n".join(lines) + b"\n"
    whole = Outcome(parse_pieces(data, transcript(path)))
    single = Outcome(parse_pieces(data, transcript(path), range(1, len(lines))))
    assert by_key(single.entities) == by_key(whole.entities)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(GOLDEN), st.integers(0, 2**32))
def test_damaged_bytes_cost_no_more_than_their_lines(path: Path, seed: int) -> None:
    random = Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(random.randrange(1, 6)):
        data[random.randrange(len(data))] = random.randrange(256)
    parse_pieces(bytes(data), transcript(path))


if CORPUS.is_dir():

    @pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
    def test_real_rollouts_are_understood(path: Path) -> None:
        outcome = parse(path)
        assert outcome.bad == []
        for message in outcome.messages:
            if message.kind == "unknown":
                data = json.dumps([block.data for block in outcome.blocks(message)])
                assert any(kind in data for kind in NEW_KINDS), data[:200]

    @pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
    def test_real_token_sums_are_those_of_the_last_totals(path: Path) -> None:
        """A counter that never falls: all its calls together are its last total."""
        last: dict[str, int] = {}
        for line in path.read_bytes().splitlines():
            info = json.loads(line).get("payload", {}).get("info") if line.strip() else None
            total = (info or {}).get("total_token_usage") or {}
            last = total if total.get("input_tokens") else last
        if not last:
            return
        calls = parse(path).calls
        read = sum(c.cache_read_tokens or 0 for c in calls)
        assert read == last.get("cached_input_tokens", 0)
        assert sum(c.input_tokens or 0 for c in calls) + read == last["input_tokens"]
        assert sum(c.output_tokens or 0 for c in calls) == last["output_tokens"]

    @pytest.mark.parametrize("manifest", FAMILIES, ids=lambda path: path.parent.name)
    @pytest.mark.parametrize("order", [1, -1])
    def test_forks_of_one_family_are_counted_once(manifest: Path, order: int) -> None:
        """The manifests' authors counted these by hand; they say what a naive sum gets wrong."""
        family = json.loads(manifest.read_text())
        files = [manifest.parent / file["relativePath"] for file in family["files"]][::order]
        parsed = [parse_pieces(f.read_bytes(), transcript(f))[0] for f in files]
        calls = Outcome(parsed).calls
        total = sum(
            (c.input_tokens or 0) + (c.cache_read_tokens or 0) + (c.output_tokens or 0)
            for c in calls
        )
        # Their units count cached tokens twice: once as such, once inside the input.
        units = total + sum(c.cache_read_tokens or 0 for c in calls)
        oracle, scanner = family.get("oracle"), family.get("scannerOracle", {})
        if oracle:
            assert total == oracle["dedupedLastTokens"] - estimates(files)
        if "prefixScannerUnits" in scanner and scanner.get("siblingAUniqueScannerUnits"):
            names = ("prefix", "siblingAUnique", "siblingBUnique")
            assert units == sum(scanner[f"{name}ScannerUnits"] for name in names)
        elif scanner:
            assert units == scanner["dedupedScannerUnits"]
        if not oracle:
            assert (total, len(calls)) == (17, 2)

    def estimates(files: Sequence[Path]) -> int:
        """Return what the oracle adds for events whose total stands still: nobody was billed."""
        found: dict[tuple[int, int], None] = {}
        for file in files:
            total = None
            for line in file.read_bytes().splitlines():
                info = json.loads(line)["payload"].get("info")
                if info and info["total_token_usage"] == total:
                    used = info["last_token_usage"]["total_tokens"]
                    found[info["total_token_usage"]["total_tokens"], used] = None
                total = info["total_token_usage"] if info else total
        return sum(used for _, used in found)
