"""Every error of the product, sorted by what the caller does about it.

    TracerError
    ├── RetryLater            the same thing may work later: keep it and try again
    │   ├── ServerUnavailable     no answer, or an answer that says "later"
    │   └── FileBusy              a transcript cannot be read right now
    ├── ParkRecord            this record is bad: set it aside, go on with the next
    │   ├── BadRecord             a line is not a record of its tool
    │   ├── GuardFailed           the privacy guard could not vouch for a record
    │   └── RecordRefused         the server refused one record
    └── HaltStage             this stage cannot go on until somebody acts
        ├── ConfigError           exit 78: bad configuration or an unusable folder
        ├── AlreadyRunning        exit 75: another instance holds the lock
        ├── NotRunning            exit 1: there is no tracer to talk to
        ├── SignedOut             exit 77: the device token or session is not accepted
        ├── StorageFull           exit 1: the disk or the outbox is full
        ├── OutboxDamaged         exit 1: the outbox is damaged; a restart rebuilds it
        ├── ServerTooOld          exit 78: the server lacks what this version needs
        ├── DatabaseFailed        exit 1: the embedded PostgreSQL does not start
        └── NotFound              exit 1: no such session

Exit codes: 0 ok, 1 failure, 2 usage, 75 already running, 77 not signed in, 78 bad configuration.
A message says what happened, to which thing, and what to do; it never quotes a transcript.
"""

from __future__ import annotations

__all__ = [
    "AlreadyRunning",
    "BadRecord",
    "ConfigError",
    "DatabaseFailed",
    "FileBusy",
    "GuardFailed",
    "HaltStage",
    "NotFound",
    "NotRunning",
    "OutboxDamaged",
    "ParkRecord",
    "RecordRefused",
    "RetryLater",
    "ServerTooOld",
    "ServerUnavailable",
    "SignedOut",
    "StorageFull",
    "TracerError",
]


class TracerError(Exception):
    """Anything this product raises on purpose; `exit_code` is what the CLI ends with."""

    exit_code = 1


class RetryLater(TracerError):
    """The same call may succeed later; nothing is lost by waiting `after_s` seconds."""

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class ServerUnavailable(RetryLater):
    """The server gave no usable answer; whether it did the work is unknown."""


class FileBusy(RetryLater):
    """A transcript cannot be read right now (permission, I/O error, locked)."""


class ParkRecord(TracerError):
    """One record cannot be used; its neighbours can."""


class BadRecord(ParkRecord):
    """A line or document is not a record of its tool."""


class GuardFailed(ParkRecord):
    """The privacy guard could not vouch for a record, so it is not kept."""


class RecordRefused(ParkRecord):
    """The server refused one record for good."""


class HaltStage(TracerError):
    """A stage stops until somebody acts; the message says what to do."""


class ConfigError(HaltStage):
    """The configuration or a folder cannot be used as it is."""

    exit_code = 78


class AlreadyRunning(HaltStage):
    """Another instance holds the lock on this data folder."""

    exit_code = 75


class NotRunning(HaltStage):
    """A command needs a running tracer and there is none."""


class SignedOut(HaltStage):
    """The server does not accept this device's token or session."""

    exit_code = 77


class StorageFull(HaltStage):
    """The disk or the outbox is full; reading pauses, nothing is dropped."""


class OutboxDamaged(HaltStage):
    """The outbox file is damaged; the next start sets it aside and reads everything again."""


class ServerTooOld(HaltStage):
    """The server lacks a function or table that this version needs."""

    exit_code = 78


class DatabaseFailed(HaltStage):
    """The embedded PostgreSQL does not start or answer."""


class NotFound(HaltStage):
    """What was asked for does not exist."""
