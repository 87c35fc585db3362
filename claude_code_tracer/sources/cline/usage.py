"""Tokens as the two tools count them; the same word means different things in them.

`tokensIn` of Cline is what was not in the cache, except where a provider's own count is passed on
(`_INCLUSIVE`). Of Roo Code it is everything since 3.29.5 (November 2025); before, it was what the
API called input, without the cache for Anthropic's, with it for OpenAI's. `inputTokens` of Cline's
SDK is the AI SDK's, mostly everything. Where cache and input cannot fit into one another, the input
was fresh: the numbers themselves say so, whatever the label.
"""

from __future__ import annotations

from typing import Any

from claude_code_tracer.sources.draft import Usage
from claude_code_tracer.sources.values import count

__all__ = ["sdk_usage", "task_usage"]

_INCLUSIVE = frozenset({"openai", "litellm", "requesty", "zai", "xai", "qwen-code", "oca"})
"""Providers of Cline whose count of input is passed on with the cached tokens in it."""


def task_usage(info: dict[str, Any], *, is_roo: bool, provider: str | None) -> Usage | None:
    """Return what an `api_req_started` says; None while it says nothing, or failed unbilled."""
    fresh, output = count(info.get("tokensIn")), count(info.get("tokensOut"))
    writes, reads = count(info.get("cacheWrites")), count(info.get("cacheReads"))
    return _usage(fresh, output, reads, writes, is_roo or provider in _INCLUSIVE)


def sdk_usage(metrics: dict[str, Any]) -> Usage | None:
    """Return what `metrics` of a message of the SDK says; None when it says nothing."""
    return _usage(
        count(metrics.get("inputTokens")),
        count(metrics.get("outputTokens")),
        count(metrics.get("cacheReadTokens")),
        count(metrics.get("cacheWriteTokens")),
        is_inclusive=True,
    )


def _usage(
    tokens_in: int | None,
    output: int | None,
    reads: int | None,
    writes: int | None,
    is_inclusive: bool,
) -> Usage | None:
    if not any((tokens_in, output, reads, writes)):
        return None
    cached = (reads or 0) + (writes or 0)
    if is_inclusive and tokens_in is not None and tokens_in >= cached:
        tokens_in -= cached
    return Usage(
        input_tokens=tokens_in,
        output_tokens=output,
        cache_read_tokens=reads,
        cache_write_5m_tokens=writes,
    )
