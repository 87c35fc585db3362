"""One Realtime connection: its channels, what it may do in them, and its queue of messages."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
from starlette.websockets import WebSocket, WebSocketDisconnect

from claude_code_tracer.local.gateway.access import Access, topic_access
from claude_code_tracer.local.gateway.database import Database
from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.local.gateway.hub import Hub, Message
from claude_code_tracer.local.gateway.identity import Gatekeeper, Identity
from claude_code_tracer.local.gateway.phoenix import BadFrame, Frame, decode, encode
from claude_code_tracer.log import event

__all__ = ["Connection", "Server"]

_MAX_CHANNELS = 100
_MAX_TOPIC_BYTES = 240
_QUEUE = 256
_SILENCE_S = 90.0
"""Clients send a heartbeat every 25 s."""
_PREFIX = "realtime:"
_NO_READ = "Unauthorized: You do not have permissions to read from this Channel topic"


@dataclass(frozen=True, slots=True)
class Server:
    """What all connections share."""

    database: Database
    hub: Hub
    gatekeeper: Gatekeeper
    now: Callable[[], float] = time.time


@dataclass(slots=True)
class _Channel:
    """A topic that this connection has joined."""

    topic: str
    join_ref: str | None
    may_write: bool
    hears_itself: bool
    expiry: asyncio.TimerHandle | None = None


class Connection:
    """Speaks the Phoenix protocol with one client. Its hub sees it as a Subscriber."""

    def __init__(
        self,
        server: Server,
        socket: WebSocket,
        *,
        version: int,
        identity: Identity,
        headers: bytes,
        queue_size: int = _QUEUE,
    ) -> None:
        self.version = version
        self._server = server
        self._socket = socket
        self._identity = identity
        self._headers = headers
        self._channels: dict[str, _Channel] = {}
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue(queue_size)
        self._task: asyncio.Task[Any] | None = None
        self._too_slow = False

    async def serve(self) -> None:
        """Handle the client's frames until it leaves, falls silent, errs or is too slow."""
        self._task = asyncio.current_task()
        sender = asyncio.create_task(self._send_all())
        code = 1000
        try:
            await self._receive_all()
        except WebSocketDisconnect:
            code = 0
        except BadFrame:
            code = 1007
        except TimeoutError:
            code = 1001
        except asyncio.CancelledError:
            if not self._too_slow:
                raise
            code = 0
        finally:
            sender.cancel()
            for channel in list(self._channels.values()):
                self._forget(channel)
        if code:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(code)

    def push(self, message: str | bytes) -> None:
        """Queue a message; a client that does not keep up is dropped (it will refetch)."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            if not self._too_slow and self._task is not None:
                self._too_slow = True
                event("gateway", "slow_client_dropped", level=logging.WARNING)
                self._task.cancel()

    async def _receive_all(self) -> None:
        while True:
            async with asyncio.timeout(_SILENCE_S):
                message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            data = message.get("text")
            await self._handle(decode(message["bytes"] if data is None else data, self.version))

    async def _send_all(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                message = await self._queue.get()
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_text(message)

    async def _handle(self, frame: Frame) -> None:
        if frame.topic == "phoenix" and frame.event == "heartbeat":
            self._reply(frame, "ok", {})
            return
        handlers: dict[str, Callable[[Frame], Awaitable[None]]] = {
            "phx_join": self._join,
            "phx_leave": self._leave,
            "access_token": self._refresh,
            "broadcast": self._broadcast,
        }
        handler = handlers.get(frame.event)
        if frame.event != "phx_join" and frame.topic not in self._channels:
            self._refuse(frame, "unmatched topic")
        elif handler is None:
            self._refuse(frame, f"{frame.event[:40]} is not supported by the embedded server")
        else:
            await handler(frame)

    # Channels -----------------------------------------------------------------------------------
    async def _join(self, frame: Frame) -> None:
        config = frame.payload.get("config")
        config = config if isinstance(config, dict) else {}
        reason = self._reason_to_refuse(frame.topic, config)
        admitted = await self._admit(frame) if reason is None else reason
        if isinstance(admitted, str):
            self._refuse(frame, admitted)
            return
        identity, access = admitted
        if frame.topic in self._channels:
            self._forget(self._channels[frame.topic])
        hears_itself = _part(config, "broadcast").get("self") is True
        channel = _Channel(frame.topic, frame.join_ref or frame.ref, access.write, hears_itself)
        self._channels[frame.topic] = channel
        self._server.hub.join(frame.topic.removeprefix(_PREFIX), self)
        self._close_when_expired(channel, identity)
        self._reply(frame, "ok", {"postgres_changes": []})
        if _part(config, "presence").get("enabled") is True:
            self._push(Frame(frame.topic, "presence_state"))

    async def _admit(self, frame: Frame) -> tuple[Identity, Access] | str:
        """Return as whom the client joins and what it may do, or why it may not join."""
        token = frame.payload.get("access_token")
        try:
            identity = self._identity
            if isinstance(token, str) and token:
                identity = self._server.gatekeeper.by_token(token)
            access = await self._access(frame.topic, identity)
        except ApiError as error:
            return f"InvalidJWTToken: {error.message}"
        except psycopg.Error:
            return "DatabaseConnectionRateLimitReached: The database is unavailable"
        if not access.read:
            return f"{_NO_READ}: {frame.topic.removeprefix(_PREFIX)}"
        return identity, access

    def _reason_to_refuse(self, topic: str, config: dict[str, Any]) -> str | None:
        if not topic.startswith(_PREFIX) or not 0 < len(topic.encode()) <= _MAX_TOPIC_BYTES:
            return "The topic is malformed"
        if "\0" in topic or topic == _PREFIX:
            return "The topic is malformed"
        if len(self._channels) >= _MAX_CHANNELS and topic not in self._channels:
            return "ChannelRateLimitReached: Too many channels"
        if config.get("private") is not True:
            return "PrivateOnly: This project only allows private channels"
        if config.get("postgres_changes"):
            return "postgres_changes is not supported by the embedded server: use broadcast"
        if _part(config, "broadcast").get("replay"):
            return "Replay is not supported by the embedded server"
        return None

    async def _access(self, topic: str, identity: Identity) -> Access:
        name = topic.removeprefix(_PREFIX)
        return await topic_access(self._server.database, identity, name, self._headers)

    async def _leave(self, frame: Frame) -> None:
        channel = self._channels[frame.topic]
        self._forget(channel)
        self._reply(frame, "ok", {})
        self._push(Frame(frame.topic, "phx_close", {}, channel.join_ref, channel.join_ref))

    async def _refresh(self, frame: Frame) -> None:
        """Judge a channel again by a new token; what was allowed may be so no longer."""
        channel = self._channels[frame.topic]
        token = frame.payload.get("access_token")
        if not isinstance(token, str) or token.startswith("sb_"):
            return
        try:
            identity = self._server.gatekeeper.by_token(token)
            access = await self._access(frame.topic, identity)
        except ApiError as error:
            self._close(channel, f"InvalidJWTToken: {error.message}")
            return
        except psycopg.Error:
            # The earlier permission holds until its token expires; the client asks again.
            return
        if not access.read:
            self._close(channel, "You no longer have permission to read from this Channel topic")
            return
        channel.may_write = access.write
        self._close_when_expired(channel, identity)

    async def _broadcast(self, frame: Frame) -> None:
        channel = self._channels[frame.topic]
        name = frame.payload.get("event")
        if not channel.may_write or not isinstance(name, str):
            self._refuse(
                frame, "Unauthorized: You do not have permissions to write to this Channel topic"
            )
            return
        message = Message(
            str(uuid.uuid4()),
            frame.topic.removeprefix(_PREFIX),
            name,
            orjson.dumps(frame.payload.get("payload")),
        )
        self._server.hub.send(message, but=None if channel.hears_itself else self)
        self._reply(frame, "ok", {})

    def _close_when_expired(self, channel: _Channel, identity: Identity) -> None:
        if channel.expiry is not None:
            channel.expiry.cancel()
            channel.expiry = None
        if identity.expires_at is not None:
            remaining = max(identity.expires_at - self._server.now(), 0)
            loop = asyncio.get_running_loop()
            channel.expiry = loop.call_later(remaining, self._close, channel, "Token has expired")

    def _close(self, channel: _Channel, why: str) -> None:
        self._forget(channel)
        system = {"extension": "system", "status": "error", "message": why}
        system["channel"] = channel.topic.removeprefix(_PREFIX)
        self._push(Frame(channel.topic, "system", system, None, channel.join_ref))
        self._push(Frame(channel.topic, "phx_close", {}, channel.join_ref, channel.join_ref))

    def _forget(self, channel: _Channel) -> None:
        if channel.expiry is not None:
            channel.expiry.cancel()
        self._channels.pop(channel.topic, None)
        self._server.hub.leave(channel.topic.removeprefix(_PREFIX), self)

    # Frames -------------------------------------------------------------------------------------
    def _refuse(self, frame: Frame, reason: str) -> None:
        self._reply(frame, "error", {"reason": reason})

    def _reply(self, frame: Frame, status: str, response: dict[str, Any]) -> None:
        if frame.ref is not None:
            payload = {"status": status, "response": response}
            self._push(Frame(frame.topic, "phx_reply", payload, frame.ref, frame.join_ref))

    def _push(self, frame: Frame) -> None:
        self.push(encode(frame, self.version))


def _part(config: dict[str, Any], name: str) -> dict[str, Any]:
    part = config.get(name)
    return part if isinstance(part, dict) else {}
