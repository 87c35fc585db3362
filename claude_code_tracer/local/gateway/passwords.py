"""Passwords: bcrypt, in a thread and one at a time, because it is slow on purpose."""

from __future__ import annotations

import asyncio

__all__ = ["Passwords"]

_ROUNDS = 10
_MAX_BYTES = 72


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)
        self._nobody: bytes | None = None

    async def hash(self, password: str) -> str:
        """Return what is stored of `password`, which is at most 72 bytes long."""
        async with self._one_at_a_time:
            return (await asyncio.to_thread(_hash, password)).decode()

    async def matches(self, password: str, stored: str | None) -> bool:
        """Tell whether `password` is the stored one; takes its time when there is none, too."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._matches, password, stored)

    def _matches(self, password: str, stored: str | None) -> bool:
        import bcrypt

        if self._nobody is None:
            self._nobody = _hash("nobody")
        given = password.encode()
        usable = stored is not None and len(given) <= _MAX_BYTES
        hashed = stored.encode() if usable and stored else self._nobody
        try:
            return bcrypt.checkpw(given[:_MAX_BYTES], hashed) and usable
        except ValueError:
            return False


def _hash(password: str) -> bytes:
    import bcrypt

    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS))
