"""F01 to F04: killed with SIGKILL at any point, every record arrives, and none is made up."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from claude_code_tracer.killpoints import KILL_POINTS
from tests.faults.pipeline import SECRET, line, make_config

ROOT = Path(__file__).parents[2]
RECORDS = 1300


def _run(tmp_path: Path, kill_at: str = "") -> int:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CLAUDE_TRACER_HOME": str(tmp_path / "home"),
        "TRACER_KILL_AT": kill_at,
    }
    command = [sys.executable, "-m", "tests.faults.victim", str(tmp_path / "server.jsonl")]
    return subprocess.run(command, env=env, cwd=ROOT, timeout=60).returncode


def _arrived(tmp_path: Path) -> list[str]:
    texts: list[str] = []
    for body in (tmp_path / "server.jsonl").read_bytes().splitlines():
        texts += [row["native_id"] for row in json.loads(body)["batch"]["messages"]]
    return texts


def _integrity(path: Path) -> str:
    db = sqlite3.connect(path)
    try:
        return str(db.execute("pragma integrity_check").fetchone()[0])
    finally:
        db.close()


@pytest.mark.slow
@pytest.mark.parametrize("point", KILL_POINTS)
def test_f01_f02_f03_f04_killed_at(tmp_path: Path, point: str) -> None:
    make_config(tmp_path)
    transcript = tmp_path / "lines" / "a.jsonl"
    names = [f"{SECRET} {number}" for number in range(RECORDS)]
    transcript.write_bytes(b"".join(line(n, text=text) for n, text in enumerate(names[:700])))
    rng = Random(point)
    assert _run(tmp_path, f"{point}:1") == -signal.SIGKILL
    with transcript.open("ab") as file:
        file.write(b"".join(line(700 + n, text=text) for n, text in enumerate(names[700:])))
    assert _run(tmp_path, f"{point}:{rng.randint(1, 3)}") == -signal.SIGKILL
    outbox = tmp_path / "home" / "outbox" / "records.db"
    assert _integrity(outbox) == "ok"
    assert _run(tmp_path) == 0
    assert _integrity(outbox) == "ok"
    arrived = _arrived(tmp_path)
    assert set(arrived) == {name.replace(SECRET, "[MASKED]") for name in names}
    if point in ("after_read", "after_parse", "after_guard", "in_put", "after_put", "before_send"):
        assert len(arrived) == RECORDS  # nothing had been sent: nothing is sent twice
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()
