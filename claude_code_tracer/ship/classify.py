"""One table: what an answer of the server means for the rows that were sent.

The error code decides before the status, because PostgREST answers 500 to rows that will never be
accepted and 400 to conditions that pass (L9). `PTnnn` is how our SQL asks for HTTP status nnn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

__all__ = [
    "Ack",
    "Answer",
    "Halt",
    "HaltReason",
    "Refresh",
    "Refusal",
    "Retry",
    "Split",
    "Verdict",
    "classify",
]

RETRY_AFTER_MAX_S = 300.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that the server refused while it took the others."""

    list: str
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as far as the table needs it. No body, no header values."""

    status: int
    code: str | None = None
    """SQLSTATE or PostgREST's own code, if the body was its JSON."""
    accepted: int | None = None
    refused: tuple[Refusal, ...] = ()
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """The server has every row, except those it refused for good."""

    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the same rows again later; whether the server has them is unknown."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Send each half by itself; a single row is parked, or cut first when it is too large."""

    reason: str
    is_too_large: bool = False
    is_too_slow: bool = False
    """Send less at a time from now on; a single row is tried again later, never parked."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Read the credentials again and try once more."""

    reason: str


class HaltReason(Enum):
    """Why nothing can be sent until somebody acts."""

    SERVER_TOO_OLD = "server too old"
    CLIENT_TOO_OLD = "client too old"
    FORBIDDEN = "forbidden"
    QUOTA = "quota"
    NOT_OUR_SERVER = "not our server"


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop sending, go on collecting, say why."""

    why: HaltReason
    reason: str


Verdict = Ack | Retry | Split | Refresh | Halt

_RETRY = re.compile(r"PGRST00[0-3]|(08|25|40|53|57|58|F0|XX)...|55P03")
_TOO_OLD = re.compile(r"42P01|42883|42703|3F000|PGRST(106|125|20[0-9])")
_REFRESH = re.compile(r"PGRST30[0-3]")
_FORBIDDEN = re.compile(r"42501|28...")
_SPLIT = re.compile(r"(21|22|23|54)...|P0001|PGRST10[0-9]")
"""23503 too (F68): ingest makes every parent itself, so a parent that is missing is malformed."""
_STATUS_RETRY = {408, 425, 429, 502, 503, 504, *range(520, 525)}
_STATUS_SPLIT = {400, 409, 422}


def classify(answer: Answer, sent: int) -> Verdict:
    """Return what to do with `sent` rows after `answer`."""
    code = answer.code or ""
    if 200 <= answer.status < 300:
        return _of_success(answer, sent)
    if code.startswith("PT") and code[2:].isdigit():
        return _of_our_own(int(code[2:]), answer)
    return _of_code(code, answer) or _of_status(answer.status, answer)


def _of_success(answer: Answer, sent: int) -> Verdict:
    if answer.accepted is None:
        return Retry("the answer is no ingest result: is something between us and the server?")
    if answer.accepted + len(answer.refused) != sent:  # F61
        return Retry(f"the server counts {answer.accepted} of {sent} rows")
    return Ack(answer.refused)


def _of_our_own(status: int, answer: Answer) -> Verdict:
    if status == 422:  # the guard is older than the workspace demands: no row is at fault
        return Halt(HaltReason.CLIENT_TOO_OLD, "the workspace demands a newer privacy guard")
    return _of_status(status, answer)


def _of_code(code: str, answer: Answer) -> Verdict | None:
    if code == "57014":
        return Split("the server took too long (57014)", is_too_slow=True)
    if _RETRY.fullmatch(code):
        return Retry(f"the server cannot work right now ({code})", _after(answer))
    if _TOO_OLD.fullmatch(code):
        return Halt(HaltReason.SERVER_TOO_OLD, f"the server lacks api.ingest ({code})")
    if _REFRESH.fullmatch(code):
        clock = ": is this machine's clock right?" if code == "PGRST303" else ""  # F83
        return Refresh(f"the server does not accept the key ({code}){clock}")
    if _FORBIDDEN.fullmatch(code):
        return Halt(HaltReason.FORBIDDEN, f"the server forbids it ({code})")
    if _SPLIT.fullmatch(code):
        return Split(f"the server cannot store it ({code})", is_too_large=code.startswith("54"))
    if code.startswith("42"):
        return Halt(HaltReason.SERVER_TOO_OLD, f"the server's api.ingest fails ({code})")
    return None


def _of_status(status: int, answer: Answer) -> Verdict:
    if status == 413:
        return Split("the server finds it too large (413)", is_too_large=True)
    if status in _STATUS_SPLIT and answer.code:
        return Split(f"the server cannot store it ({answer.code})")
    # Without a code it is a proxy that speaks, and no row is at fault for that.
    if status in _STATUS_RETRY | _STATUS_SPLIT or status >= 500 or status < 400:
        return Retry(f"the server answered {status}", _after(answer))
    if status == 401:
        return Refresh("the server does not accept this device's token (401)")
    if status == 402:
        return Halt(HaltReason.QUOTA, "the server's quota is used up (402)")
    if status == 403:
        return Halt(HaltReason.FORBIDDEN, "the server forbids it (403)")
    return Halt(HaltReason.NOT_OUR_SERVER, f"this is not our server (it answered {status})")


def _after(answer: Answer) -> float | None:
    if answer.retry_after_s is None:
        return None
    return min(max(answer.retry_after_s, 0.0), RETRY_AFTER_MAX_S)
