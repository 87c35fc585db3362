"""The gateway as a child: its ready line, its reasons, its end."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from claude_code_tracer.errors import ConfigError, DatabaseFailed
from claude_code_tracer.local.gateway_process import GatewayProcess

READY = 'import sys; print(\'{"ready": true, "port": 4242}\', flush=True); '
NEVER = threading.Event()


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    process = GatewayProcess({"HOME": "/"}, tmp_path / "gateway.log", 1000)
    yield process
    process.stop()


def test_it_serves_on_the_port_it_names(gateway: GatewayProcess, tmp_path: Path) -> None:
    assert not gateway.is_alive()
    assert gateway.start(_python(READY + "sys.stdin.read()"), 0, NEVER) == 4242
    assert gateway.is_alive()
    assert (tmp_path / "gateway.log").stat().st_mode & 0o777 == 0o600
    gateway.stop()
    assert not gateway.is_alive()
    gateway.stop()


def test_it_ends_when_its_stdin_does(gateway: GatewayProcess) -> None:
    code = (
        "import signal, json, os; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "import sys; print(json.dumps({'port': os.getpid()}), flush=True); sys.stdin.read()"
    )
    pid = gateway.start(_python(code), 0, NEVER)
    gateway.stop()
    assert not psutil.pid_exists(pid)


def test_a_taken_port_is_named(gateway: GatewayProcess) -> None:
    code = "import sys; print('x'); print('port 8420 is taken', file=sys.stderr); sys.exit(78)"
    with pytest.raises(ConfigError, match=r"^port 8420 is taken$"):
        gateway.start(_python(code), 8420, NEVER)
    assert not gateway.is_alive()


def test_another_end_gives_its_last_words(gateway: GatewayProcess, tmp_path: Path) -> None:
    (tmp_path / "gateway.log").write_text("words of last time\n")
    for code, reason in (
        ("import sys; sys.exit('no luck')", r"ended with code 1 \(no luck\): see .*gateway.log"),
        ("import os; os._exit(3)", r"ended with code 3 \(it said nothing\)"),
    ):
        with pytest.raises(DatabaseFailed, match=reason):
            gateway.start(_python(code), 8420, NEVER)


def test_a_line_that_is_no_answer_is_refused(gateway: GatewayProcess) -> None:
    with pytest.raises(DatabaseFailed, match="the gateway does not answer"):
        gateway.start(_python("import time; print('hello', flush=True); time.sleep(60)"), 0, NEVER)
    assert not gateway.is_alive()


def test_waiting_for_it_can_be_given_up(gateway: GatewayProcess) -> None:
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    began_s = time.monotonic()
    with pytest.raises(DatabaseFailed, match="does not answer"):
        gateway.start(_python("import time; time.sleep(60)"), 0, cancel)
    assert time.monotonic() - began_s < 10


def test_a_big_log_is_set_aside(gateway: GatewayProcess, tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_text("x" * 1001)
    gateway.start(_python(READY + "print('new', file=sys.stderr); sys.stdin.read()"), 0, NEVER)
    gateway.stop()
    assert log.with_name("gateway.log.1").stat().st_size == 1001
    assert log.stat().st_mode & 0o777 == 0o600


def test_it_has_our_code_not_that_of_the_working_folder(
    gateway: GatewayProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claude_code_tracer.py").write_text("raise SystemExit('hostile')")
    code = (
        "import claude_code_tracer, json, os, sys;"
        "print(json.dumps({'port': os.getsid(0)}), flush=True); sys.stdin.read()"
    )
    assert gateway.start(_python(code), 0, NEVER) != os.getsid(0)


def test_a_crash_is_seen(gateway: GatewayProcess) -> None:
    line = json.dumps({"port": 1})
    gateway.start(_python(f"print('{line}', flush=True)"), 0, NEVER)
    deadline_s = time.monotonic() + 10
    while gateway.is_alive():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
