"""Secrets and personal data are masked here, before anything is stored or sent."""

from claude_code_tracer.guard.guard import GUARD_VERSION, Guard
from claude_code_tracer.guard.masking import Masked

__all__ = ["GUARD_VERSION", "Guard", "Masked"]
