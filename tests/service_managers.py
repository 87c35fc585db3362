"""Stand-ins for `systemctl` and `launchctl`: they keep books and run the service for real.

What they do is what the two programs are documented to do with the few commands we give them. They
are put on the PATH as executables; everything on our side of that border is real.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

__all__ = ["LAUNCHCTL", "SYSTEMCTL", "FakePrograms"]

_COMMON = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
import psutil
state = Path(os.environ["FAKE_STATE"])
arguments = sys.argv[1:]
with (state / "calls").open("a") as calls:
    calls.write(json.dumps([Path(sys.argv[0]).name, *arguments]) + "\\n")
pid_file, result_file, loaded = state / "pid", state / "result", state / "loaded"

def running():
    try:
        process = psutil.Process(int(pid_file.read_text()))
        return 0 if process.status() == psutil.STATUS_ZOMBIE else process.pid
    except (OSError, ValueError, psutil.NoSuchProcess):
        return 0

def spawn(command, environment, errors):
    with open(errors, "ab") as stderr:
        child = subprocess.Popen(
            command, env=environment, cwd="/", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
        )
    pid_file.write_text(str(child.pid))
    try:
        result_file.write_text(str(child.wait(0.8)))  # one that fails does so at once
    except subprocess.TimeoutExpired:
        result_file.write_text("0")

def stop():
    pid = running()
    if pid:
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 20
        while running() and time.monotonic() < end:
            time.sleep(0.02)
    pid_file.unlink(missing_ok=True)
    result_file.unlink(missing_ok=True)

def fail(code, message):
    print(message, file=sys.stderr)
    sys.exit(code)

if (state / "unreachable").exists():
    fail(1, "Failed to connect to bus: No medium found")
"""

SYSTEMCTL = (
    _COMMON
    + """
import shlex
base = os.environ.get("XDG_CONFIG_HOME") or os.environ["HOME"] + "/.config"
folder = Path(base, "systemd", "user")
assert arguments.pop(0) == "--user"
verb, *rest = arguments
name = "claude-tracer.service"
wants = folder / "default.target.wants" / name

def words(text):
    return [w.replace("%%", "%").replace("$$", "$") for w in shlex.split(text)]

def start():
    lines = loaded.read_text().splitlines()
    environment = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin"}
    for line in lines:
        if line.startswith("Environment="):
            environment |= dict(w.split("=", 1) for w in words(line.partition("=")[2]))
    command = next(l for l in lines if l.startswith("ExecStart=")).partition("=")[2]
    spawn(words(command), environment, state / "journal")

if verb == "show":
    if rest == ["--property=Version"]:
        print("Version=252")
    else:
        pid, code = running(), result_file.read_text() if result_file.exists() else "0"
        active = "active" if pid else ("failed" if code != "0" else "inactive")
        print("UnitFileState=" + ("enabled" if wants.is_symlink() else ""))
        print(f"ActiveState={active}\\nSubState=" + {"active": "running"}.get(active, "dead"))
        print("Result=" + ("success" if code == "0" else "exit-code") + f"\\nMainPID={pid}")
elif verb == "daemon-reload":
    loaded.unlink(missing_ok=True)
    if (folder / name).exists():
        loaded.write_text((folder / name).read_text())
elif not loaded.exists():
    fail(5, f"Failed to {verb} unit: Unit file {name} does not exist.")
elif verb == "enable":
    assert rest == ["--now", name]
    wants.parent.mkdir(exist_ok=True)
    if not wants.is_symlink():
        wants.symlink_to(folder / name)
    if not running():
        start()
elif verb == "disable":
    assert rest == ["--now", name]
    wants.unlink(missing_ok=True)
    stop()
elif verb == "restart":
    stop()
    start()
elif verb == "reset-failed":
    result_file.unlink(missing_ok=True)
else:
    fail(1, f"Unknown command verb {verb}.")
"""
)

LAUNCHCTL = (
    _COMMON
    + """
import plistlib
verb, *rest = arguments
domain = f"gui/{os.getuid()}"
target = domain + "/claude-tracer"

def start():
    agent = plistlib.loads(loaded.read_bytes())
    environment = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin"}
    environment |= agent["EnvironmentVariables"]
    assert agent["RunAtLoad"] is True
    spawn(agent["ProgramArguments"], environment, agent["StandardErrorPath"])

if verb == "print" and rest == [domain]:
    print(domain + " = {")
elif verb == "bootstrap":
    assert rest[0] == domain
    if loaded.exists():
        fail(5, "Bootstrap failed: 5: Input/output error")
    loaded.write_bytes(Path(rest[1]).read_bytes())
    start()
elif verb == "enable":
    assert rest == [target]
elif not loaded.exists():
    fail(113, f'Could not find service "claude-tracer" in domain for {domain}')
elif verb == "print":
    pid = running()
    code = result_file.read_text() if result_file.exists() else "0"
    print(target + " = {\\n\\tstate = " + ("running" if pid else "not running"))
    print(f"\\tlast exit code = {code}\\n\\tsockets = {{\\n\\t\\tstate = active\\n\\t}}")
    if pid:
        print(f"\\tpid = {pid}")
    print("}")
elif verb == "kickstart":
    if rest[0] == "-k":
        stop()
    if not running():
        start()
elif verb == "bootout":
    stop()
    loaded.unlink()
else:
    fail(64, "Unrecognized subcommand: " + verb)
"""
)


class FakePrograms:
    """A folder for the PATH with both programs, and what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.state = folder / "state"
        self.bin.mkdir(parents=True)
        self.state.mkdir()
        for name, text in (("systemctl", SYSTEMCTL), ("launchctl", LAUNCHCTL)):
            program = self.bin / name
            program.write_text(f"#!{sys.executable}\n{text}")
            program.chmod(0o755)

    @property
    def env(self) -> dict[str, str]:
        """What makes a command find them."""
        return {"PATH": f"{self.bin}:{os.environ['PATH']}", "FAKE_STATE": str(self.state)}

    @property
    def calls(self) -> list[list[str]]:
        """The commands, without the questions among them."""
        file = self.state / "calls"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        found: list[list[str]] = [json.loads(line) for line in lines]
        return [call for call in found if not {"show", "print"} & set(call)]

    def hide(self) -> None:
        """Have nobody answer."""
        (self.state / "unreachable").touch()
