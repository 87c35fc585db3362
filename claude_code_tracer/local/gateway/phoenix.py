"""The frames of Supabase Realtime (Phoenix channels), protocol versions 1.0.0 and 2.0.0. Pure.

Version 1 is a JSON object per frame, version 2 a JSON array. In version 2 broadcasts travel as
binary frames: a kind byte, one length byte per field, the fields, then the payload.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

__all__ = ["BadFrame", "Frame", "decode", "encode", "encode_broadcast"]

_CLIENT_BROADCAST = 3
_SERVER_BROADCAST = 4
_JSON = 1
_MAX_FIELD = 255


class BadFrame(Exception):
    """A client sent something that is not a frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a channel. The server's own messages have no `ref`."""

    topic: str
    event: str
    payload: dict[str, Any] = field(default_factory=dict)
    ref: str | None = None
    join_ref: str | None = None


def decode(data: str | bytes, version: int) -> Frame:
    """Return the frame in a text or binary message; BadFrame when there is none."""
    if isinstance(data, bytes):
        return _decode_binary(data)
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise BadFrame("not JSON") from exc
    if version == 2:
        if not isinstance(content, list) or len(content) != 5:
            raise BadFrame("not an array of five")
        join_ref, ref, topic, event, payload = content
    else:
        if not isinstance(content, dict):
            raise BadFrame("not an object")
        join_ref, ref = content.get("join_ref"), content.get("ref")
        topic, event, payload = (content.get(name) for name in ("topic", "event", "payload"))
    if not isinstance(topic, str) or not isinstance(event, str):
        raise BadFrame("no topic or event")
    if not all(word is None or isinstance(word, str) for word in (ref, join_ref)):
        raise BadFrame("a reference is not text")
    return Frame(topic, event, payload if isinstance(payload, dict) else {}, ref, join_ref)


def encode(frame: Frame, version: int) -> str:
    """Return the text message for a frame."""
    return _encode(frame.topic, frame.event, frame.payload, version, frame.ref, frame.join_ref)


def encode_broadcast(
    topic: str, event: str, payload: bytes, message_id: str, version: int
) -> str | bytes:
    """Return the message for a broadcast; `payload` is JSON text and is passed on as it is."""
    if version == 2:
        fields = [topic.encode(), event.encode(), orjson.dumps({"id": message_id})]
        if all(len(item) <= _MAX_FIELD for item in fields):
            head = bytes([_SERVER_BROADCAST, *map(len, fields), _JSON])
            return b"".join([head, *fields, payload])
    content = {
        "type": "broadcast",
        "event": event,
        "payload": orjson.Fragment(payload),
        "meta": {"id": message_id},
    }
    return _encode(topic, "broadcast", content, version, None, None)


def _encode(
    topic: str,
    event: str,
    payload: dict[str, Any],
    version: int,
    ref: str | None,
    join_ref: str | None,
) -> str:
    if version == 2:
        return orjson.dumps([join_ref, ref, topic, event, payload]).decode()
    content = {"topic": topic, "event": event, "payload": payload, "ref": ref}
    return orjson.dumps(content).decode()


def _decode_binary(data: bytes) -> Frame:
    """Read a client's broadcast: kind, five lengths, encoding, five fields, payload."""
    if len(data) < 7 or data[0] != _CLIENT_BROADCAST:
        raise BadFrame("unknown kind of binary frame")
    fields, start = [], 7
    for length in data[1:6]:
        fields.append(data[start : start + length])
        start += length
    if start > len(data):
        raise BadFrame("binary frame is cut off")
    try:
        join_ref, ref, topic, event, _ = (item.decode() for item in fields)
        body: object = orjson.loads(data[start:]) if data[6] == _JSON else None
    except ValueError as exc:
        raise BadFrame("binary frame holds invalid text") from exc
    payload = {"type": "broadcast", "event": event, "payload": body}
    return Frame(topic, "broadcast", payload, ref or None, join_ref or None)
