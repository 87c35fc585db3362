"""What `doctor` says of each thing that can be wrong, and that it changes nothing by looking."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from claude_code_tracer.config import Config, load_config
from claude_code_tracer.doctor import Finding, examine, folders, versions
from claude_code_tracer.health import Health, StageHealth, write_health
from claude_code_tracer.local.postgres import Postgres
from claude_code_tracer.lock import InstanceLock
from claude_code_tracer.outbox.database import connect
from claude_code_tracer.outbox.schema import VERSION
from claude_code_tracer.service import find_manager
from tests.service_managers import FakePrograms

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RUNNING = StageHealth(state="running")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    programs = FakePrograms(tmp_path / "programs")
    env = {"HOME": str(tmp_path), "CLAUDE_TRACER_HOME": str(tmp_path / "data")}
    config = load_config(programs.env | env)
    config.home.create()
    return config


def findings(config: Config, subject: str, now: datetime = NOW) -> list[Finding]:
    return [finding for finding in examine(config, now) if finding.subject == subject]


def only(config: Config, subject: str, now: datetime = NOW) -> Finding:
    (finding,) = findings(config, subject, now)
    return finding


def health(config: Config, **told: object) -> None:
    facts = {
        "pid": os.getpid(),
        "version": "1",
        "state": "running",
        "url": "http://127.0.0.1:1",
        "started_at": NOW - timedelta(hours=1),
        "written_at": NOW,
        "collector": RUNNING,
        "shipper": RUNNING,
    }
    write_health(config.home, Health(**(facts | told)))  # type: ignore[arg-type]


def waiting_since(config: Config, at: datetime) -> None:
    connect(config.home.outbox).close()
    with closing(sqlite3.connect(config.home.outbox)) as db, db:
        db.execute(
            "insert into record (lane, session, kind, at, bytes, body) "
            "values (0, 's', 'message', ?, 2, x'00')",
            (int(at.timestamp()),),
        )


def parked(config: Config, *reasons: str) -> None:
    connect(config.home.outbox).close()
    with closing(sqlite3.connect(config.home.outbox)) as db, db:
        for record, reason in enumerate(reasons):
            insert = "insert into parked (record, reason, at) values (?, ?, 0)"
            db.execute(insert, (str(record), reason))


def test_versions_of_all_parts_are_told(config: Config) -> None:
    for subject, word in {
        "version": "claude-tracer",
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": "in ",
        "privacy guard": "version",
        "prices": "genai-prices",
    }.items():
        finding = only(config, subject)
        assert finding.state == "ok" and word in finding.detail


@pytest.mark.parametrize(
    ("version", "state", "said"),
    [
        ((3, 36, 0), "problem", "3.36.0"),
        ((3, 40, 1), "ok", "the tracer has one"),
        ((3, 51, 3), "ok", "3.51.3"),
    ],
)
def test_sqlite_is_judged_by_its_version(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, int, int],
    state: str,
    said: str,
) -> None:
    monkeypatch.setattr(versions, "SQLITE_VERSION", version)
    finding = only(config, "SQLite")
    assert finding.state == state and finding.detail.endswith((said, f"{said})"))


def test_a_postgresql_that_is_not_there_is_a_problem(config: Config, tmp_path: Path) -> None:
    wrong = replace(config, env={**config.env, "CLAUDE_TRACER_PG_BIN": str(tmp_path)})
    assert only(wrong, "PostgreSQL").state == only(wrong, "database").state == "problem"
    assert "CLAUDE_TRACER_PG_BIN" in only(wrong, "database").detail


def test_a_data_folder_of_another_postgresql_is_a_problem(config: Config) -> None:
    place = Postgres(config).place
    assert only(config, "database").detail.endswith("(made at the first start)")
    place.data.mkdir(parents=True)
    try:
        (place.data / "PG_VERSION").write_text("9\n")
        finding = only(config, "database")
    finally:
        shutil.rmtree(place.folder)  # root's stands in a folder of the system
    assert finding.state == "problem" and "is of PostgreSQL 9" in finding.detail


def test_s38_open_files_and_folders_are_named(config: Config) -> None:
    assert only(config, "permissions").state == "ok"
    config.home.health.touch(0o644)
    config.home.log.parent.chmod(0o755)
    finding = only(config, "permissions")
    assert finding.state == "warning"
    assert str(config.home.health) in finding.detail
    assert str(config.home.log.parent) in finding.detail
    assert "chmod -R go-rwx" in str(finding.advice)
    config.home.root.chmod(0o750)
    assert only(config, "data folder").state == "warning"


@pytest.mark.parametrize(("mode", "state"), [(0o644, "ok"), (0o664, "problem"), (0o646, "problem")])
def test_s38_settings_that_others_may_change_are_a_problem(
    config: Config, mode: int, state: str
) -> None:
    config.home.settings.write_text("port: 0\n")
    config.home.settings.chmod(mode)
    finding = only(config, "permissions")
    assert finding.state == state
    assert (str(config.home.settings) in finding.detail) == (state == "problem")


def test_s38_files_of_another_user_are_a_problem(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)  # as after a start with sudo
    finding = next(f for f in folders.data_folder(config, NOW) if f.subject == "permissions")
    assert finding.state == "problem"
    assert finding.detail.startswith("not yours: ") and "chown" in str(finding.advice)


@pytest.mark.parametrize(
    ("free", "state"), [(10**10, "ok"), (10**8, "warning"), (10**6, "problem")]
)
def test_f49_room_on_the_disk_is_judged(
    config: Config, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    usage = shutil.disk_usage(config.home.root)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    finding = only(config, "disk")
    assert finding.state == state and str(config.home.root) in finding.detail


def test_large_logs_are_named(config: Config) -> None:
    assert only(config, "log").state == "ok"
    with config.home.gateway_log.open("wb") as file:
        file.truncate(config.settings.log_max_bytes * (config.settings.log_files + 5))
    assert only(config, "log").state == "warning"


def test_f55_newer_outbox_is_a_finding_not_the_end(config: Config) -> None:
    waiting_since(config, NOW)
    with closing(sqlite3.connect(config.home.outbox)) as db:
        db.execute(f"pragma user_version = {VERSION + 1}")
    finding = only(config, "queue")
    assert finding.state == "problem" and "newer claude-tracer" in finding.detail
    assert only(config, "dashboard")  # the others are still looked at


def test_the_age_of_the_queue_is_judged(config: Config) -> None:
    waiting_since(config, NOW - timedelta(minutes=5))
    assert only(config, "queue").state == "ok"
    finding = only(config, "queue", NOW + timedelta(hours=5))
    assert finding.state == "warning"
    assert finding.detail == (
        "1 record waits to be sent, 0 files are followed, the oldest has waited for 5 hours"
    )
    assert finding.facts is not None and finding.facts["records"] == 1


def test_parked_records_are_told_by_reason_with_what_to_do(config: Config) -> None:
    parked(config, "too_long", "too_long", "guard_failed")
    found = findings(config, "set aside")
    assert [f.detail for f in found] == ["once: guard_failed", "2 times: too_long"]
    assert all("claude-tracer parked list" in str(f.advice) for f in found)


def test_f36_records_that_wait_long_are_compared_with_the_clean_up(config: Config) -> None:
    assert only(config, "Claude Code's clean-up").state == "ok"
    waiting_since(config, NOW - timedelta(days=16))
    finding = only(config, "Claude Code's clean-up")
    assert finding.state == "warning"
    assert "after 30 days" in finding.detail and "for 16 days" in finding.detail

    settings = config.user_home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"cleanupPeriodDays": 365}')
    assert only(config, "Claude Code's clean-up").state == "ok"


def test_f36_a_long_rest_is_compared_with_the_clean_up(config: Config) -> None:
    health(config)
    at = (NOW - timedelta(days=20)).timestamp()
    os.utime(config.home.health, (at, at))
    finding = only(config, "Claude Code's clean-up")
    assert finding.state == "warning"
    assert "nobody has collected for 20 days" in finding.detail
    assert "start --daemon" in str(finding.advice)
    with InstanceLock(config.home.daemon_lock):
        assert only(config, "Claude Code's clean-up").state == "ok"


@pytest.mark.parametrize("days", ["true", '"9"', "-3", "1e999", "[[", "9.5", "{}"])
def test_a_senseless_clean_up_period_is_the_usual_one(config: Config, days: str) -> None:
    folder = config.user_home / "elsewhere"
    folder.mkdir()
    (folder / "settings.json").write_text(f'{{"cleanupPeriodDays": {days}}}')
    moved = replace(config, env={**config.env, "CLAUDE_CONFIG_DIR": str(folder)})
    assert "after 30 days" in only(moved, "Claude Code's clean-up").detail


def test_what_the_running_tracer_says_is_judged(config: Config) -> None:
    assert only(config, "tracer").state == "warning"
    with InstanceLock(config.home.daemon_lock):
        health(config)
        assert only(config, "tracer").detail == f"runs (pid {os.getpid()}) at http://127.0.0.1:1"
        silent = only(config, "tracer", NOW + timedelta(minutes=10))
        assert silent.state == "problem" and "silent for 10 min" in silent.detail
        health(
            config,
            shipper=StageHealth(state="halted", detail="sign in again"),
            backend={"problem": "it does not start"},
            unreadable=["/a (Permission denied): chmod"],
        )
        halted = only(config, "shipper")
        assert (halted.state, halted.detail, halted.advice) == (
            *("problem", "halted", "sign in again"),
        )
        assert only(config, "server").detail == "it does not start"
        assert only(config, "transcript").state == "warning"


def test_a_clock_that_cannot_be_right_is_named(config: Config) -> None:
    assert only(config, "clock").state == "ok"
    assert only(config, "clock", datetime(2020, 1, 1, tzinfo=UTC)).state == "warning"
    with InstanceLock(config.home.daemon_lock):
        health(config)
        finding = only(config, "clock", NOW - timedelta(days=3))
    assert finding.detail == "it was set back by 3 days while the tracer ran"


def test_the_service_is_looked_at_when_there_is_one(config: Config) -> None:
    assert findings(config, "service") == []
    manager = find_manager(config)
    manager.file.parent.mkdir(parents=True)
    manager.file.write_bytes(manager.content())
    finding = only(config, "service")
    assert finding.state == "warning" and "service install" in str(finding.advice)
    Path(config.env["FAKE_STATE"], "unreachable").touch()
    assert "does not answer" in only(config, "service").detail


def test_looking_changes_nothing(config: Config) -> None:
    waiting_since(config, NOW)
    before = {path: path.stat().st_mtime_ns for path in config.home.root.rglob("*.db")}
    examine(config, NOW)
    assert {path: path.stat().st_mtime_ns for path in config.home.root.rglob("*.db")} == before
    assert not config.home.postgres.exists()
