"""Outbox to server, one batch at a time. A row leaves the outbox only when the server has it.

What the server cannot store is found by halving (I6); what it cannot do now is tried for ever, with
growing pauses (F57). Nothing of what happens here stops the collector.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from claude_code_tracer import __version__
from claude_code_tracer.clock import Clock
from claude_code_tracer.config import Config
from claude_code_tracer.errors import (
    ConfigError,
    HaltStage,
    RetryLater,
    ServerTooOld,
    ServerUnavailable,
    SignedOut,
)
from claude_code_tracer.killpoints import KillPoints
from claude_code_tracer.log import event
from claude_code_tracer.outbox import Lane, Outbox, Parked, Record
from claude_code_tracer.outgoing import Row, rows_of
from claude_code_tracer.ship.batch import encode_batch, list_of
from claude_code_tracer.ship.classify import (
    Ack,
    Answer,
    Halt,
    HaltReason,
    Refresh,
    Refusal,
    Retry,
    Split,
    Verdict,
    classify,
)
from claude_code_tracer.ship.in_flight import InFlight

__all__ = ["ShipReport", "Shipper"]

_BACKOFF_MAX_S = 300.0
_BACKOFF_MIN_S = 0.1
_RAMP = 4
_CEILING_STEP = 8
_REASON_MAX = 200
_ENVELOPE_BYTES = 512


@dataclass(frozen=True, slots=True)
class ShipReport:
    """What one pass did, in outbox rows."""

    sent: int
    parked: int
    more: bool
    """Rows still wait."""


class Sender(Protocol):
    """What the shipper needs of `ship.client.IngestClient`."""

    def send(self, body: bytes) -> Answer:
        """POST a batch; raises ServerUnavailable when there is no whole answer."""
        ...

    def refresh(self) -> bool:
        """Read the credentials again; True when they changed."""
        ...


@dataclass(slots=True)
class _Pass:
    """The records of one pass, the rows they make, and what became of them."""

    records: dict[int, Record]
    rows: list[Row]
    has_live: bool
    sent: int = 0
    parked: int = 0


class Shipper:
    """Send what waits. Call `run_once` again and again; it never waits itself."""

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        client: Sender,
        clock: Clock,
        guard_version: int,
        jitter: random.Random | None = None,
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._clock = clock
        self._guard_version = guard_version
        self._jitter = jitter or random.Random()
        self._kill = KillPoints(config.env)
        self._max_bytes = config.settings.batch_bytes - _ENVELOPE_BYTES
        self._max_rows = config.settings.batch_rows
        self._ceiling = self._max_rows
        """Rows per batch that the server managed lately."""
        self._rows = self._max_rows
        self._failures = 0
        self._stalled: RetryLater | HaltStage | None = None
        self._resume_at_s = 0.0
        self._ready: _Pass | None = None
        """The next batch, made ready while the server worked on the last."""
        self.shipped = 0
        """Outbox rows the server has taken since the start."""
        self.answers = 0
        """Grows as a long pass gets on."""

    def try_now(self) -> None:
        """Let the next pass try at once, whatever is left of a pause; any thread may call it."""
        self._resume_at_s = float("-inf")

    def run_once(self) -> ShipReport:
        """Send one batch, splitting it if need be.

        Raises RetryLater with the seconds to wait, or HaltStage when somebody must act; every row
        is kept. Called too early it raises the same again without bothering the server.
        """
        self._keep_pause()
        ship = self._take_next()
        try:
            if rows := self._fitting(ship):
                self._deliver(rows, ship)
        except RetryLater as exc:
            raise self._pause(exc) from exc
        except HaltStage as exc:
            self._pause(exc)
            raise
        if ship.records:
            self._ramp_up()
        return ShipReport(ship.sent, ship.parked, self._outbox.queue().rows > 0)

    def _take_next(self) -> _Pass:
        """Return what was made ready meanwhile, unless a session at work must go before it."""
        ready, self._ready = self._ready, None
        if ready and (ready.has_live or not self._outbox.has_live()):
            return ready
        return self._made_ready(())

    def _full_batch_behind(self, on_their_way: list[int]) -> _Pass | None:
        """Return the next batch if it is full; what may still become fuller is not taken yet."""
        waiting = self._outbox.queue().rows - len(on_their_way)
        if waiting < self._rows:
            return None
        ready = self._made_ready(on_their_way)
        return ready if waiting > len(ready.records) else None

    def _made_ready(self, on_their_way: Iterable[int]) -> _Pass:
        records = self._outbox.take(self._rows, self._max_bytes, on_their_way)
        has_live = any(record.lane is Lane.LIVE for record in records[:1])  # they come first
        return _Pass({record.seq: record for record in records}, rows_of(records), has_live)

    def _fitting(self, ship: _Pass) -> list[Row]:
        """Return the rows without what cannot be sent even alone: that is cut, or parked."""
        fitting: list[Row] = []
        for row in ship.rows:
            small: Row | None = row
            if not row.is_whole:
                self._park_row(row, "it is damaged in the outbox", ship)
                small = None
            elif len(row.body) > self._max_bytes:
                small = self._cut(row, self._max_bytes, "it is too large to be sent", ship)
            fitting += [small] if small else []
        return fitting

    def _deliver(self, rows: list[Row], ship: _Pass) -> None:
        """Have the server take `rows`, or each half of them, or park the one that is left."""
        verdict = self._ask(rows, ship)
        match verdict:
            case Ack():
                self._settle(rows, verdict.refused, ship)
            case Retry():
                raise ServerUnavailable(verdict.reason, after_s=verdict.after_s)
            case Refresh():
                raise SignedOut(f"{verdict.reason}: run `claude-tracer login`")
            case Halt():
                raise _halt_error(verdict)
            case Split():
                self._split(rows, verdict, ship)

    def _ask(self, rows: list[Row], ship: _Pass) -> Verdict:
        """Send `rows` and, while the server works, make the next batch ready."""
        content = ((row.kind, row.body) for row in rows)
        body = encode_batch(content, self._guard_version, __version__)
        self._kill.hit("before_send")
        request = InFlight(self._client.send, body)
        ready = self._full_batch_behind([seq for row in rows for seq in row.seqs])
        verdict = classify(request.answer(), len(rows))
        self.answers += 1
        if isinstance(verdict, Refresh) and self._client.refresh():
            verdict = classify(self._client.send(body), len(rows))
        if isinstance(verdict, Ack) and len(rows) == len(ship.rows):  # no half of a batch
            self._ready = ready
        self._kill.hit("after_send")
        return verdict

    def _split(self, rows: list[Row], verdict: Split, ship: _Pass) -> None:
        if verdict.is_too_slow:
            self._ceiling = max(1, len(rows) // 2)
        if len(rows) > 1:
            middle = len(rows) // 2
            self._deliver(rows[:middle], ship)
            self._deliver(rows[middle:], ship)
        elif verdict.is_too_slow:
            raise ServerUnavailable(verdict.reason)
        elif not verdict.is_too_large:
            self._park_row(rows[0], verdict.reason, ship)
        elif smaller := self._cut(rows[0], len(rows[0].body) // 2, verdict.reason, ship):
            self._deliver([smaller], ship)

    def _cut(self, row: Row, max_bytes: int, reason: str, ship: _Pass) -> Row | None:
        """Return `row` cut to `max_bytes`; None, and parked, when it cannot be cut."""
        smaller = row.cut_to(max_bytes)
        if smaller is None:
            self._park_row(row, reason, ship)
        else:
            event("shipper", "row_cut", kind=row.kind, reason=reason)
        return smaller

    def _settle(self, rows: list[Row], refused: Sequence[Refusal], ship: _Pass) -> None:
        """Forget what the server took and park what it refused."""
        bad = _refusals(rows, refused)
        for index, reason in bad.items():
            reason = f"refused by the server: {reason[:_REASON_MAX]}"
            self._park_row(rows[index], reason, ship)
        taken = [seq for i, row in enumerate(rows) if i not in bad for seq in row.seqs]
        self._outbox.ack(taken)
        ship.sent += len(taken)
        self.shipped += len(taken)

    def _park_row(self, row: Row, reason: str, ship: _Pass) -> None:
        record = ship.records[row.seqs[0]]
        name = record.id or record.session.partition("/")[2]
        pointer = Parked(
            reason,
            file=record.file,
            start=row.revision(),
            session=record.session,
            kind=record.kind,
            record=sha256(name.encode()).hexdigest(),
        )
        self._outbox.park(row.seqs, [pointer])
        ship.parked += len(row.seqs)
        event("shipper", "parked", level=logging.WARNING, kind=record.kind, reason=reason)

    def _ramp_up(self) -> None:
        if self._stalled:
            event("shipper", "resumed")
        self._failures, self._stalled = 0, None
        self._ceiling = min(self._max_rows, self._ceiling + _CEILING_STEP)
        self._rows = min(self._ceiling, self._rows * _RAMP)

    def _keep_pause(self) -> None:
        left_s = self._resume_at_s - self._clock.monotonic_s()
        if self._stalled is None or left_s <= 0:
            return
        if isinstance(self._stalled, RetryLater):
            raise ServerUnavailable(str(self._stalled), after_s=left_s)
        if not self._has_new_credentials():
            raise self._stalled.with_traceback(None)

    def _has_new_credentials(self) -> bool:
        try:
            return self._client.refresh()
        except HaltStage:
            return False

    def _pause(self, exc: RetryLater | HaltStage) -> RetryLater | HaltStage:
        """Begin or prolong the pause: full jitter up to 1, 2, 4 ... 300 s; next comes one row."""
        if self._stalled is None:
            event("shipper", "stalled", level=logging.WARNING, reason=exc)
        limit_s = min(_BACKOFF_MAX_S, 2.0 ** min(self._failures, 10))
        wait_s = max(_BACKOFF_MIN_S, self._jitter.uniform(0, limit_s))
        if isinstance(exc, RetryLater):
            wait_s = max(wait_s, exc.after_s or 0.0)
            exc = ServerUnavailable(str(exc), after_s=wait_s)
        self._failures += 1
        self._rows = 1
        self._stalled = exc
        self._resume_at_s = self._clock.monotonic_s() + wait_s
        return exc


def _refusals(rows: Sequence[Row], refused: Sequence[Refusal]) -> dict[int, str]:
    """Return which of `rows` were refused, and why; the server counts in each list apart.

    ServerUnavailable when it refuses what it was not sent: no word of that answer counts.
    """
    if not refused:
        return {}
    places: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        places.setdefault(list_of(row.kind), []).append(index)
    bad: dict[int, str] = {}
    for refusal in refused:
        of_list = places.get(refusal.list, [])
        if not 0 <= refusal.index < len(of_list):
            raise ServerUnavailable("the server refuses rows that it was not sent")
        bad[of_list[refusal.index]] = refusal.reason
    return bad


def _halt_error(halt: Halt) -> HaltStage:
    match halt.why:
        case HaltReason.SERVER_TOO_OLD:
            return ServerTooOld(f"{halt.reason}: apply its migrations")
        case HaltReason.CLIENT_TOO_OLD:
            return ConfigError(f"{halt.reason}: update claude-tracer")
        case HaltReason.FORBIDDEN:
            return SignedOut(f"{halt.reason}: check this device in the dashboard or log in again")
        case HaltReason.QUOTA:
            return HaltStage(f"{halt.reason}: raise it or free some")
        case HaltReason.NOT_OUR_SERVER:
            return ConfigError(f"{halt.reason}: check the url in the credentials")
