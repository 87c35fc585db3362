"""Which model answered a request, where `ui_messages.json` does not say it itself.

Cline until late 2025 tells it only in `task_metadata.json`: `model_usage` gets an entry before the
first request that another model, provider or mode answers. So the newest entry that is not younger
than a request is its model; a task that an older version began has none for its first requests.
Roo Code since mid 2025 tells it only in `api_conversation_history.json`: in the environment details
of every message it sends, right behind the start of the request. Cline tells it there too, of late:
in `modelInfo` of the answer. What has a time between a request and the next one belongs to it.

Nothing said, or two models for one request, is None: a retry of Roo Code sends no new message.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import msgspec

from claude_code_tracer.sources.cline.documents import items_of
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import Line
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import identifier, mapping, string

__all__ = ["Model", "Models", "model_in"]

_DETAILS = "<environment_details>"
_CURRENT = re.compile(
    r"<slug>[^<\n]{1,200}</slug>\s{0,9}(?:<name>[^<\n]{0,200}</name>\s{0,9})?"
    r"<model>\s{0,9}([^<\s]{1,200})\s{0,9}</model>"
)
"""The current mode in Roo Code's environment details. `<model>` alone stands in any XML file."""


class Model(msgspec.Struct, frozen=True):
    """A model and who provides it, as far as the tool says it."""

    name: str | None = None
    provider: str | None = None


class Models:
    """The models of a task's requests, out of the files beside its list, read when asked for."""

    def __init__(self, beside: Sequence[Line], requests: Iterable[int]) -> None:
        self._beside = beside
        self._requests = sorted(set(requests))

    def at(self, request: int | None) -> Model | None:
        """Return which model answered the request that began at a time in ms."""
        if request is None:
            return None
        if index := bisect_right(self._usage, request, key=lambda entry: entry[0]):
            return self._usage[index - 1][1]
        told = self._told.get(request, set())
        return next(iter(told)) if len(told) == 1 else None

    @cached_property
    def _usage(self) -> list[tuple[int, Model]]:
        """Return from when on which model was in use, in order."""
        metadata = _object(self._beside[0]) if self._beside else {}
        usage = metadata.get("model_usage")
        found = []
        for entry in map(mapping, usage if type(usage) is list else []):
            ts = _ms(entry.get("ts"))
            if ts is not None:
                provider = string(entry.get("model_provider_id"))
                found.append((ts, Model(identifier(entry.get("model_id")), provider)))
        return sorted(found, key=lambda entry: entry[0])

    @cached_property
    def _told(self) -> dict[int, set[Model]]:
        """Return the models that the conversation tells of each request."""
        told: dict[int, set[Model]] = defaultdict(set)
        for message in _messages(self._beside[1]) if len(self._beside) > 1 else ():
            ts = _ms(message.get("ts"))
            model = _model_of(message)
            index = bisect_right(self._requests, ts) if ts is not None else 0
            if model and index:
                told[self._requests[index - 1]].add(model)
        return told


def model_in(details: str) -> str | None:
    """Return the model that Roo Code's environment details in a text name."""
    found = _CURRENT.findall(details)
    return found[-1] if found else None


def _model_of(message: dict[str, Any]) -> Model | None:
    shown = mapping(message.get("modelInfo"))
    if message.get("role") == "assistant" and (name := identifier(shown.get("modelId"))):
        return Model(name, string(shown.get("providerId")))
    if message.get("role") != "user":
        return None
    content = message.get("content")
    texts = (mapping(b).get("text") for b in content) if type(content) is list else [content]
    for text in texts:
        if type(text) is str and text.lstrip().startswith(_DETAILS) and (name := model_in(text)):
            return Model(name)
    return None


def _messages(line: Line) -> list[dict[str, Any]]:
    """Return the messages of a conversation: a list, or since 2026 an object with one."""
    if line.raw.lstrip()[:1] != b"{":
        return [item.value for item in items_of(line)[0]]
    messages = _object(line).get("messages")
    return [mapping(message) for message in messages] if type(messages) is list else []


def _object(line: Line) -> dict[str, Any]:
    found, _ = records(line, lambda _: False) if line.raw.strip() else ([], [])
    return found[0].value if found else {}


def _ms(ts: object) -> int | None:
    return int(ts) if isinstance(ts, int | float) and from_epoch_ms(ts) else None
