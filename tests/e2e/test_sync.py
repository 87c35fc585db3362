"""`claude-tracer sync`: the whole line from transcripts to rows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from claude_code_tracer.local.postgres import Postgres
from tests.e2e.snapshot import physical_rows
from tests.e2e.world import World
from tests.transcripts import SHARED, Conversation, lay_out_corpus


def write_conversations(world: World, count: int = 3) -> None:
    for number in range(count):
        talk = Conversation(world.home, f"{number:08x}-1111-4111-8111-111111111111")
        talk.prompt(f"Please fix bug {number}")
        tool = talk.tool_use("Bash", {"command": "pytest -q"})
        talk.tool_result(tool, "1 failed", is_error=True)
        talk.answer("Fixed it.")


def test_sync_stores_what_the_transcripts_say(world: World) -> None:
    write_conversations(world)
    result = world.json("sync")
    assert (result["files"], result["bad_spans"], result["parked"]) == (3, 0, 0)
    rows = world.json("sessions", "list")
    assert {row["title"] for row in rows} == {f"Please fix bug {n}" for n in range(3)}
    session = world.json("sessions", "show", "00000001")
    kinds = [message["kind"] for message in session["messages"]]
    assert kinds == ["prompt", "answer", "answer"]
    call = session["messages"][1]["tool_calls"][0]
    assert (call["name"], call["result"], call["is_error"]) == ("Bash", "1 failed", True)
    assert session["total_cost_usd"] > 0
    assert session["output_tokens"] == 150


def test_second_sync_ships_nothing_and_writes_no_row(world: World) -> None:
    write_conversations(world)
    world.run("start", "--daemon")
    assert world.json("sync")["parked"] == 0
    with world.connect() as connection:
        before = physical_rows(connection)
        assert before["messages"]
        again = world.json("sync")
        assert (again["records"], again["shipped"]) == (0, 0)
        assert physical_rows(connection) == before


def test_a_lost_database_is_filled_again_from_the_transcripts(world: World) -> None:
    write_conversations(world)
    world.run("sync")
    shutil.rmtree(Postgres(world.config).place.folder)
    assert world.json("sync")["shipped"] > 0
    assert len(world.json("sessions", "list")) == 3


def test_damaged_lines_lose_nothing_and_block_nobody(world: World) -> None:
    talk = Conversation(world.home, "aaaaaaaa-1111-4111-8111-111111111111")
    talk.prompt("before")
    talk.raw(b"{not json\n" + b"\x00" * 500 + b"\n" + bytes(range(128, 256)) + b"\n\n")
    talk.raw(b'{"type":"user","pad":"' + b"x" * 17_000_000 + b'"}\n')
    talk.prompt("after")
    talk.raw(b'{"type":"user","message":{"role":"user","content":"half a li')
    folder = talk.path.with_name("bbbbbbbb-1111-4111-8111-111111111111.jsonl")
    folder.mkdir()  # a folder that is named like a transcript
    result = world.json("sync")
    assert result["bad_spans"] >= 3
    session = world.json("sessions", "show", "aaaaaaaa")
    texts = [b["text"] for m in session["messages"] for b in m["blocks"]]
    assert texts == ["before", "after"]


if SHARED.is_dir():

    @pytest.mark.slow
    def test_the_whole_corpus_arrives(world: World) -> None:
        files = lay_out_corpus(world.home)
        result = world.json("sync")
        assert result["files"] == files
        assert result["parked"] == result["bad_spans"] == 3  # lines that are no objects
        assert world.json("sync")["shipped"] == 0

    @pytest.mark.slow
    def test_totals_are_those_of_a_history_whose_truth_is_known(world: World) -> None:
        made = world.root / "made"
        arguments = ["--out", str(made), "--mb", "6", "--sessions", "30", "--seed", "5"]
        tool = [sys.executable, str(SHARED / "tools" / "make_corpus.py"), *arguments]
        subprocess.run(tool, check=True, capture_output=True)
        shutil.move(made / ".claude", world.home / ".claude")
        truth = json.loads((made / "truth.json").read_text("utf-8"))["tokens"]["dedup_max"]
        world.run("start", "--daemon")
        world.run("sync")
        counts = {
            "input": "input_tokens",
            "output": "output_tokens",
            "cache_read": "cache_read_tokens",
            "cc5m": "cache_write_5m_tokens",
            "cc1h": "cache_write_1h_tokens",
        }
        sums = ", ".join(f"sum({column})::bigint" for column in counts.values())
        with world.connect() as connection:
            rows = connection.execute(f"select model, {sums} from model_calls group by model")
            stored = {model: dict(zip(counts, row, strict=True)) for model, *row in rows}
        assert stored == {m: {k: t[k] for k in counts} for m, t in truth.items()}
