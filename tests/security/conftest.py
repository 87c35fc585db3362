"""Fixtures of the security tests."""

from tests.e2e.conftest import world

__all__ = ["world"]
