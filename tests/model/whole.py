"""What a file gives that is read at once, by nobody who is ever disturbed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from claude_code_tracer.model import Entity, Session
from claude_code_tracer.sources.source import Line
from tests.model.dialects import Dialect
from tests.model.server import MoodyServer, key_of
from tests.model.tracer import TextGuard

__all__ = ["whole_rows", "without_paths"]

_Rows = dict[tuple[str, ...], Entity]


def whole_rows(dialect: Dialect, root: Path, name: str, content: bytes, line_max: int) -> _Rows:
    """Return the rows that `content` becomes as the file `name`."""
    transcript = dialect.source.transcript(root, root / name)
    assert transcript
    parsed = dialect.source.parse(transcript, _lines(content, line_max), None)
    server, guard = MoodyServer(0), TextGuard()
    for entity in parsed.entities:
        server.keep(key_of(entity), guard.mask_entity(entity))
    return server.rows


def without_paths(rows: _Rows) -> _Rows:
    """Return rows without where a session's file stood, which moves."""
    return {
        key: msgspec.structs.replace(row, path=None) if isinstance(row, Session) else row
        for key, row in rows.items()
    }


def _lines(content: bytes, line_max: int) -> list[Line]:
    lines, at = [], 0
    for raw in content.split(b"\n")[:-1]:
        end = at + len(raw) + 1
        if len(raw) <= line_max:
            lines.append(Line(at, end, raw))
        at = end
    return lines
