"""F10 to F18: what a tool may write into a line, and when."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from tests.faults.pipeline import SECRET, UNGUARDABLE, Pipeline, line, running


def _append(pipeline: Pipeline, content: bytes) -> None:
    with (pipeline.folder / "a.jsonl").open("ab") as file:
        file.write(content)


def test_f10_record_completed_later_is_one_record(tmp_path: Path) -> None:
    record = line("1", text="é漢😀")
    for cut in range(1, len(record)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        with running(folder) as pipeline:
            _append(pipeline, line("0", text="zero") + record[:cut])
            assert pipeline.drain() == ["zero"]
            if cut % 3 == 0:
                pipeline.restart()
            _append(pipeline, record[cut:])
            assert pipeline.drain() == ["zero", "é漢😀"]
            assert len(pipeline.server.order) == len({*pipeline.server.order, "a"}) + 1


def test_f11_line_without_newline_is_sent_once_it_stands_still(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        _append(pipeline, line("1") + line("2", text="last").rstrip(b"\n"))
        assert pipeline.drain() == ["1"]
        pipeline.clock.advance_s(599)
        assert pipeline.drain() == ["1"]
        pipeline.clock.advance_s(2)
        assert pipeline.drain() == ["1", "last"]
        sent = len(pipeline.server.batches)
        for _ in range(2):
            pipeline.clock.advance_s(3600)
            pipeline.drain()
            pipeline.restart()
        pipeline.drain()
        assert len(pipeline.server.batches) == sent
        _append(pipeline, b"\n" + line("3"))
        assert pipeline.drain() == ["1", "3", "last"]


def test_f11_other_last_line_in_its_place_is_sent_as_well(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        _append(pipeline, line("1", text="long enough").rstrip(b"\n"))
        pipeline.clock.advance_s(700)
        assert pipeline.drain() == ["long enough"]
        (pipeline.folder / "a.jsonl").write_bytes(line("2", text="short").rstrip(b"\n"))
        pipeline.clock.advance_s(700)
        assert pipeline.drain() == ["long enough", "short"]


def test_f11_half_a_record_is_never_sent(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        assert isinstance(pipeline.clock, FakeClock)
        _append(pipeline, b'{"id": "1", "text": "ha')
        pipeline.collect()
        pipeline.clock.advance_s(700)
        assert pipeline.drain() == []
        _append(pipeline, b'lf"}\n')
        assert pipeline.drain() == ["half"]
        assert pipeline.outbox.stats().parked_rows == 0


def test_f13_invalid_utf8_does_not_hold_the_file_up(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        _append(pipeline, line("1") + b'{"id": "2", "text": "caf\xe9"}\n' + line("3"))
        assert pipeline.drain() == ["1", "3", "caf\ufffd"]


def test_f14_byte_order_mark_crlf_and_blank_lines(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        crlf = line("2").replace(b"\n", b"\r\n")
        _append(pipeline, b"\xef\xbb\xbf" + line("1") + b"\n\r\n" + crlf + b"\n")
        assert pipeline.drain() == ["1", "2"]
        assert pipeline.outbox.stats().parked_rows == 0
        assert pipeline.outbox.files()[0].cursor == (pipeline.folder / "a.jsonl").stat().st_size


def test_f16_bad_line_is_parked_as_a_pointer(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        bad = b'{"id": "2", "te' + line("3")
        _append(pipeline, line("1") + bad + line("4"))
        assert pipeline.drain() == ["1", "4"]
        (parked,) = pipeline.outbox.parked(9)
        assert (parked.start, parked.end) == (12, 12 + len(bad))
        assert parked.sha256 == sha256(bad).hexdigest()


_LONG_LINE = """
import resource, sys
from pathlib import Path
from tests.faults.pipeline import running
with running(Path(sys.argv[1])) as pipeline:
    assert pipeline.drain() == ["1", "2"], pipeline.server.texts
    (parked,) = pipeline.outbox.parked(9)
    assert parked.reason == "a line is longer than 16777216 bytes", parked
    print(parked.end - parked.start, parked.sha256)
status = Path("/proc/self/status")
if status.exists():  # ru_maxrss counts the process that started us as well
    print(next(s.split()[1] for s in status.read_text().splitlines() if s.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_f17_line_of_100_megabytes_is_passed_by_in_little_memory(tmp_path: Path) -> None:
    folder = tmp_path / "lines"
    folder.mkdir()
    digest, block = sha256(), b"x" * 1_000_000
    with (folder / "a.jsonl").open("wb") as file:
        file.write(line("1"))
        for _ in range(100):
            file.write(block)
            digest.update(block)
        file.write(b"\n" + line("2"))
    digest.update(b"\n")
    command = [sys.executable, "-c", _LONG_LINE, str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    span, rss = done.stdout.splitlines()
    assert span == f"100000001 {digest.hexdigest()}"
    assert int(rss) < 100_000


def test_f18_unicode_line_separators_do_not_split_a_record(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        odd = "a\u2028b\u2029c\u0085d\x1ce"
        _append(pipeline, json.dumps({"id": "1", "text": odd}, ensure_ascii=False).encode() + b"\n")
        assert pipeline.drain() == [odd]


def test_f19_nul_and_lone_surrogates_reach_the_server_replaced(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        _append(pipeline, b'{"id": "1", "text": "a\\u0000b"}\n')
        assert pipeline.drain() == ["a\ufffdb"]


def test_f82_what_the_guard_cannot_vouch_for_is_parked(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        _append(pipeline, line("1") + line("2", text=f"{UNGUARDABLE} {SECRET}") + line("3"))
        assert pipeline.drain() == ["1", "3"]
        (parked,) = pipeline.outbox.parked(9)
        assert (parked.kind, parked.start) == ("message", len(line("1")))
        assert "guard" in parked.reason
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()
