"""The items of a JSON document that holds a list, whole or damaged.

Neither tool writes its lists atomically: an editor that was killed leaves half a list. What stands
before and behind the damage is kept.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import orjson

from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import BadSpan, Line

__all__ = ["Item", "items_of"]

_NUL_ESCAPE = b"\\u0000"
_BOM = b"\xef\xbb\xbf"
_BETWEEN = re.compile(r"[\s,\[\]]*")
_START = re.compile(r'\{\s{0,40}"(?:ts|type|role|id)"')
_DECODER = json.JSONDecoder(strict=False)


class Item(msgspec.Struct, frozen=True):
    """One object of the list, and what was odd about it."""

    value: dict[str, Any]
    flags: tuple[str, ...] = ()


def items_of(line: Line) -> tuple[list[Item], list[BadSpan]]:
    """Return the objects of the list that `line` holds, and what of it is none. Never raises."""
    if not line.raw.strip():
        return [], []  # a file that is just being written
    try:
        value = orjson.loads(line.raw)
    except orjson.JSONDecodeError:
        return _salvage(line)
    if _NUL_ESCAPE in line.raw:
        return _salvage(line)
    if type(value) is not list:
        return [], [BadSpan(line.start, line.end, "not a list")]
    found = [Item(item) for item in value if type(item) is dict]
    whole = len(found) == len(value)
    return found, [] if whole else [BadSpan(line.start, line.end, "not an object")]


class _Text:
    """The text of a damaged list; trying every brace of a hostile one would be quadratic."""

    def __init__(self, raw: bytes) -> None:
        self.text = raw.decode("utf-8", "surrogateescape")
        self._work_left = 8 * len(self.text) + 65536

    def decoded_end(self, at: int) -> int | None:
        """Return where the object at `at` ends; None when there is none that is whole."""
        try:
            end = _DECODER.raw_decode(self.text, at)[1]
        except json.JSONDecodeError as exc:
            is_open_string = exc.msg.startswith("Unterminated")
            self._work_left -= (len(self.text) if is_open_string else exc.pos) - at + 64
            return None
        except (ValueError, RecursionError):
            self._work_left -= 4096
            return None
        return end

    def next_item(self, at: int) -> int:
        """Return where the next whole object starts; the end when there is none."""
        for start in _START.finditer(self.text, at):
            if self._work_left <= 0:
                break
            if (end := self.decoded_end(start.start())) is not None:
                self._work_left -= end - start.start()
                return start.start()
        return len(self.text)

    def size(self, start: int, end: int) -> int:
        """Return how many bytes a part of the text is."""
        return len(self.text[start:end].encode("utf-8", "surrogateescape"))


def _salvage(line: Line) -> tuple[list[Item], list[BadSpan]]:
    raw = line.raw.removeprefix(_BOM)
    start = line.start + len(line.raw) - len(raw)
    piece = _Text(raw)
    found: list[Item] = []
    bad: list[BadSpan] = []
    at = 0
    while True:
        between = _BETWEEN.match(piece.text, at)
        place = between.end() if between else at
        start += piece.size(at, place)
        if place >= len(piece.text):
            return found, bad
        end = piece.decoded_end(place)
        at = end or piece.next_item(place + 1)
        size = piece.size(place, at)
        if end is None:
            bad.append(BadSpan(start, start + size, "not JSON"))
        else:
            text = piece.text[place:at].encode("utf-8", "surrogateescape")
            kept, refused = records(Line(start, start + size, text), lambda _: True)
            found += [Item(record.value, record.flags) for record in kept]
            bad += refused
        start += size
