"""The list of tools: adding one is a module and a line here."""

from __future__ import annotations

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.sources.amp import Amp
from claude_code_tracer.sources.claude_code import ClaudeCode
from claude_code_tracer.sources.cline import Cline, RooCode
from claude_code_tracer.sources.codex import Codex
from claude_code_tracer.sources.copilot import Copilot
from claude_code_tracer.sources.cursor import Cursor
from claude_code_tracer.sources.droid import Droid
from claude_code_tracer.sources.gemini import Gemini
from claude_code_tracer.sources.goose import Goose
from claude_code_tracer.sources.kimi import Kimi
from claude_code_tracer.sources.opencode import OpenCode
from claude_code_tracer.sources.pi import Pi
from claude_code_tracer.sources.qwen import Qwen
from claude_code_tracer.sources.source import Source

__all__ = ["SOURCES", "source_named"]

SOURCES: tuple[Source, ...] = (
    ClaudeCode(),
    Codex(),
    Gemini(),
    Cursor(),
    OpenCode(),
    Copilot(),
    Qwen(),
    Amp(),
    Goose(),
    Cline(),
    RooCode(),
    Pi(),
    Kimi(),
    Droid(),
)
"""Every tool whose transcripts are collected."""


def source_named(name: str) -> Source:
    """Return the source called `name`."""
    for source in SOURCES:
        if source.name == name:
            return source
    raise ConfigError(f"no source {name}: known are {', '.join(s.name for s in SOURCES)}")
