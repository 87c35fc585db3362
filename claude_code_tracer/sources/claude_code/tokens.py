"""The counts of a `usage` object, checked.

Nearly every one is as the API writes it, so it is checked at once, by its type. Of any other each
field is looked at for itself, and one that is no count is unknown.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from claude_code_tracer.sources.values import MAX_COUNT, MAX_ID_CHARS, count, identifier, mapping

__all__ = ["MAX_SEARCHES", "Usage", "read_usage"]

MAX_SEARCHES = 2**31
_USUAL_PLACES = ("", "global", "not_available")

_Count = Annotated[int, Meta(ge=0, lt=MAX_COUNT)]
_Searches = Annotated[int, Meta(ge=0, lt=MAX_SEARCHES)]
_Word = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)]


class CacheWrites(msgspec.Struct, frozen=True, gc=False):
    """Tokens written to the cache, by how long it lives."""

    ephemeral_5m_input_tokens: _Count | None = None
    ephemeral_1h_input_tokens: _Count | None = None


class OutputDetails(msgspec.Struct, frozen=True, gc=False):
    """What part of the output was."""

    thinking_tokens: _Count | None = None


class ServerTools(msgspec.Struct, frozen=True, gc=False):
    """What the API itself did for the answer."""

    web_search_requests: _Searches | None = None


class Usage(msgspec.Struct, frozen=True, gc=False):
    """A `usage` object as far as it is counted, in its own words."""

    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_creation: CacheWrites | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerTools | None = None
    service_tier: _Word | None = None
    speed: _Word | None = None
    inference_geo: str | None = None

    def place(self) -> str | None:
        """Return where it was computed, when that is a place with a price of its own."""
        place = self.inference_geo
        return None if place is None or place in _USUAL_PLACES else identifier(place)

    def cache_writes(self) -> tuple[int | None, int | None]:
        """Return tokens written to the 5-minute and the 1-hour cache.

        Proxies give a total without the split and old versions a split without the total, so the
        greater of the two counts, and what the split does not explain is 5-minute.
        """
        total, split = self.cache_creation_input_tokens, self.cache_creation
        for_5m = split.ephemeral_5m_input_tokens if split else None
        for_1h = split.ephemeral_1h_input_tokens if split else None
        if total is None and for_5m is None and for_1h is None:
            return None, None
        written = max(total or 0, (for_5m or 0) + (for_1h or 0))
        return written - (for_1h or 0), for_1h


def read_usage(fields: dict[str, Any]) -> Usage:
    """Return what `fields` says; what it does not say as it should is None."""
    try:
        return msgspec.convert(fields, Usage)
    except msgspec.ValidationError:
        return _usable(fields)


def _usable(fields: dict[str, Any]) -> Usage:
    """Return what of `fields` can be used."""
    writes = mapping(fields.get("cache_creation"))
    details = mapping(fields.get("output_tokens_details"))
    tools = mapping(fields.get("server_tool_use"))
    place = fields.get("inference_geo")
    return Usage(
        count(fields.get("input_tokens")),
        count(fields.get("output_tokens")),
        count(fields.get("cache_read_input_tokens")),
        count(fields.get("cache_creation_input_tokens")),
        CacheWrites(
            count(writes.get("ephemeral_5m_input_tokens")),
            count(writes.get("ephemeral_1h_input_tokens")),
        ),
        OutputDetails(count(details.get("thinking_tokens"))),
        ServerTools(count(tools.get("web_search_requests"), MAX_SEARCHES)),
        identifier(fields.get("service_tier")),
        identifier(fields.get("speed")),
        place if type(place) is str else None,
    )
