"""Texts and JSON with every secret replaced. Pure: the same rules give the same answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from claude_code_tracer.guard.checks import PLACEHOLDER
from claude_code_tracer.guard.engine import Engine
from claude_code_tracer.guard.rules import Rule

__all__ = ["Findings", "Masked", "Masker"]

_SHORTEST_SECRET = 6
_MAX_PASSES = 8
_WORD_REST = re.compile(r"\w[\w-]*", re.ASCII)
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]")


Findings = dict[str, int]
"""How often which rule fired."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without its secrets, and how often which rule fired."""

    text: str
    findings: Findings


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    rule: Rule


class Masker:
    """Applies rules; holds no state of what it masked."""

    def __init__(self, rules: Sequence[Rule], engine: Engine) -> None:
        self._engine = engine
        self._keyed = [rule for rule in rules if rule.keys]

    def text(self, text: str, found: Findings) -> str:
        """Return `text` masked, the same object when nothing is; count into `found`.

        Repeated until nothing is left, so that masking a masked text changes nothing.
        """
        for _ in range(_MAX_PASSES):
            spans = self._spans(text)
            if not spans:
                return text
            _count(found, spans)
            text = _replace(text, spans)
        raise ValueError("masking does not come to an end")

    def json(self, value: Any, found: Findings) -> Any:
        """Return a copy of a JSON value with all its strings and keys masked."""
        if type(value) is str:
            return self.text(value, found)
        if type(value) is dict:
            return {
                self.text(key, found): self._entry(key, item, found) for key, item in value.items()
            }
        if type(value) is list:
            if len(value) > 1 and all(type(item) is str for item in value):
                return self._lines(value, found)
            return [self.json(item, found) for item in value]
        return value

    def _entry(self, key: str, value: Any, found: Findings) -> Any:
        """Mask a value that its key calls a secret whole, any other by what it holds."""
        if type(value) is str and not PLACEHOLDER.fullmatch(value):
            for rule in self._keyed:
                if rule.is_secret_value(key, value):
                    found[rule.id] = found.get(rule.id, 0) + 1
                    return rule.replacement
        return self.json(value, found)

    def _lines(self, lines: list[str], found: Findings) -> list[str]:
        """Mask strings that are lines of one text: a key may run over many of them."""
        for _ in range(_MAX_PASSES):
            spans = self._spans("\n".join(lines))
            if not spans:
                return lines
            _count(found, spans)
            lines = _replace_in_lines(lines, spans)
        raise ValueError("masking does not come to an end")

    def _spans(self, text: str) -> list[_Span]:
        """Return what is to be replaced, in order and without overlap."""
        if len(text) < _SHORTEST_SECRET:
            return []
        if not text.isascii() and _INVISIBLE.search(text):
            return self._spans_behind_invisible(text)
        spans = [
            _Span(*secret, rule)
            for rule in self._engine.candidates(text)
            for match in rule.pattern.finditer(text)
            if (secret := rule.secret_of(match))
        ]
        return _merged(spans, text) if spans else spans

    def _spans_behind_invisible(self, text: str) -> list[_Span]:
        """Look at what a reader sees: zero-width characters must not hide a secret (S34)."""
        seen = [i for i, c in enumerate(text) if not _INVISIBLE.match(c)]
        spans = self._spans("".join(text[i] for i in seen))
        return [_Span(seen[s.start], seen[s.end - 1] + 1, s.rule) for s in spans]


def _merged(spans: list[_Span], text: str) -> list[_Span]:
    """Return spans in order; overlapping ones become one, called by the rule that comes first."""
    spans.sort(key=lambda span: (span.start, -span.end))
    merged: list[_Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last is None or span.start >= last.end:
            merged.append(_whole_word(span, text))
        elif last.rule.yields and not span.rule.yields:
            merged[-1] = _whole_word(span, text)
        elif span.end > last.end and not span.rule.yields:
            merged[-1] = _whole_word(_Span(last.start, span.end, last.rule), text)
    return merged


def _whole_word(span: _Span, text: str) -> _Span:
    """Return `span` up to the end of a word that it cuts: no tail of a long token may stay."""
    rest = _WORD_REST.match(text, span.end) if text[span.end - 1].isalnum() else None
    return _Span(span.start, rest.end(), span.rule) if rest else span


def _count(found: Findings, spans: list[_Span]) -> None:
    for span in spans:
        found[span.rule.id] = found.get(span.rule.id, 0) + 1


def _replace(text: str, spans: list[_Span]) -> str:
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += (text[at : span.start], span.rule.replacement)
        at = span.end
    return "".join((*parts, text[at:]))


def _replace_in_lines(lines: list[str], spans: list[_Span]) -> list[str]:
    """Replace in each line what a span covers of it, so that their number stays the same."""
    masked = []
    offset = first = 0
    for line in lines:
        end = offset + len(line)
        while first < len(spans) and spans[first].end <= offset:
            first += 1
        here = []
        for i in range(first, len(spans)):
            if spans[i].start >= end:
                break
            here.append(_part_in_line(spans[i], line, offset))
        masked.append(_replace(line, [part for part in here if part.start < part.end]))
        offset = end + 1
    return masked


def _part_in_line(span: _Span, line: str, offset: int) -> _Span:
    """Return what `span` covers of `line`, which begins at `offset`; a diff's sign stays."""
    start = max(span.start - offset, 0)
    if span.start < offset and line[:1] in ("+", "-", " "):
        start = 1
    return _Span(start, min(span.end - offset, len(line)), span.rule)
