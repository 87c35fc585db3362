"""Builders for Claude Code transcripts, and the real ones that may stand beside the checkout."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["SHARED", "Conversation", "lay_out_corpus"]

SHARED = Path(os.environ.get("CLAUDE_TRACER_SHARED", Path(__file__).parents[2] / "shared"))
"""Real transcripts for tests. They are not part of the project; where they are missing, tests that
need them are not collected and the synthetic ones below carry the same checks."""


class Conversation:
    """Write one session's transcript, record by record, the way Claude Code does."""

    def __init__(self, home: Path, session: str, cwd: str = "/home/u/proj") -> None:
        self.session = session
        self._cwd = cwd
        slug = cwd.replace("/", "-")
        self.path = home / ".claude" / "projects" / slug / f"{session}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._count = 0
        self._at = datetime(2026, 11, 1, 10, tzinfo=UTC)

    def now(self) -> None:
        """Let the next record be written now instead of on the day it began."""
        self._at = datetime.now(UTC)

    def prompt(self, text: str) -> None:
        """Write what a person typed."""
        self._write("user", {"role": "user", "content": text})

    def answer(self, text: str, *, output_tokens: int = 100) -> None:
        """Write an answer of the model."""
        self._assistant({"type": "text", "text": text}, output_tokens)

    def tool_use(self, name: str, arguments: dict[str, Any]) -> str:
        """Write a tool call and return its id."""
        tool_id = f"toolu_{self.session[:8]}_{self._count}"
        self._assistant({"type": "tool_use", "id": tool_id, "name": name, "input": arguments}, 50)
        return tool_id

    def tool_result(self, tool_id: str, text: str, *, is_error: bool = False) -> None:
        """Write what came back from a tool."""
        block = {"type": "tool_result", "tool_use_id": tool_id, "content": text}
        content = [{**block, **({"is_error": True} if is_error else {})}]
        self._write("user", {"role": "user", "content": content})

    def record(self, **fields: Any) -> None:
        """Write any record with the common fields."""
        self._append({**self._common(), **fields})

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        with self.path.open("ab") as file:
            file.write(data)

    def _assistant(self, block: dict[str, Any], output_tokens: int) -> None:
        message = {
            "id": f"msg_{self.session[:8]}_{self._count}",
            "type": "message",
            "role": "assistant",
            "model": "claude-opus-4-6",
            "content": [block],
            "stop_reason": "end_turn",
            "usage": {
                "input_tokens": 3,
                "output_tokens": output_tokens,
                "cache_creation_input_tokens": 1000,
                "cache_read_input_tokens": 2000,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 0,
                    "ephemeral_1h_input_tokens": 1000,
                },
            },
        }
        self._write("assistant", message, requestId=f"req_{self._count}")

    def _write(self, kind: str, message: dict[str, Any], **fields: Any) -> None:
        self._append({**self._common(), "type": kind, "message": message, **fields})

    def _common(self) -> dict[str, Any]:
        self._count += 1
        self._at += timedelta(seconds=2)
        return {
            "sessionId": self.session,
            "cwd": self._cwd,
            "version": "2.1.200",
            "gitBranch": "main",
            "isSidechain": False,
            "userType": "external",
            "uuid": f"{self.session[:8]}-{self._count:04d}",
            "timestamp": self._at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }

    def _append(self, record: dict[str, Any]) -> None:
        compact = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        self.raw(compact.encode() + b"\n")


def lay_out_corpus(home: Path, folders: Iterable[str] = ("claude_code",)) -> int:
    """Copy the shared corpus's Claude Code transcripts into `home` as the tool lays them out.

    Returns how many files there are. Files that stand for one session at several moments become
    sessions of their own.
    """
    files = sorted(f for folder in folders for f in (SHARED / "corpus" / folder).rglob("*.jsonl"))
    for number, file in enumerate(files):
        shutil.copyfile(file, _place(home / ".claude" / "projects", file, number))
    return len(files)


def _place(projects: Path, file: Path, number: int) -> Path:
    parts = file.parts
    slug = f"-corpus-{file.parts[-2] if file.stem != 'full' else f'checkpoint-{number}'}"
    if "subagents" in parts:
        at = parts.index("subagents")
        place = projects.joinpath(f"-corpus-{parts[at - 2]}", *parts[at - 1 :])
    elif file.stem == "full":
        place = projects / slug / f"{number:08x}-0000-4000-8000-000000000000.jsonl"
    else:
        place = projects / slug / file.name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
