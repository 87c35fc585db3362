"""Claude Code's transcripts to the real server, with the real parser and, if wanted, guard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from claude_code_tracer.intake import Guarding
from claude_code_tracer.sources.registry import source_named
from tests.faults.pipeline import Pipeline, running
from tests.faults.real_server import RealServer
from tests.faults.sending import over
from tests.transcripts import Conversation

__all__ = ["CLAUDE", "ID", "claude_to", "messages_of", "talk", "user_record"]

CLAUDE = source_named("claude_code")
ID = "0000000a-0000-4000-8000-000000000000"


@contextmanager
def claude_to(
    server: RealServer, tmp_path: Path, guard: Guarding | None = None
) -> Iterator[Pipeline]:
    """A pipeline over the home `tmp_path`; leaving and entering it again is a restart."""
    with (
        running(tmp_path, source=CLAUDE, guard=guard) as pipeline,
        over(pipeline, server.credentials),
    ):
        yield pipeline


def talk(tmp_path: Path, session: str = ID) -> Conversation:
    """Return a session's transcript in the home `tmp_path`, to be written."""
    return Conversation(tmp_path, session)


def user_record(text: str, uuid: str, at: str | None, session: str = ID) -> bytes:
    """Return a line as Claude Code writes it for a prompt; `at` None: without a time."""
    record: dict[str, Any] = {
        "type": "user",
        "sessionId": session,
        "uuid": uuid,
        "cwd": "/home/u/proj",
        "version": "2.1.200",
        "message": {"role": "user", "content": text},
    }
    if at:
        record["timestamp"] = at
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def messages_of(server: RealServer, session: str = ID) -> list[dict[str, Any]]:
    """Return a session's messages as its owner is shown them, each with its `text`."""
    with server.database.connect() as connection:
        claims = json.dumps({"sub": server.person.id, "role": "authenticated"})
        with connection.transaction():
            connection.execute("set local role authenticated")
            connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
            row = connection.execute(
                "select api.get_replay(id) from api.sessions where native_id = %s", (session,)
            ).fetchone()
    return [_with_text(message) for message in row[0]] if row else []


def _with_text(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "text": "".join(block["text"] or "" for block in message["blocks"])}
