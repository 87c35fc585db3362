"""Planted secrets appear nowhere: PostgreSQL, outbox, logs, or backups of either (S36)."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

from claude_code_tracer.local.pg_binaries import find_binaries
from claude_code_tracer.local.postgres import Postgres
from tests.e2e.world import World
from tests.transcripts import Conversation

# Put together here so that scanners of this repository stay quiet.
KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7canarycanary9"
CANARIES = {
    "anthropic": "sk-ant-" + "api03-Cn4ryVd8Kq2LmXw7RtYp5ZsB1HgJ6FdN0aQeUiOvCxMbSkWzTy3Pr9Ll8Gh"
    "5Df2Jk7Qw4Er6Ty1Ui3Op0As-CnAryAA",
    "github": "ghp_" + "Cn4ryK8sJd7Fh2Lq9Wm3Xz5Vb1Nt6Rp0YcTg",
    "private key": KEY_BODY,
    "url password": "cnaryPassw0rdInUrl",
    "email": "canary.person@mailbox-canary.dev",
}
PEM = f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\nQUJDREVGR0g=\n-----END PRIVATE KEY-----"
TEXT = (
    f"key {CANARIES['anthropic']} and {CANARIES['github']}\n{PEM}\n"
    f"postgres://app:{CANARIES['url password']}@db.internal:5432/x mail {CANARIES['email']}"
)


def plant(world: World) -> None:
    talk = Conversation(world.home, "cccccccc-3333-4333-8333-333333333333", "/home/u/secret-proj")
    talk.prompt(f"First prompt becomes the title: {CANARIES['github']}")
    talk.prompt(TEXT)
    talk.answer(TEXT)
    tool = talk.tool_use(
        "Bash", {"command": f"export X='{TEXT}'", TEXT: 1, "nested": [{"a": TEXT}]}
    )
    talk.tool_result(tool, TEXT, is_error=True)
    talk.record(type="ai-title", aiTitle=f"Use {CANARIES['anthropic']}")
    talk.record(type="never-seen-before", payload={TEXT: [TEXT]})
    talk.record(type="system", subtype="local_command", content=TEXT)
    edit = talk.tool_use("Write", {"file_path": "/home/u/.env", "content": TEXT})
    hunk = {"oldStart": 1, "oldLines": 0, "newStart": 1, "newLines": 1, "lines": ["+" + TEXT]}
    content = [{"type": "tool_result", "tool_use_id": edit, "content": "ok"}]
    talk.record(
        type="user",
        message={"role": "user", "content": content},
        toolUseResult={"type": "update", "filePath": "/home/u/.env", "structuredPatch": [hunk]},
    )
    talk.raw(b'{"broken": "' + CANARIES["github"].encode() + b"\n")


def files_below(*roots: Path) -> list[Path]:
    return [path for root in roots for path in root.rglob("*") if path.is_file()]


def found_in(blob: bytes) -> set[str]:
    return {name for name, secret in CANARIES.items() if secret.encode() in blob}


def test_secrets_are_in_no_file_database_or_backup(world: World, tmp_path: Path) -> None:
    plant(world)
    said = world.run("start", "--daemon", "--verbose") + world.run("sync")
    said += world.run("sessions", "show", "cccccccc") + world.run("status")
    dump = subprocess.run(
        [find_binaries({}).folder / "pg_dump", "-d", dsn(world)], capture_output=True, check=True
    ).stdout
    assert b"[REDACTED:" in dump and b"db.internal" in dump  # what is not secret is there
    assert found_in(dump) == set()
    assert found_in(said.encode()) == set()

    backup = tmp_path / "outbox-backup.db"
    with sqlite3.connect(world.config.home.outbox) as source, sqlite3.connect(backup) as target:
        source.backup(target)
    source.close()
    target.close()
    data = Postgres(world.config).place.folder
    checked = files_below(world.data, data, tmp_path)
    assert len(checked) > 100
    leaks = {str(path): found for path in checked if (found := found_in(path.read_bytes()))}
    assert leaks == {}


def dsn(world: World) -> str:
    return Postgres(world.config).conninfo("supabase_admin")
