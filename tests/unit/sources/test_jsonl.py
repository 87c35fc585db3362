"""Records out of damaged lines: F13-F20, lab L6, L7, L19."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.source import BadSpan, Line

WHOLE = {"type": "user", "sessionId": "s", "uuid": "u1", "message": {"content": "hällo"}}
OTHER = {"type": "user", "sessionId": "s", "uuid": "u2", "message": {"content": 'a "q" {"b":1}'}}


def is_whole(value: dict[str, Any]) -> bool:
    return "sessionId" in value


def read(raw: bytes, start: int = 0) -> tuple[list[Record], list[BadSpan]]:
    return records(Line(start, start + len(raw) + 1, raw), is_whole)


def dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_whole_line_is_one_record_with_its_offsets() -> None:
    raw = dumped(WHOLE)
    assert read(raw, 100) == ([Record(100, 100 + len(raw) + 1, WHOLE)], [])


@pytest.mark.parametrize("raw", [b"", b" ", b"\r", b"\t \r", b"\xef\xbb\xbf"])
def test_f14_blank_lines_say_nothing(raw: bytes) -> None:
    assert read(raw) == ([], [])


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbf%s", b"%s\r", b"  %s  "])
def test_f14_bom_and_crlf_are_ignored(raw: bytes) -> None:
    found, bad = read(raw % dumped(WHOLE))
    assert [record.value for record in found] == [WHOLE]
    assert found[0].flags == ()
    assert bad == []


def test_f13_broken_utf8_is_replaced_and_flagged() -> None:
    found, bad = read(dumped(WHOLE).replace("ä".encode(), b"\xe4"))
    assert found[0].value["message"]["content"] == "h\ufffdllo"
    assert found[0].flags == ("invalid_utf8",)
    assert bad == []


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"\0\0\0%(a)s", [WHOLE]),
        (b"%(a)s\0\0", [WHOLE]),
        (b"%(a)s\0\0%(b)s", [WHOLE, OTHER]),
        (b"\0%(a)s\0%(b)s\0", [WHOLE, OTHER]),
        (b"\0" * 4096, []),
    ],
)
def test_f15_nul_runs_leave_the_records_around_them(
    raw: bytes, values: list[dict[str, Any]]
) -> None:
    line = raw % {b"a": dumped(WHOLE), b"b": dumped(OTHER)} if values else raw
    found, bad = read(line, 7)
    assert [record.value for record in found] == values
    assert all("salvaged" in record.flags for record in found)
    assert {span.reason for span in bad} == {"NUL bytes"}
    assert sum(span.end - span.start for span in bad) == line.count(b"\0")
    for record in found:
        assert json.loads(line[record.start - 7 : record.end - 7]) == record.value


def test_f16_glued_records_are_both_kept() -> None:
    found, bad = read(dumped(WHOLE) + dumped(OTHER))
    assert [record.value for record in found] == [WHOLE, OTHER]
    assert bad == []
    assert found[0].start != found[1].start


def test_f16_a_record_cut_at_any_byte_leaves_the_next_one_whole() -> None:
    first, second = dumped(WHOLE), dumped(OTHER)
    for cut in range(1, len(first)):
        found, bad = read(first[:cut] + second)
        assert [record.value for record in found] == [OTHER], cut
        assert [(span.start, span.end) for span in bad] == [(0, cut)], cut
        assert found[0].flags[-1] == "salvaged"


def test_f16_an_object_inside_a_damaged_record_is_no_record() -> None:
    nested = {
        "type": "progress",
        "sessionId": "s",
        "data": {"message": {"type": "user", "uuid": 1}},
    }
    raw = dumped(nested)
    found, bad = read(raw[: raw.index(b"}}}") + 1])
    assert found == []
    assert len(bad) == 1


def test_f18_line_separators_in_a_string_are_text() -> None:
    value = {**WHOLE, "message": {"content": "a\u2028b\u0085c\x1c"}}
    found, _ = read(json.dumps(value, ensure_ascii=False).replace("\x1c", "\\u001c").encode())
    assert found[0].value == value


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (r'"a\u0000b"', "a\ufffdb"),
        (r'"a\ud800b"', "a\ufffdb"),
        (r'"\udc00"', "\ufffd"),
        (r'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        ("NaN", None),
        ("-Infinity", None),
        ("1e400", None),
        ("123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_f19_what_postgres_refuses_is_replaced(text: str, kept: object) -> None:
    found, bad = read(b'{"type":"user","x":%s}' % text.encode())
    value = found[0].value["x"]
    assert value == kept or value == float(str(kept))
    assert bad == []
    json.dumps(found[0].value).encode()


def test_f19_keys_are_cleaned_too() -> None:
    found, _ = read(rb'{"type":"user","a\u0000":{"b\ud800":1}}')
    assert found[0].value == {"type": "user", "a\ufffd": {"b\ufffd": 1}}
    assert found[0].flags == ("sanitized",)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"type":"user","n":' + b"9" * 5000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 500_000,
        b'{"type":"user","x":' + b"[" * 900 + b'"\\ud800"' + b"]" * 900 + b"}",
        b"42",
        b'"text"',
        b"[1]",
        b"null",
        b'{"type":',
        b"\xff\xfe",
    ],
    ids=lambda raw: raw[:12].decode("latin-1"),
)
def test_f20_what_is_no_record_is_one_bad_span(raw: bytes) -> None:
    found, bad = read(raw, 50)
    assert found == []
    assert [(span.start, span.end) for span in bad] == [(50, ANY)]
    assert 0 < len(bad[0].reason) < 40


@pytest.mark.parametrize("piece", [b'{"a":', b'{"', b'{"a":"', b"\0{", b'{"sessionId":1}x'])
def test_a_hostile_line_takes_linear_time(piece: bytes) -> None:
    started = time.process_time()
    read(piece * (2_000_000 // len(piece)))
    assert time.process_time() - started < 5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(st.binary(max_size=40) | json_values.map(lambda v: json.dumps(v).encode())))
def test_any_bytes_are_accounted_for_and_nothing_raises(pieces: list[bytes]) -> None:
    raw = b"".join(pieces).replace(b"\n", b" ")
    found, bad = read(raw, 3)
    spans = sorted([(r.start, r.end) for r in found] + [(b.start, b.end) for b in bad])
    assert all(3 <= start < end <= 3 + len(raw) + 1 for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    for record in found:
        text = json.dumps(record.value, ensure_ascii=False, allow_nan=False)
        assert "\\u0000" not in text
        text.encode()
