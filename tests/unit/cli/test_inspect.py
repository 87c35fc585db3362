"""`status`: what runs, how far it is, what stands still and what to do, and its exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from claude_code_tracer.cli.inspect import logs, status
from claude_code_tracer.errors import NotFound, NotRunning
from claude_code_tracer.health import (
    Backfill,
    Health,
    LastError,
    QueueHealth,
    Rates,
    SourceHealth,
    StageHealth,
    write_health,
)
from claude_code_tracer.lock import InstanceLock
from claude_code_tracer.paths import Home
from tests.unit.cli.test_light_start import imported_by

RUNNING = StageHealth(state="running")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "data").create()


@pytest.fixture
def lock(home: Home) -> Iterator[None]:
    with InstanceLock(home.daemon_lock):
        yield


def a_health(**values: object) -> Health:
    now = datetime.now(UTC)
    usual = Health(
        pid=os.getpid(),
        version="1.2.3",
        state="running",
        url="http://127.0.0.1:8420",
        started_at=now - timedelta(minutes=5),
        written_at=now,
        collector=RUNNING,
        shipper=RUNNING,
        backend={"postgres": "running", "gateway": "running"},
    )
    return msgspec.structs.replace(usual, **values)


def run(home: Home, *arguments: str) -> Result:
    env = {"CLAUDE_TRACER_HOME": str(home.root)}
    return CliRunner().invoke(status, arguments, env=env)


def told(home: Home, health: Health) -> str:
    """Return what `status` says of `health`, with single blanks."""
    write_health(home, health)
    result = run(home)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def test_without_a_tracer_it_says_how_to_start_one(home: Home) -> None:
    result = run(home)
    assert result.exit_code == 1
    assert isinstance(result.exception, NotRunning)
    assert "claude-tracer start --daemon" in str(result.exception)


def test_json_without_a_tracer_ends_with_1(home: Home) -> None:
    result = run(home, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"running": False, "home": str(home.root)}


@pytest.mark.usefixtures("lock")
def test_json_is_everything(home: Home) -> None:
    health = a_health(sources={"codex": SourceHealth(files=1, lag_s=2.5)}, rates=Rates())
    write_health(home, health)
    result = run(home, "--json")
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert (facts["running"], facts["stale"]) == (True, False)
    assert facts["sources"]["codex"]["lag_s"] == 2.5
    assert {*msgspec.to_builtins(health)} < {*facts}


@pytest.mark.usefixtures("lock")
def test_all_is_well_in_a_few_lines(home: Home) -> None:
    text = told(home, a_health(files=2, records=9, shipped_records=9))
    assert "claude-tracer 1.2.3 is running" in text and "started 5 min ago" in text
    assert "collected 9 records from 2 files, 0 masked" in text
    assert "queue empty, 9 sent" in text
    assert "last error" not in text and "set aside" not in text and "stands still" not in text


@pytest.mark.usefixtures("lock")
def test_a_backfill_tells_how_far_how_fast_and_how_long_yet(home: Home) -> None:
    at = Backfill(
        files_done=10,
        files_total=40,
        bytes_done=250_000_000,
        bytes_total=1_000_000_000,
        records=5,
        masked=2,
        eta_s=75.0,
    )
    text = told(home, a_health(backfill=at, rates=Rates(mb_per_s=10.04)))
    assert "reading 10 of 40 files, 25 % of 1000 MB, 10.0 MB/s, about 1 min left" in text
    assert "last scan under way" in text


@pytest.mark.usefixtures("lock")
def test_the_queue_and_each_source_tell_how_far_behind_they_are(home: Home) -> None:
    now = datetime.now(UTC)
    queue = QueueHealth(rows=7, bytes=1_500_000, oldest_at=now - timedelta(hours=2))
    sources = {
        "codex": SourceHealth(
            files=3,
            records=4200,
            last_record_at=now - timedelta(seconds=90),
            lag_s=3 * 86_400.0,
            parked=2,
            unreadable=1,
        ),
        "gemini": SourceHealth(files=1, records=1, lag_s=2.0),
    }
    text = told(home, a_health(pending_records=7, queue=queue, sources=sources))
    assert "queue 7 records (1.5 MB) to send, the oldest from 2 h ago, 0 sent" in text
    assert (
        "codex 4.2k records from 3 files, the newest read 1 min ago, 3 days behind, "
        "1 cannot be read"
    ) in text
    assert "gemini 1 records from 1 files " in f"{text} "
    assert "2 s behind" not in text


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(
    ("stage", "advice"),
    [
        ("waiting", "The shipper tries again by itself, nothing is lost"),
        ("halted", "The shipper stands still until you have done what it says"),
    ],
)
def test_a_stage_that_stands_still_says_why_since_when_and_what_to_do(
    home: Home, stage: str, advice: str
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=3)
    shipper = StageHealth(state=stage, detail="no answer from here", since=since)
    text = told(home, a_health(shipper=shipper))
    assert f"shipper {stage} since 3 min ago: no answer from here" in text
    assert advice in text


@pytest.mark.usefixtures("lock")
def test_trouble_of_before_and_what_is_set_aside_are_told(home: Home) -> None:
    at = datetime.now(UTC) - timedelta(minutes=10)
    error = LastError(stage="shipper", text="no answer\x1b[2J", at=at)
    text = told(home, a_health(last_error=error, parked_records=2, unreadable=["/a (no): chmod"]))
    assert "last error shipper, 10 min ago: no answer\N{REPLACEMENT CHARACTER}[2J" in text
    assert "set aside 2 pieces: see `claude-tracer parked list`" in text
    assert "cannot read /a (no): chmod" in text


@pytest.mark.usefixtures("lock")
def test_a_tracer_that_fell_silent_is_told(home: Home) -> None:
    text = told(home, a_health(written_at=datetime.now(UTC) - timedelta(minutes=2)))
    assert "It has said nothing since 2 min ago" in text
    assert "claude-tracer restart" in text


def test_logs_without_a_log_say_how_to_get_one(home: Home) -> None:
    result = CliRunner().invoke(logs, [], env={"CLAUDE_TRACER_HOME": str(home.root)})
    assert isinstance(result.exception, NotFound)


def test_status_starts_without_what_only_others_need() -> None:
    heavy = {"psycopg", "yaml", "rich", "httpx", "starlette", "supabase", "asyncio", "jwt"}
    assert not imported_by("import claude_code_tracer.cli.inspect") & heavy
