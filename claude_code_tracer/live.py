"""Follow what happens, live: say which sessions changed as the server announces it.

Realtime is a hint, not a record (L14): an event, a new connection and a silence of `REFETCH_S` all
mean "look again", so nothing is missed when an event is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from realtime import AsyncRealtimeClient, RealtimeSubscribeStates
from realtime.exceptions import NotConnectedError
from websockets.exceptions import WebSocketException

from claude_code_tracer.errors import RetryLater

__all__ = ["changed_sessions"]

REFETCH_S = 5.0
_RECONNECT_S = 1.0
_CONNECTION_S = 45 * 60.0
"""A connection ends before its access token (an hour) does."""
_PASSING = (OSError, TimeoutError, WebSocketException, NotConnectedError, RetryLater)
"""What a server says, or does not, that is away for a while."""


async def changed_sessions(
    url: str, key: str, access_token: Callable[[], str], workspace_ids: list[str]
) -> AsyncIterator[set[str]]:
    """Yield sets of session ids as they change; an empty set means "anything may have changed".

    Never ends by itself: a lost connection is made again, for ever, with a new `access_token()`
    (F78). Only when that raises HaltStage, because the device is signed out, somebody must act.
    """
    logging.getLogger("realtime").setLevel(logging.CRITICAL)  # we say it ourselves
    while True:
        with contextlib.suppress(*_PASSING):
            token = await asyncio.to_thread(access_token)
            async for ids in _one_connection(url, key, token, workspace_ids):
                yield ids
        yield set()
        await asyncio.sleep(_RECONNECT_S)


async def _one_connection(
    url: str, key: str, token: str, workspace_ids: list[str]
) -> AsyncIterator[set[str]]:
    events: asyncio.Queue[set[str] | None] = asyncio.Queue()
    client = AsyncRealtimeClient(f"{url}/realtime/v1", key, auto_reconnect=False)
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _CONNECTION_S
    try:
        await client.connect()
        await client.set_auth(token)
        for workspace_id in workspace_ids:
            await _join(client, workspace_id, events)
        yield set()
        while client.is_connected and loop.time() < end_s:
            try:
                ids = await asyncio.wait_for(events.get(), REFETCH_S)
            except TimeoutError:
                ids = set()
            if ids is None:
                return
            yield ids
    finally:
        await client.close()


async def _join(
    client: AsyncRealtimeClient, workspace_id: str, events: asyncio.Queue[set[str] | None]
) -> None:
    def on_ingest(message: Any) -> None:
        events.put_nowait({str(i) for i in message.get("payload", {}).get("sessions", [])})

    def on_state(state: RealtimeSubscribeStates, _error: Exception | None) -> None:
        if state is not RealtimeSubscribeStates.SUBSCRIBED:
            events.put_nowait(None)

    options: Any = {"config": {"private": True}}
    channel = client.channel(f"workspace:{workspace_id}", options)
    channel.on_broadcast("ingest", on_ingest)
    await channel.subscribe(on_state)
