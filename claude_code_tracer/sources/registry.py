"""The list of tools: adding one is a module and a line here."""

from __future__ import annotations

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.sources.claude_code import ClaudeCode
from claude_code_tracer.sources.source import Source

__all__ = ["SOURCES", "source_named"]

SOURCES: tuple[Source, ...] = (ClaudeCode(),)
"""Every tool whose transcripts are collected."""


def source_named(name: str) -> Source:
    """Return the source called `name`."""
    for source in SOURCES:
        if source.name == name:
            return source
    raise ConfigError(f"no source {name}: known are {', '.join(s.name for s in SOURCES)}")
