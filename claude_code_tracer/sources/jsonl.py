"""Records out of one line of a JSONL file, whole or damaged. Never raises on content.

A line normally is one JSON object. Tools also leave NUL runs where a write was lost, two records
glued together, a record cut off by the next one, a byte order mark, broken UTF-8 and values that
PostgreSQL refuses. What is whole is kept, what is not comes back as a span (F13-F20, lab L7, L19).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec
import orjson

from claude_code_tracer.sources.source import BadSpan, Line

__all__ = ["Record", "records", "whole_record"]

_NUL_ESCAPE = b"\\u0000"
_BOM = b"\xef\xbb\xbf"
_NUL_RUN = re.compile(rb"\x00+")
_START = re.compile(r'\{\s{0,8}"')
_SPACE = re.compile(r"\s*")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_DEPTH = 200
_MAX_NUL_RUNS = 1000
_MAX_DIGITS = 300
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Record(msgspec.Struct, frozen=True, gc=False):
    """One JSON object and the bytes of the file that hold it. No NUL, surrogate or NaN in it."""

    start: int
    end: int
    value: dict[str, Any]
    flags: tuple[str, ...] = ()


IsWhole = Callable[[dict[str, Any]], bool]


def records(line: Line, is_whole: IsWhole) -> tuple[list[Record], list[BadSpan]]:
    """Return the records of `line` and what of it is none.

    `is_whole` tells a record of the tool from an object nested in one; it is asked only about
    objects found behind damage.
    """
    if record := whole_record(line):
        return [record], []
    try:
        is_object = type(orjson.loads(line.raw)) is dict
    except orjson.JSONDecodeError:
        is_object = True
    if not is_object:
        return [], [BadSpan(line.start, line.end, "not an object")]
    return _Salvage(line, is_whole).run()


def whole_record(line: Line) -> Record | None:
    """Return the record that `line` is, the usual case; None when `records` must look closer."""
    raw = line.raw
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    # From the right: that looks for backslashes, which are fewer than zeros, and is a third faster.
    # And only behind the first one: two thirds of the lines have none.
    escape = raw.find(b"\\")
    if type(value) is not dict or (escape >= 0 and raw.rfind(_NUL_ESCAPE, escape) >= 0):
        return None
    return Record(line.start, line.end, value)


class _Piece:
    """Bytes without NUL as text, with the way back from characters to bytes of the file."""

    def __init__(self, raw: bytes, start: int) -> None:
        exact = raw.decode("utf-8", "surrogateescape")
        self.text = _ESCAPED_BYTE.sub(_REPLACEMENT, exact)
        self.flags = () if self.text == exact else ("invalid_utf8",)
        self._exact = exact
        self._known = (0, start)

    def byte(self, at: int) -> int:
        """Return the file offset of character `at`; `at` must not go backwards."""
        char, byte = self._known
        byte += len(self._exact[char:at].encode("utf-8", "surrogateescape"))
        self._known = (at, byte)
        return byte

    def skip_space(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at


class _Salvage:
    """The slow way through one line."""

    def __init__(self, line: Line, is_whole: IsWhole) -> None:
        self._line = line
        self._is_whole = is_whole
        self._found: list[Record] = []
        self._bad: list[BadSpan] = []
        # Trying every brace of a hostile line would be quadratic: this many characters, no more.
        self._work_left = 16 * len(line.raw) + 65536

    def run(self) -> tuple[list[Record], list[BadSpan]]:
        for piece in self._pieces():
            self._take(piece)
        if self._bad or len(self._found) > 1:
            self._found = [_salvaged(record) for record in self._found]
        return self._found, self._bad

    def _pieces(self) -> Iterator[_Piece]:
        """Yield what stands between runs of NUL bytes; the runs themselves are bad spans (F15)."""
        raw, start = self._line.raw, self._line.start
        runs = list(islice(_NUL_RUN.finditer(raw), _MAX_NUL_RUNS + 1))
        if len(runs) > _MAX_NUL_RUNS:  # no write was lost that often: these are no records
            self._add_bad(start, start + len(raw), "NUL bytes")
            return
        at = len(_BOM) if raw.startswith(_BOM) else 0
        for run in runs:
            if run.start() > at:
                yield _Piece(raw[at : run.start()], start + at)
            self._add_bad(start + run.start(), start + run.end(), "NUL bytes")
            at = run.end()
        yield _Piece(raw[at:], start + at)

    def _add_bad(self, start: int, end: int, reason: str) -> None:
        """Add a bad span; one that continues the last makes it longer."""
        last = self._bad[-1] if self._bad else None
        if last and last.end == start:
            self._bad[-1] = BadSpan(last.start, end, last.reason)
        else:
            self._bad.append(BadSpan(start, end, reason))

    def _take(self, piece: _Piece) -> None:
        at = piece.skip_space(0)
        while at < len(piece.text):
            value, end, reason = self._decode(piece, at)
            is_first = not self._found and not self._bad
            if value is not None and (is_first or self._is_record(piece, value, end)):
                self._keep(piece, at, end, value)
                at = piece.skip_space(end)
            else:
                end = self._next_record(piece, at)
                self._add_bad(piece.byte(at), piece.byte(end), reason)
                at = end

    def _next_record(self, piece: _Piece, at: int) -> int:
        """Return where behind `at` the next whole record starts, or the end (F16)."""
        for start in _START.finditer(piece.text, at + 1):
            if self._work_left <= 0:
                break
            value, end, _ = self._decode(piece, start.start())
            if value is not None and self._is_record(piece, value, end):
                return start.start()
        return len(piece.text)

    def _is_record(self, piece: _Piece, value: dict[str, Any], end: int) -> bool:
        """Tell whether an object behind damage is a record, not a part of the damaged one."""
        behind = piece.skip_space(end)
        is_end = behind == len(piece.text) or piece.text[behind] == "{"
        return is_end and self._is_whole(value)

    def _decode(self, piece: _Piece, at: int) -> tuple[dict[str, Any] | None, int, str]:
        """Return the object at `at` and its end, or why there is none."""
        try:
            value, end = _DECODER.raw_decode(piece.text, at)
        except RecursionError:
            self._work_left -= 4096
            return None, at, "nested too deep"
        except _Unusable as exc:
            self._work_left -= 4096
            return None, at, str(exc)
        except json.JSONDecodeError as exc:
            # An open string was read to its end; and the error counts all newlines before it.
            is_open_string = exc.msg.startswith("Unterminated")
            seen = (len(piece.text) if is_open_string else exc.pos) - at
            self._work_left -= seen + exc.pos // 16 + 64
            return None, at, "not JSON"
        self._work_left -= end - at
        return (value, end, "") if type(value) is dict else (None, end, "not an object")

    def _keep(self, piece: _Piece, at: int, end: int, value: dict[str, Any]) -> None:
        start, stop = piece.byte(at), piece.byte(end)
        changes: list[str] = []
        try:
            clean = _clean(value, changes, _MAX_DEPTH)
        except _Unusable as exc:
            self._add_bad(start, stop, str(exc))
            return
        flags = (*piece.flags, "sanitized") if changes else piece.flags
        self._found.append(Record(start, stop, clean, flags))


def _salvaged(record: Record) -> Record:
    return msgspec.structs.replace(record, flags=(*record.flags, "salvaged"))


class _Unusable(Exception):
    """A value that cannot be kept; the text is the reason."""


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _int(text: str) -> int:
    if len(text) > _MAX_DIGITS:  # F20: 5,000 digits are no count of anything, and int() refuses
        raise _Unusable("number too long")
    return int(text)


def _constant(_: str) -> None:
    """NaN and Infinity are unknown numbers."""


_DECODER = json.JSONDecoder(
    parse_float=_float, parse_int=_int, parse_constant=_constant, strict=False
)


def _clean(value: Any, changes: list[str], depth: int) -> Any:
    """Copy `value` without what PostgreSQL refuses: NUL characters and lone surrogates (F19)."""
    if type(value) is str:
        return _clean_text(value, changes)
    if type(value) not in (dict, list):
        return value
    if depth == 0:
        raise _Unusable("nested too deep")
    if type(value) is list:
        return [_clean(item, changes, depth - 1) for item in value]
    return {
        _clean_text(key, changes): _clean(item, changes, depth - 1) for key, item in value.items()
    }


def _clean_text(text: str, changes: list[str]) -> str:
    if text.isascii() and "\0" not in text:
        return text
    clean = _SURROGATE.sub(_REPLACEMENT, text).replace("\0", _REPLACEMENT)
    if clean != text:
        changes.append("text")
    return clean
