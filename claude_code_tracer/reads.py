"""What the CLI reads, through the same API and the same row-level security as the dashboard.

The device token is exchanged for a short-lived session of its owner (design D5), never stored.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
from postgrest.exceptions import APIError
from supabase import Client, ClientOptions, create_client

from claude_code_tracer.errors import NotFound, ServerUnavailable, SignedOut, TracerError
from claude_code_tracer.ship.credentials import Credentials

__all__ = ["Reader"]

_PAGE = 200
_RENEW_BEFORE_S = 120.0
_PASSING = re.compile(r"PGRST00[0-3]|(08|53|57)...|50[234]")
"""Codes that say nothing about the question: the database is away, busy or being restarted."""


class Reader:
    """Read as the owner of this device. Rows are dicts with the columns of the `api` views.

    A context manager: the kept connection ends with it, or with the process.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._client: Client = create_client(
            credentials.url,
            credentials.publishable_key,
            ClientOptions(schema="api", auto_refresh_token=False, persist_session=False),
        )
        self._token = ""
        self._expires_at = 0.0

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.postgrest.aclose()

    @property
    def server(self) -> tuple[str, str]:
        """Address and publishable key, for a Realtime connection beside this reader."""
        return self._credentials.url, self._credentials.publishable_key

    def access_token(self) -> str:
        """Return a valid access token, exchanged anew when the last one is about to end."""
        if time.time() > self._expires_at - _RENEW_BEFORE_S:
            session = self._exchange()
            self._token = str(session["access_token"])
            # Not `expires_at`: that is the server's clock, which may be ahead of ours (F83).
            self._expires_at = time.time() + float(session["expires_in"])
            self._client.postgrest.auth(self._token)
        return self._token

    def sessions(self, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        """Return sessions that are nobody's subagent, the latest activity first."""
        self.access_token()
        query = (
            self._client.table("sessions")
            .select("*")
            .or_("relation.is.null,relation.neq.subagent")
            .order("ended_at", desc=True, nullsfirst=False)
            .order("id")
            .range(offset, offset + limit - 1)
        )
        return _rows(query)

    def session(self, reference: str) -> dict[str, Any]:
        """Return the one session whose id or native id starts with `reference`, or NotFound."""
        self.access_token()
        found = _rows(self._client.rpc("find_sessions", {"reference": reference}))
        exact = [s for s in found if reference in (s["id"], s["native_id"])]
        main = [s for s in found if s["relation"] != "subagent"]  # its subagents begin with its id
        for group in (exact, main, found):
            if len(group) == 1:
                return group[0]
        if not found:
            raise NotFound(
                f"no session starts with {reference!r}: see `claude-tracer sessions list`"
            )
        some = ", ".join(str(s["native_id"]) for s in found[:5])
        raise NotFound(f"{reference!r} fits more than one session ({some}): give more of its id")

    def sessions_changed_since(self, moment: datetime) -> list[dict[str, Any]]:
        """Return the sessions that were stored or changed after `moment`, oldest change first."""
        self.access_token()
        query = self._client.table("sessions").select("*").gt("updated_at", moment.isoformat())
        # Who follows asks again anyway; the library's own retries would only make that later.
        return _rows(query.order("updated_at").limit(_PAGE).retry(False))

    def position_before(self, session_id: str, moment: datetime) -> int:
        """Return the position of the last message written before `moment`, or -1."""
        self.access_token()
        query = self._client.table("messages").select("position").eq("session_id", session_id)
        query = query.lt("at", moment.isoformat()).order("position", desc=True).limit(1)
        return next((int(row["position"]) for row in _rows(query)), -1)

    def subagents(self, session_id: str) -> list[dict[str, Any]]:
        """Return the sessions that `session_id` started, in order."""
        self.access_token()
        query = self._client.table("sessions").select("*").eq("parent_id", session_id)
        return _rows(query.eq("relation", "subagent").order("started_at").order("id"))

    def replay(self, session_id: str, after_position: int = -1) -> Iterator[dict[str, Any]]:
        """Yield the messages of a session in order, each with blocks, tool calls and usage."""
        while True:
            self.access_token()
            arguments = {
                "session": session_id,
                "after_position": after_position,
                "page_size": _PAGE,
            }
            page = _rows(self._client.rpc("get_replay", arguments))
            if not page:
                return
            yield from page
            after_position = page[-1]["position"]

    def workspace_ids(self) -> list[str]:
        """Return the workspaces whose changes this user may follow."""
        self.access_token()
        return [str(row["id"]) for row in _rows(self._client.table("workspaces").select("id"))]

    def _exchange(self) -> dict[str, Any]:
        url = f"{self._credentials.url}/functions/v1/device-session"
        headers = {
            "apikey": self._credentials.publishable_key,
            "X-Device-Token": self._credentials.device_token,
        }
        try:
            answer = httpx.post(url, headers=headers, timeout=httpx.Timeout(30, connect=5))
        except httpx.TransportError as exc:
            raise ServerUnavailable(f"no answer from {self._credentials.url}: is it up?") from exc
        if answer.status_code == 401:
            raise SignedOut(
                "the server does not know this device: restart with `claude-tracer start`"
            )
        if answer.status_code != 200:
            raise ServerUnavailable(f"{self._credentials.url} answered {answer.status_code}")
        session: dict[str, Any] = answer.json()
        return session


def _rows(query: Any) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = query.execute().data
    except APIError as exc:
        if _PASSING.fullmatch(str(exc.code)):
            raise ServerUnavailable(f"the server cannot answer now ({exc.code})") from exc
        if exc.code == "PGRST303":
            raise ServerUnavailable(
                f"the server does not accept the token ({exc.code}: {exc.message}): "
                "is this machine's clock right?"
            ) from exc
        raise TracerError(f"the server refused to answer ({exc.code}): {exc.message}") from exc
    except httpx.TransportError as exc:
        raise ServerUnavailable("the server does not answer: see `claude-tracer status`") from exc
    return rows
