"""Write a batch as `api.ingest` reads it, and cut what is too large to be sent at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from claude_code_tracer.model import Block, Entity, Message, ModelCall, Session, ToolCall

__all__ = ["LISTS", "encode_batch", "list_of", "shrink"]

LISTS: dict[type[Entity], str] = {
    Session: "sessions",
    Message: "messages",
    Block: "blocks",
    ToolCall: "tool_calls",
    ModelCall: "model_calls",
}
"""The batch's lists, and which entities go where."""

_LIST_OF = {str(kind.__struct_config__.tag): name for kind, name in LISTS.items()}
_ENCODER = msgspec.json.Encoder()
_NEVER_CUT = {"type", "id", "source", "session", "message", "tool_call", "parent", "agent_session"}
_JSON_MEMBERS = ("input", "data", "diff")
_MARKER = " ... [{} bytes or more cut by claude-tracer: too large to send]"
_ATTEMPTS = 8


def list_of(kind: str) -> str:
    """Return the name of the list that entities of this kind (their tag) belong into."""
    return _LIST_OF[kind]


def encode_batch(
    rows: Iterable[tuple[str, bytes]], guard_version: int, tracer_version: str
) -> bytes:
    """Return the request's body; each list keeps the order of `rows` (kind, entity as JSON).

    The entities are not looked into: their bytes were written by the same encoder.
    """
    lists: dict[str, list[bytes]] = {name: [] for name in LISTS.values()}
    for kind, body in rows:
        lists[_LIST_OF[kind]].append(_without_tag(body))
    facts = f'"guard_version":{guard_version:d},"tracer_version":"{tracer_version}"'
    members = [b'"%s":[%s]' % (name.encode(), b",".join(rows)) for name, rows in lists.items()]
    return b'{"batch":{%s}}' % b",".join([facts.encode(), *members])


def shrink(entity: Entity, max_bytes: int) -> Entity | None:
    """Return `entity` cut to fit `max_bytes`, saying so where it was cut; None if it cannot be.

    The longest text goes first; what is large without a long text goes as a whole (F69).
    """
    tree: dict[str, Any] = msgspec.to_builtins(entity)
    for _ in range(_ATTEMPTS):
        excess = len(_ENCODER.encode(tree)) - max_bytes
        if excess <= 0:
            smaller: Entity = msgspec.convert(tree, Entity, strict=False)
            return smaller
        if not (_cut_longest(tree, excess) or _drop_largest(tree)):
            return None
    return None


def _without_tag(body: bytes) -> bytes:
    """Return an entity without the tag, which is its first member and means nothing to SQL."""
    return b"{" + body[body.index(b",") + 1 :]


def _cut_longest(tree: dict[str, Any], excess: int) -> bool:
    holder, key, text = max(_texts(tree), key=lambda found: len(found[2]), default=(None, "", ""))
    marker = _MARKER.format(excess)
    size = len(_ENCODER.encode(text))
    surplus = excess + len(marker)
    if holder is None or size * _ATTEMPTS < surplus or len(text) <= len(marker):
        return False
    keep = len(text) * max(0, size - surplus) // size
    holder[key] = text[:keep] + marker
    return True


def _drop_largest(tree: dict[str, Any]) -> bool:
    sizes = {name: len(_ENCODER.encode(tree[name])) for name in _JSON_MEMBERS if name in tree}
    if not sizes:
        return False
    name = max(sizes, key=lambda name: sizes[name])
    size = sizes[name]
    del tree[name]
    if name != "diff":  # its readers expect hunks
        tree[name] = _MARKER.format(size).strip()
    return size > len(_MARKER) * 2


def _texts(tree: dict[str, Any]) -> list[tuple[Any, Any, str]]:
    found: list[tuple[Any, Any, str]] = []
    waiting: list[tuple[Any, Any, Any]] = [
        (tree, name, value) for name, value in tree.items() if name not in _NEVER_CUT
    ]
    while waiting:
        holder, key, value = waiting.pop()
        if isinstance(value, str):
            found.append((holder, key, value))
        elif isinstance(value, dict):
            waiting += [(value, name, item) for name, item in value.items()]
        elif isinstance(value, list):
            waiting += [(value, index, item) for index, item in enumerate(value)]
    return found
