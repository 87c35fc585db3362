"""Entities as bytes that every JSON reader and PostgreSQL accept (L7, L8)."""

from __future__ import annotations

from typing import Any

import msgspec

from claude_code_tracer.errors import BadRecord
from claude_code_tracer.model import Entity

__all__ = ["decode", "encode", "kind_of"]

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Entity] = msgspec.json.Decoder(Entity)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def encode(entity: Entity) -> bytes:
    """Return `entity` as JSON without NUL, lone surrogates, NaN or infinities.

    Raises BadRecord when it is nested too deeply or holds what JSON cannot say.
    """
    try:
        try:
            body = _ENCODER.encode(entity)
        except UnicodeEncodeError:
            body = rb"\u0000"
        if rb"\u0000" in body:
            body = _ENCODER.encode(_cleaned(msgspec.to_builtins(entity)))
        return body
    except (RecursionError, TypeError, ValueError, OverflowError) as exc:
        raise BadRecord(f"cannot be written as JSON ({type(exc).__name__})") from exc


def decode(body: bytes) -> Entity:
    """Return the entity that `encode` wrote; BadRecord when these are other bytes."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise BadRecord("is damaged in the outbox") from exc


def kind_of(entity: Entity) -> str:
    """Return the entity's word in the schema: `tool_call`."""
    return str(type(entity).__struct_config__.tag)


def _cleaned(value: Any) -> Any:
    """Return `value` as built-in types with every unusable character replaced."""
    if isinstance(value, str):
        clean = value.replace("\0", _REPLACEMENT)
        return clean.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value
