"""Which rules can match a text at all: most texts hold nothing, and that must be cheap to see.

Two engines with the same answer in the end, because a rule that fires is always confirmed by its
own expression over the whole text: hyperscan where its wheel exists, keywords elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.guard.rules import Rule

__all__ = ["Engine", "KeywordEngine", "best_engine"]


class Engine(Protocol):
    """Finds candidates; may name a rule too many, never one too few."""

    name: str

    def candidates(self, text: str) -> Sequence[Rule]:
        """Return the rules that may match `text`, in their own order."""
        ...


class KeywordEngine:
    """Looks for each rule's keywords; needs nothing but Python."""

    name = "keywords"

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(rule, rule.keywords) for rule in rules]

    def candidates(self, text: str) -> Sequence[Rule]:
        lower = text.lower()
        return [r for r, keywords in self._rules if any(word in lower for word in keywords)]


class _HyperscanEngine:
    """Runs all expressions at once over the bytes."""

    name = "hyperscan"

    def __init__(self, rules: Sequence[Rule], hyperscan: Any) -> None:
        self._rules = tuple(rules)
        self._fired: list[int] = []
        self._database = hyperscan.Database()
        # Once per rule and text is enough; what hyperscan cannot express it may answer too often.
        flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_PREFILTER
        self._database.compile(
            expressions=[rule.find.encode() for rule in rules],
            ids=list(range(len(rules))),
            elements=len(rules),
            flags=[flags] * len(rules),
        )
        self._scan = self._database.scan

    def candidates(self, text: str) -> Sequence[Rule]:
        self._scan(text.encode("utf-8", "surrogatepass"), match_event_handler=self._note)
        if not self._fired:
            return ()
        fired = sorted(set(self._fired))
        self._fired.clear()
        return [self._rules[i] for i in fired]

    def _note(self, id: int, start: int, end: int, flags: int, context: object) -> None:
        self._fired.append(id)


def best_engine(rules: Sequence[Rule]) -> Engine:
    """Return the fastest engine that this machine has."""
    try:
        import hyperscan  # no wheel for Windows on ARM
    except ImportError:
        return KeywordEngine(rules)
    try:
        return _HyperscanEngine(rules, hyperscan)
    except hyperscan.HyperscanError as exc:
        raise ConfigError(f"the privacy rules do not compile: {exc}") from exc
