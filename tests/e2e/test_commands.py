"""The commands as a person types them: what they print and how they end."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import click
import psutil
import pytest
from click.testing import CliRunner

from claude_code_tracer.cli.root import cli
from claude_code_tracer.lock import running_pid
from tests.e2e.world import World
from tests.transcripts import Conversation

ROOT = Path(__file__).parents[2]
DOCS = "".join(p.read_text("utf-8") for p in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
CONTEXT = click.Context(cli)


def test_the_life_of_a_tracer(world: World) -> None:
    assert "not running" in world.run("status", code=1)
    assert world.run("status", "--json", code=1) == ""
    assert "not running" in world.run("stop", code=1)
    assert "no log yet" in world.run("logs", code=1)

    started = world.run("start", "--daemon")
    status = world.json("status")
    assert f"pid {status['pid']}" in started
    assert status["url"] in started
    assert (status["running"], status["stale"]) == (True, False)
    assert status["collector"]["state"] == status["shipper"]["state"] == "running"
    assert "already running" in world.run("start", code=75)
    assert "already running" in world.run("start", "--daemon", code=75)
    assert "event=started" in world.run("logs")
    assert status["url"] in world.run("status")

    family = [status["pid"], *(c.pid for c in psutil.Process(status["pid"]).children())]
    begin = time.monotonic()
    assert "stopped" in world.run("stop")
    assert time.monotonic() - begin < 10
    assert [pid for pid in family if is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # PID 1 may never reap
    except psutil.NoSuchProcess:
        return False


def test_two_starts_at_once_end_with_one_tracer(world: World) -> None:
    both = [world.spawn("start", "--daemon") for _ in range(2)]
    for process in both:
        process.communicate(timeout=60)
    assert sorted(process.returncode for process in both) == [0, 75]
    assert running_pid(world.config.home.daemon_lock) == world.json("status")["pid"]


def test_stop_right_after_start(world: World) -> None:
    with world.spawn("start") as starting:
        deadline = time.monotonic() + 20
        while running_pid(world.config.home.daemon_lock) is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        world.run("stop")
        assert starting.wait(20) == 0
    assert running_pid(world.config.home.daemon_lock) is None


def test_a_taken_port_is_named(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for way in (["start", "--daemon"], ["start"]):
            said = world.run(*way, "--port", port, code=78)
            assert port in said and "--port" in said
    assert running_pid(world.config.home.daemon_lock) is None


def test_an_unusable_data_folder_is_named(world: World) -> None:
    world.data.write_text("a file where the folder should be")
    assert str(world.data) in world.run("start", code=78)
    world.data.unlink()


def test_sessions_are_watched_live(world: World) -> None:
    talk = Conversation(world.home, "ffffffff-7777-4777-8777-777777777777")
    talk.prompt("An old prompt")
    world.run("start", "--daemon")
    world.run("sync")
    with world.spawn("sessions", "watch", "--json") as watching:
        assert watching.stdout and watching.stderr
        assert "Waiting" in watching.stderr.readline()
        talk.now()
        talk.prompt("A new prompt")
        event = json.loads(watching.stdout.readline())
        watching.terminate()
    assert event["session"]["native_id"] == talk.session
    assert event["message"]["blocks"][0]["text"] == "A new prompt"


def test_an_unknown_or_vague_session_ends_with_1(world: World) -> None:
    for end in "12":
        name = f"aaaaaaa{end}-7777-4777-8777-777777777777"
        Conversation(world.home, name).prompt(f"Prompt {end}")
    world.run("start", "--daemon")
    world.run("sync")
    assert "no session starts with" in world.run("sessions", "show", "zzz", code=1)
    assert "more than one" in world.run("sessions", "show", "aaaaaaa", code=1)
    assert "Prompt 2" in world.run("sessions", "show", "aaaaaaa2")
    assert "Prompt 1" in world.run("sessions", "list")


def test_doctor_says_what_is_wrong_and_what_to_do(world: World) -> None:
    findings = {f["subject"]: f for f in world.json("doctor")}
    assert findings["tracer"]["state"] == "warning"
    assert "start --daemon" in findings["tracer"]["advice"]
    assert "Claude Code, Codex" in findings["other tools"]["detail"]
    assert "unknown records" not in findings  # nobody runs who could be asked
    assert not world.config.home.postgres_log.exists()
    talk = Conversation(world.home, "ffffffff-8888-4888-8888-888888888888")
    talk.prompt("Grow.")
    world.run("start", "--daemon")
    world.run("sync")
    findings = {f["subject"]: f for f in world.json("doctor")}
    assert findings["unknown records"]["detail"] == "none"
    folder = world.home / ".claude" / "projects"
    assert findings["Claude Code"]["detail"] == f"1 transcript in {folder}"

    talk.record(type="sprouted", content="Something new")
    world.run("sync")
    said = world.run("doctor")
    assert "runs (pid" in said
    assert "Claude Code wrote 1 record, version 2.1.200: sprouted (1)" in said
    findings = {f["subject"]: f for f in world.json("doctor")}
    assert findings["unknown records"]["facts"] == {
        "source": "claude_code",
        "records": [
            {
                "source": "claude_code",
                "tool_version": "2.1.200",
                "type": "sprouted",
                "records": 1,
            }
        ],
    }


@pytest.mark.parametrize("name", cli.list_commands(CONTEXT))
def test_every_command_has_help_with_an_example_and_is_documented(name: str) -> None:
    command = cli.get_command(CONTEXT, name)
    subcommands = getattr(command, "commands", {})
    for path in [[name]] if not subcommands else [[name, sub] for sub in subcommands]:
        shown = CliRunner().invoke(cli, [*path, "--help"])
        assert shown.exit_code == 0
        assert "Example:" in shown.output
        assert f"claude-tracer {' '.join(path)}" in DOCS


def test_wrong_usage_ends_with_2(world: World) -> None:
    assert "No such command" in world.run("frobnicate", code=2)
    assert "Invalid value" in world.run("start", "--port", "99999", code=2)
