"""The processes of a running tracer, to be killed one by one."""

from __future__ import annotations

import contextlib
from random import Random

import psutil

__all__ = ["BACKEND", "GATEWAY", "KINDS", "POSTMASTER", "TRACER", "kill", "processes"]

TRACER, GATEWAY, POSTMASTER, BACKEND = "tracer", "gateway", "postmaster", "backend"
KINDS = (TRACER, GATEWAY, POSTMASTER, BACKEND)
"""`tracer` is collector and shipper; `backend` any one process of the database."""


def processes(tracer: int) -> dict[str, psutil.Process]:
    """Return what runs of the tracer with this pid: itself, its gateway, its postmaster."""
    found: dict[str, psutil.Process] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(tracer)
        found[TRACER] = root
        for child in root.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
                line = child.cmdline()
                if "claude_code_tracer.local.gateway" in line:
                    found[GATEWAY] = child
                elif "-D" in line and line[0].endswith("postgres") and "--boot" not in line:
                    found[POSTMASTER] = child
    return found


def kill(kind: str, tracer: int, rng: Random) -> bool:
    """Send SIGKILL to one process of this kind; False when there is none just now."""
    running = processes(tracer)
    if kind == BACKEND:
        with contextlib.suppress(psutil.NoSuchProcess, KeyError):
            workers = running[POSTMASTER].children()
            if workers:
                rng.choice(workers).kill()
                return True
        return False
    if kind not in running:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        running[kind].kill()
        return True
    return False
