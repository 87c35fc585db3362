"""The first backfill on a terminal (a pty), and nothing at all where nobody watches."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading

import pytest

from claude_code_tracer.cli.progress import sync_summary
from claude_code_tracer.sync import SyncResult

_SHOW = """
import sys, time
from claude_code_tracer.cli.progress import ScanProgress
from claude_code_tracer.collector import CollectProgress, CollectReport
with ScanProgress(enabled="quiet" not in sys.argv) as progress:
    for part in range(1, 5):
        progress.update(CollectProgress(part, 8, part * 10_000_000, 80_000_000, part * 1000, part))
        time.sleep(0.15)
    for sent in (0, 1500, 3000):
        progress.sending(sent, 4000)
        time.sleep(0.15)
    progress.update(CollectProgress(8, 8, 80_000_000, 80_000_000, 9000, 9))
    if "finish" in sys.argv:
        progress.finish(CollectReport(files=8, records=4000, masked=4, errors=["/x: no"]))
"""
_ENV = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": "140", "LANG": "C.UTF-8"}


def shown_on_a_terminal(*arguments: str) -> str:
    """Run it with stderr at a terminal; return what is written there, without colours."""
    master, slave = pty.openpty()
    pieces: list[bytes] = []

    def listen() -> None:
        try:
            while piece := os.read(master, 65536):
                pieces.append(piece)
        except OSError:
            return  # the last one has closed it

    listener = threading.Thread(target=listen)
    listener.start()
    run = [sys.executable, "-c", _SHOW, *arguments]
    subprocess.run(run, stderr=slave, stdout=subprocess.PIPE, env=_ENV, check=True, timeout=60)
    os.close(slave)
    listener.join(10)
    os.close(master)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", b"".join(pieces).decode())


@pytest.mark.slow
def test_a_person_reads_files_records_speed_time_left_and_what_was_masked() -> None:
    shown = shown_on_a_terminal("finish")
    assert "collecting" in shown
    assert "50%  4/8 files, 4.0k records, 4 secrets masked" in shown
    assert re.search(r"\d+\.\d MB/s", shown)
    assert re.search(r"\d\d:\d\d", shown)
    assert re.search(r"sending .* 75%  3.0k of 4.0k records \d+\.\d records/s", shown)
    assert "8/8 files" not in shown  # what is told late does not bring the other bar back
    assert "Collected 4000 records from 8 files, 4 secrets masked. Watching for more." in shown
    assert "cannot read /x: no" in shown


@pytest.mark.slow
def test_nothing_is_shown_to_who_asks_for_quiet_or_has_no_terminal() -> None:
    assert shown_on_a_terminal("quiet") == ""
    run = [sys.executable, "-c", _SHOW]
    quiet = subprocess.run(run, capture_output=True, env=_ENV, check=True, timeout=60)
    assert (quiet.stdout, quiet.stderr) == (b"", b"")


def test_a_sync_says_what_it_did() -> None:
    result = SyncResult(
        files=2, records=9, shipped=9, masked=1, bad_spans=0, parked=3, unreadable=["/a: b"]
    )
    assert sync_summary(result, 1.25).splitlines() == [
        "Collected 9 records from 2 files, sent 9, masked 1 secrets, in 1.2 s.",
        "3 pieces are set aside, see why with: claude-tracer doctor",
        "cannot read /a: b",
    ]
