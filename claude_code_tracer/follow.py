"""New messages as they arrive, for `sessions watch`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

from claude_code_tracer.errors import RetryLater
from claude_code_tracer.live import changed_sessions
from claude_code_tracer.reads import Reader

__all__ = ["new_messages"]


async def new_messages(
    reader: Reader, since: datetime
) -> AsyncGenerator[tuple[dict[str, Any], dict[str, Any]], None]:
    """Yield (session, message) for every message written after `since`, for ever."""
    url, key = reader.server
    workspaces = await asyncio.to_thread(reader.workspace_ids)
    printed: dict[str, int] = {}
    looked_at = since
    async for _ in changed_sessions(url, key, reader.access_token, workspaces):
        # The event says that something changed; what changed is asked, so that a lost event is
        # made good by the next one.
        try:
            changed = await asyncio.to_thread(reader.sessions_changed_since, looked_at)
            for session in changed:
                messages = await asyncio.to_thread(_unseen, reader, session, since, printed)
                for message in messages:
                    yield session, message
                looked_at = max(looked_at, datetime.fromisoformat(session["updated_at"]))
        except RetryLater:  # F78: asked again after the next event, connection or silence
            continue


def _unseen(
    reader: Reader, session: dict[str, Any], since: datetime, printed: dict[str, int]
) -> list[dict[str, Any]]:
    key = session["id"]
    if key not in printed:
        printed[key] = reader.position_before(key, since)
    messages = list(reader.replay(key, printed[key]))
    if messages:
        printed[key] = messages[-1]["position"]
    return messages
