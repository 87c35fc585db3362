"""The folders of the tools: which are there, and what cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from claude_code_tracer.config import Config
from claude_code_tracer.doctor.finding import Finding
from claude_code_tracer.sources.registry import SOURCES
from claude_code_tracer.sources.source import Source
from claude_code_tracer.tail.discover import Discovery, discover

__all__ = ["tools"]


def tools(config: Config, now: datetime) -> Iterator[Finding]:
    """Look at the folders of every tool: those there are one by one, the others in one line."""
    absent = []
    for source in SOURCES:
        roots = [r for r in source.roots(config.env, config.user_home) if os.path.lexists(r)]
        if roots:
            yield from _tool(source, roots)
        else:
            absent.append(source.label)
    if absent:
        yield Finding("other tools", "ok", f"no folder of {', '.join(absent)}")


def _tool(source: Source, roots: list[Path]) -> Iterator[Finding]:
    found = [_transcripts(source, root) for root in roots]
    count = sum(len(discovery.files) for discovery in found)
    facts = {"source": source.name, "folders": list(map(str, roots)), "transcripts": count}
    noun = "transcript" if count == 1 else "transcripts"
    where = ", ".join(map(str, roots))
    yield Finding(source.label, "ok", f"{count} {noun} in {where}", facts=facts)
    for path, reason in (error for discovery in found for error in discovery.errors):
        yield Finding(source.label, "warning", f"{path}: {reason}", "make it readable for you")


def _transcripts(source: Source, root: Path) -> Discovery:
    return discover(str(root), lambda path: source.transcript(root, Path(path)) is not None)
