"""Data flows one way and imports follow it (docs/architecture.md): this is what keeps it so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "claude_code_tracer"

BASE = {
    *("errors", "model", "merge", "ids", "config", "paths", "clock", "log", "killpoints"),
    *("finding", "__init__"),
}
STAGES = {"sources", "tail", "guard", "pricing", "outbox", "ship"}
"""Siblings: each knows the base and itself, never another."""
MAY_IMPORT = {
    **{stage: set[str]() for stage in STAGES},
    "local": {"ship"},  # it writes the credentials that ship reads
    "lock": set(),
    "health": {"lock"},
    "rate": set(),
    "worker": {"health"},
    "collect_report": set(),
    "intake": {"outbox", "sources"},
    "portions": {"outbox", "sources", "tail"},
    "reading": {"collect_report", "intake", "outbox", "portions", "sources", "tail"},
    "collector": {"collect_report", "intake", "outbox", "reading", "sources", "tail"},
    "outgoing": {"outbox", "ship"},
    "shipper": {"outbox", "outgoing", "ship"},
    "requests": {"lock"},
    "again": {"outbox", "requests", "sources", "tail"},
    "pipeline": STAGES | {"again", "collector", "shipper"},
    "scan": STAGES | {"portions", "reports", "timezones"},
    "reads": {"ship"},
    "rpc": {"ship"},  # the light client beside `reads`: see its docstring
    "reports": set(),
    "timezones": set(),
    "reaching": {"health", "rpc", "serving", "ship"},
    "usage": {"health", "pricing", "reaching", "reports", "rpc", "ship"},
    "repricing": {"pricing", "rpc"},
    "live": set(),
    "follow": {"live", "reads"},
    "serving": {"health", "local", "lock"},
    "sync": {"collector", "health", "lock", "pipeline", "serving", "worker"},
    "vitals": {"collector", "health", "outbox", "pipeline", "rate", "worker"},
    "draining": {"outbox", "worker"},
    "daemon": {"collector", "draining", "health", "local", "lock", "pipeline", "vitals", "worker"},
    "background": {"health", "local", "lock"},
    "service": {"health", "lock", "sources"},
    "doctor": STAGES | {"health", "local", "lock", "rpc", "service"},
}
COMPOSERS = {"cli", "__main__"}
BEHIND_ONE_FILE = {
    "supabase": {"reads"},
    "realtime": {"live"},
    "http": {"rpc"},
    "genai_prices": {"pricing"},
    "hyperscan": {"finding", "guard"},
    "sqlite3": {"outbox", "tail"},
    "psycopg": {"local"},
    "uvicorn": {"local"},
    "starlette": {"local"},
    "platformdirs": {"config"},
    "zstandard": {"tail"},
}

FILES = sorted(PACKAGE.rglob("*.py"))


def _unit(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if node.module == "claude_code_tracer":
                names |= {f"claude_code_tracer.{alias.name}" for alias in node.names}
    return names


def _own(names: set[str]) -> set[str]:
    parts = (name.split(".") for name in names)
    return {part[1] for part in parts if part[0] == "claude_code_tracer" and len(part) > 1}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_data(path: Path) -> None:
    unit = _unit(path)
    used = _own(_imports(path)) - BASE - {unit, "__version__"}
    if unit in COMPOSERS:
        return
    allowed = set() if unit in BASE else MAY_IMPORT[unit]
    assert used <= allowed, f"{path.name} ({unit}) may not import {sorted(used - allowed)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_third_party_clients_stand_behind_one_place(path: Path) -> None:
    roots = {name.split(".")[0] for name in _imports(path)}
    for library, places in BEHIND_ONE_FILE.items():
        assert library not in roots or _unit(path) in places, f"{library} belongs to {places}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_stay_readable(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_environment_is_read_in_config_only(path: Path) -> None:
    if _unit(path) == "config":
        return
    tree = ast.parse(path.read_text("utf-8"))
    reads = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert not reads, f"{path.name}: take what you need from Config.env"
