"""What model a transcript means: tools, routers and clouds write one model's name in many ways.

`openrouter/anthropic/claude-opus-4.6`, `us.anthropic.claude-opus-4-6-v1:0`,
`claude-opus-4-6@20260205` and `claude-opus-4-6[1m]` are one model at its list price.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Name", "read_name"]

_MAX_CHARS = 200
_WINDOW = re.compile(r"\[\d+[mk]\]$")
_AT = re.compile(r"@[a-z0-9-]{1,20}$")
_VARIANT = re.compile(r":(free|thinking|beta|nitro|exacto|extended|online|floor|latest)$")
_CLOUD = re.compile(
    r"(?:(?:[a-z]{2,6}(?:-gov)?|global|regional)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia"
    r"|openai|qwen|writer|xai|zai)\.(?=[a-z])"
)
_CLOUD_VERSION = re.compile(r"-v\d+(?::\d+){0,2}k?$")
_CLAUDE_ON_BEDROCK = re.compile(r"(?:[a-z-]+\.)?anthropic\.claude")
_DAY = re.compile(r"-(?:20\d{6}|20\d\d-[01]\d-[0-3]\d|2[4-9](?:0[1-9]|1[0-2])|latest)$")
_NUMBER_FIRST = re.compile(
    r"claude-([4-9](?:[.-]\d)?)-(opus|sonnet|haiku)(?:-(?:(?:low|medium|high|xhigh|max)-)?thinking)?"
)
"""Cursor's way: `claude-4.5-sonnet-thinking`. Generations before the fourth were called so."""
_CLAUDE_FAST = re.compile(r"(claude-.+)-fast$")


@dataclass(frozen=True, slots=True)
class Name:
    """A model's name without its surroundings, and what these say about the price."""

    bare: str
    """Lower case, without router, cloud, window, variant: as its maker calls it."""
    cloud: str | None = None
    """The name as Amazon Bedrock writes it, when the model was called there."""
    routed: str | None = None
    """`vendor/model`, when a router's name was written."""
    is_free: bool = False
    """OpenRouter's `:free`: it costs nothing."""
    is_fast: bool = False
    """The fast mode written into the name (GitHub Copilot's `claude-opus-4.8-fast`)."""

    @property
    def undated(self) -> str:
        """The name without the day or the month of its version."""
        return _DAY.sub("", self.bare)


def read_name(text: str) -> Name:
    """Return what `text`, the name of a model in a transcript, means."""
    whole = _WINDOW.sub("", text[:_MAX_CHARS].strip().lower())
    variant = _VARIANT.search(whole)
    if variant:
        whole = whole[: variant.start()]
    parts = [part for part in whole.split("/") if part]
    last = parts[-1] if parts else ""
    routed = "/".join(parts[-2:]) if len(parts) > 1 else None
    is_free = variant is not None and variant[1] == "free"
    if _CLAUDE_ON_BEDROCK.match(last):
        return Name(_without_cloud(last), cloud=last, routed=routed, is_free=is_free)
    bare = _AT.sub("", _without_cloud(last))
    if swapped := _NUMBER_FIRST.fullmatch(bare):
        bare = f"claude-{swapped[2]}-{swapped[1].replace('.', '-')}"
    fast = _CLAUDE_FAST.match(bare)
    return Name(fast[1] if fast else bare, routed=routed, is_free=is_free, is_fast=fast is not None)


def _without_cloud(name: str) -> str:
    bare = _CLOUD.sub("", name, count=1)
    return name if bare == name else _CLOUD_VERSION.sub("", bare)
