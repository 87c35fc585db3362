"""A synthetic history of 100 MB, whose token totals are known, is counted exactly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from claude_code_tracer.model import ModelCall
from claude_code_tracer.sources.registry import source_named
from tests.golden.homes import files_of, in_one_go, merged
from tests.transcripts import SHARED

if SHARED.is_dir():

    def test_totals_of_100_mb_equal_the_truth(tmp_path: Path) -> None:
        tool = str(SHARED / "tools" / "make_corpus.py")
        size = ["--mb", "100", "--sessions", "300", "--projects", "12", "--seed", "7"]
        command = [sys.executable, tool, "--out", str(tmp_path), *size]
        subprocess.run(command, check=True, capture_output=True)
        source = source_named("claude_code")
        calls: list[ModelCall] = []
        for file in files_of(source, tmp_path):
            calls += [e for e in in_one_go(source, file)[0] if isinstance(e, ModelCall)]
        totals: dict[str, Counter[str]] = {}
        for call in merged(calls):
            assert isinstance(call, ModelCall) and call.model
            total = totals.setdefault(call.model, Counter())
            total["input"] += call.input_tokens or 0
            total["output"] += call.output_tokens or 0
            total["cache_read"] += call.cache_read_tokens or 0
            total["cc5m"] += call.cache_write_5m_tokens or 0
            total["cc1h"] += call.cache_write_1h_tokens or 0
        truth = json.loads((tmp_path / "truth.json").read_text("utf-8"))["tokens"]["dedup_max"]
        assert {model: {name: t[name] for name in totals[model]} for model, t in truth.items()} == {
            model: dict(total) for model, total in totals.items()
        }
