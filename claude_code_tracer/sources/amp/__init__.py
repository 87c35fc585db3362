"""Amp: one JSON document a thread, written anew after every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_code_tracer.sources.amp.layout import NAME, thread_folders, transcript_at
from claude_code_tracer.sources.amp.thread import Thread
from claude_code_tracer.sources.amp.usage import add_usage
from claude_code_tracer.sources.draft import Draft
from claude_code_tracer.sources.jsonl import records
from claude_code_tracer.sources.source import BadSpan, Fact, Line, Parsed, Transcript

__all__ = ["Amp"]


class Amp:
    """The source `amp`."""

    name = NAME
    label = "Amp"
    knows: frozenset[Fact] = frozenset({"tokens", "model", "results", "diffs", "times"})

    def roots(self, env: Mapping[str, str], user_home: Path) -> list[Path]:
        """Return the folders of threads, whether they exist or not."""
        return thread_folders(env, user_home)

    def transcript(self, root: Path, path: Path) -> Transcript | None:
        """Return what `path` below the threads folder `root` holds; None: no transcript."""
        return transcript_at(root, path)

    def parse(self, file: Transcript, lines: Sequence[Line], state: bytes | None) -> Parsed:
        """Turn a whole thread into entities; see `Source.parse`. No state is needed."""
        draft = Draft(NAME)
        for line in lines:
            found, bad = records(line, _is_thread)
            draft.bad += bad
            for record in found:
                if not _is_thread(record.value):
                    draft.bad.append(BadSpan(record.start, record.end, "no thread"))
                    continue
                thread = Thread(draft, file, record)
                thread.tell()
                add_usage(thread)
        return draft.parsed()


def _is_thread(value: dict[str, Any]) -> bool:
    return type(value.get("messages")) is list or type(value.get("usageLedger")) is dict
