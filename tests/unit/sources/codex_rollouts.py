"""Rollouts of Codex CLI for tests: written record by record, and parsed as the engine does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.codex import Codex
from claude_code_tracer.sources.source import Parsed, Transcript
from tests.unit.sources.parsing import Outcome, lines_of

__all__ = [
    "CODEX",
    "OTHER",
    "THREAD",
    "Rollout",
    "outcome_of",
    "parse_pieces",
    "transcript",
    "used",
]

CODEX = Codex()
THREAD = "019f0000-0000-7000-8000-00000000000a"
OTHER = "019f0000-0000-7000-8000-00000000000b"


def used(
    input: int, cached: int = 0, output: int = 0, reasoning: int = 0, written: int | None = None
) -> dict[str, int]:
    """Return a token counter as Codex writes it."""
    counter = {
        "input_tokens": input,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": input + output,
    }
    return counter if written is None else {**counter, "cache_write_input_tokens": written}


class Rollout:
    """The lines of one file."""

    def __init__(self, thread: str = THREAD, at: str = "2026-07-01T10:00:00.000Z") -> None:
        self.thread = thread
        self.lines: list[bytes] = []
        self.at = datetime.fromisoformat(at)
        self.total = used(0)
        self.ordinal: int | None = None

    def record(self, kind: str, payload: Any, **around: Any) -> Rollout:
        """Write one record, a tenth of a second after the last one."""
        at = self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        value: dict[str, Any] = {"timestamp": at}
        if self.ordinal is not None:
            value["ordinal"] = self.ordinal
            self.ordinal += 1
        self.raw(json.dumps({**value, "type": kind, "payload": payload, **around}).encode())
        self.at += timedelta(milliseconds=100)
        return self

    def raw(self, line: bytes) -> Rollout:
        """Write a line as it is."""
        self.lines.append(line)
        return self

    def wait(self, seconds: float) -> Rollout:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)
        return self

    def meta(self, **fields: Any) -> Rollout:
        """Write the header of the session."""
        common = {"id": self.thread, "timestamp": self.at.isoformat(), "cwd": "/home/u/proj"}
        about = {"originator": "codex_cli_rs", "cli_version": "0.146.0", "source": "cli"}
        return self.record("session_meta", {**common, **about, **fields})

    def event(self, kind: str, /, **fields: Any) -> Rollout:
        """Write an event."""
        return self.record("event_msg", {"type": kind, **fields})

    def item(self, kind: str, /, **fields: Any) -> Rollout:
        """Write an item of the conversation."""
        return self.record("response_item", {"type": kind, **fields})

    def done(self, kind: str, /, **fields: Any) -> Rollout:
        """Write an item of a turn as newer versions do."""
        return self.event("item_completed", item={"type": kind, **fields})

    def turn(self, turn: str | None = None, model: str | None = "gpt-5.3-codex") -> Rollout:
        """Write what begins a turn."""
        named = {"turn_id": turn} if turn else {}
        self.event("task_started", started_at=int(self.at.timestamp()), **named)
        return self.record("turn_context", {**named, "cwd": "/home/u/proj", "model": model})

    def prompt(self, text: str) -> Rollout:
        """Write what a person typed, both ways."""
        self.item("message", role="user", content=[{"type": "input_text", "text": text}])
        return self.event("user_message", message=text, images=[])

    def answer(self, text: str) -> Rollout:
        """Write what the model answered, both ways."""
        self.event("agent_message", message=text)
        content = [{"type": "output_text", "text": text}]
        return self.item("message", role="assistant", content=content)

    def spend(self, *counts: int, **more: int) -> Rollout:
        """Let a response be counted."""
        last = used(*counts, **more)
        self.total = {name: self.total.get(name, 0) + last[name] for name in last}
        return self.count(self.total, last)

    def count(self, total: Any, last: Any = None, **info: Any) -> Rollout:
        """Write a token count."""
        told = {"total_token_usage": total, "last_token_usage": last, **info}
        return self.event(
            "token_count", info={k: v for k, v in told.items() if v is not None}, rate_limits=None
        )

    def copy(self, other: Rollout, first: int = 0, *, restamp: bool = True) -> Rollout:
        """Copy the lines of a parent from `first` on, as a fork does."""
        for line in other.lines[first:]:
            value = json.loads(line)
            if restamp:
                self.record(value["type"], value["payload"])
                self.at -= timedelta(milliseconds=99)
            else:
                self.raw(line)
        self.total = other.total
        return self

    @property
    def data(self) -> bytes:
        return b"".join(line + b"\n" for line in self.lines)

    def parse(self) -> Outcome:
        """Parse it alone."""
        return outcome_of(self)


def transcript(thread: str = THREAD) -> Transcript:
    """Return a rollout as the engine names it."""
    root = Path("/home/u/.codex/sessions")
    found = CODEX.transcript(root, root / f"2026/07/01/rollout-2026-07-01T12-00-00-{thread}.jsonl")
    assert found
    return found


def parse_pieces(data: bytes, file: Transcript, cuts: Iterable[int] = ()) -> list[Parsed]:
    """Parse a file in pieces that end before the lines numbered in `cuts`."""
    lines = lines_of(data)
    state: bytes | None = None
    parsed = []
    for start, end in pairwise([0, *sorted(set(cuts)), len(lines)]):
        parsed.append(CODEX.parse(file, lines[start:end], state))
        state = parsed[-1].state
    return parsed


def outcome_of(*rollouts: Rollout) -> Outcome:
    """Parse several files of one owner, in this order, and merge what they give."""
    return Outcome([part for r in rollouts for part in parse_pieces(r.data, transcript(r.thread))])
