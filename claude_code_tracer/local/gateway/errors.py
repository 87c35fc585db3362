"""What the REST side answers when something is wrong: PostgREST's statuses, codes and body."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import psycopg

from claude_code_tracer.errors import TracerError

__all__ = ["ApiError", "AuthError", "database_unavailable", "from_database", "unsupported"]

_STATUS = {
    "23503": 409,
    "23505": 409,
    "25006": 405,
    "42501": 403,
    "42883": 404,
    "42P01": 404,
    "42P17": 500,
    "53400": 500,
    "57P01": 503,
    "57P02": 503,
    "57P03": 503,
    "P0001": 400,
}
_STATUS_BY_CLASS = {
    "08": 503,
    "09": 500,
    "0L": 403,
    "0P": 403,
    "25": 500,
    "28": 403,
    "2D": 500,
    "38": 500,
    "39": 500,
    "3B": 500,
    "40": 500,
    "53": 503,
    "54": 500,
    "55": 500,
    "57": 500,
    "58": 500,
    "F0": 500,
    "HV": 500,
    "P0": 500,
    "XX": 500,
}


class ApiError(TracerError):
    """An answer other than success: an HTTP status and PostgREST's four fields."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: str | None = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.headers = headers or {}
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.hint = hint

    def body(self) -> bytes:
        """Return the JSON body: exactly code, details, hint and message, nulls kept."""
        return orjson.dumps(
            {
                "code": self.code,
                "details": self.details,
                "hint": self.hint,
                "message": self.message,
            }
        )


class AuthError(TracerError):
    """An answer of the auth side other than success: an HTTP status and Supabase Auth's code."""

    def __init__(
        self, status: int, code: str, message: str, *, more: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more or {}

    def body(self, api_version: str | None) -> bytes:
        """Return the JSON body; newer clients name the API version they expect."""
        if api_version is not None and api_version >= "2024-01-01":
            return orjson.dumps({"code": self.code, "message": self.message, **self.more})
        content = {"code": self.status, "error_code": self.code, "msg": self.message}
        return orjson.dumps({**content, **self.more})


def unsupported(feature: str) -> ApiError:
    """Return the answer to a part of Supabase's protocol that this product does not use."""
    return ApiError(
        400,
        "PGRST127",
        f"{feature} is not supported by the embedded server",
        hint="Use hosted Supabase if you need it",
    )


def database_unavailable() -> ApiError:
    """Return the answer while PostgreSQL is away."""
    return ApiError(503, "PGRST000", "Database connection error. Retrying the connection.")


def from_database(exc: psycopg.Error, *, anonymous: bool) -> ApiError:
    """Return the answer to an error of PostgreSQL, as PostgREST maps it.

    `anonymous`: the caller was not signed in, so that missing rights mean 401.
    """
    code = exc.sqlstate
    if code is None and isinstance(exc, psycopg.DataError):
        return ApiError(400, "22021", "A value cannot be sent to PostgreSQL (a NUL character?)")
    if code is None:
        return database_unavailable()
    diag = exc.diag
    return ApiError(
        _status(code, anonymous),
        code,
        diag.message_primary or "",
        details=diag.message_detail,
        hint=diag.message_hint,
    )


def _status(code: str, anonymous: bool) -> int:
    if code.startswith("PT"):
        number = code[2:]
        return int(number) if number.isdigit() and 200 <= int(number) < 600 else 500
    if code == "42501" and anonymous:
        return 401
    return _STATUS.get(code) or _STATUS_BY_CLASS.get(code[:2], 400)
