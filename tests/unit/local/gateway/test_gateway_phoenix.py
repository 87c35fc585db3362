"""Frames of both protocol versions."""

from __future__ import annotations

import json

import pytest

from claude_code_tracer.local.gateway.phoenix import (
    BadFrame,
    Frame,
    decode,
    encode,
    encode_broadcast,
)


def test_version_one_is_an_object() -> None:
    text = '{"topic":"t","event":"e","payload":{"a":1},"ref":"2","join_ref":"1"}'
    frame = decode(text, 1)
    assert frame == Frame("t", "e", {"a": 1}, "2", "1")
    expected = {"topic": "t", "event": "e", "payload": {"a": 1}, "ref": "2"}
    assert json.loads(encode(frame, 1)) == expected
    # realtime-py accepts pushes of the server only with a reference of null.
    assert json.loads(encode(Frame("t", "system"), 1))["ref"] is None


def test_version_two_is_an_array() -> None:
    text = '["1","2","t","e",{"a":1}]'
    assert decode(text, 2) == Frame("t", "e", {"a": 1}, "2", "1")
    assert encode(decode(text, 2), 2) == text


def test_a_client_s_binary_broadcast() -> None:
    frame = decode(
        bytes([3, 1, 2, 5, 3, 2, 1]) + b"9" + b"10" + b"topic" + b"evt" + b"{}" + b"[1]", 2
    )
    payload = {"type": "broadcast", "event": "evt", "payload": [1]}
    assert frame == Frame("topic", "broadcast", payload, "10", "9")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x03",
        b"\x04" + bytes(10),
        bytes([3, 9, 0, 0, 0, 0, 1]) + b"short",
        bytes([3, 0, 0, 1, 0, 0, 1]) + b"\xff" + b"{}",
        bytes([3, 0, 0, 1, 0, 0, 1]) + b"t" + b"{",
    ],
)
def test_binary_that_is_no_frame(data: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(data, 2)


@pytest.mark.parametrize("text", ["", "{", "null", "[1,2,3,4,5]", "[]", '["1",2,"t","e",{}]'])
@pytest.mark.parametrize("version", [1, 2])
def test_text_that_is_no_frame(text: str, version: int) -> None:
    with pytest.raises(BadFrame):
        decode(text, version)


def test_a_broadcast_goes_out_binary_in_version_two() -> None:
    data = encode_broadcast("realtime:tö", "evt", b'{"a": 1}', "id-1", 2)
    assert isinstance(data, bytes)
    topic, meta = "realtime:tö".encode(), b'{"id":"id-1"}'
    assert data == bytes([4, len(topic), 3, len(meta), 1]) + topic + b"evt" + meta + b'{"a": 1}'


def test_what_is_too_long_for_a_length_byte_goes_out_as_text() -> None:
    data = encode_broadcast("realtime:" + "t" * 300, "evt", b"{}", "id-1", 2)
    assert isinstance(data, str)
    assert json.loads(data)[3:] == [
        "broadcast",
        {"type": "broadcast", "event": "evt", "payload": {}, "meta": {"id": "id-1"}},
    ]
