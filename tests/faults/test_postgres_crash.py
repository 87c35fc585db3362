"""The supervisor when things go wrong: kills, races, zombies, stale files, damage."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from claude_code_tracer.config import Config
from claude_code_tracer.errors import DatabaseFailed
from claude_code_tracer.local.postgres import Postgres
from tests.conftest import Database

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
_START = """
import sys, time
from claude_code_tracer.config import load_config
from claude_code_tracer.local.postgres import Postgres
postgres = Postgres(load_config())
postgres.start()
print(postgres.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


@contextmanager
def _another_process(config: Config, lives_s: float = 60) -> Iterator[subprocess.Popen[str]]:
    """A process that starts the server, prints its pid, and neither reaps nor stops it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _START, str(lives_s)],
        cwd=REPOSITORY,
        env={**config.env, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _pid(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    return int(process.stdout.readline())


def _wait_until(is_so: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def _rows(postgres: Postgres) -> int:
    with psycopg.connect(postgres.conninfo("supabase_admin")) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
    return int(row[0]) if row else -1


def _insert(postgres: Postgres, rows: int) -> None:
    with psycopg.connect(postgres.conninfo("supabase_admin"), autocommit=True) as connection:
        connection.execute("create table if not exists kept (number int primary key)")
        for number in range(rows):
            connection.execute("insert into kept values (%s)", (number,))


def _servers(postgres: Postgres) -> list[int]:
    """The postmasters on this data folder: those whose parent does not work in it, too."""
    here = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and process.cwd() == str(postgres.place.data):
                here.append(process)
        except psutil.Error:
            continue
    pids = {process.pid for process in here}
    return [process.pid for process in here if process.ppid() not in pids]


def test_two_starts_at_once_end_with_one_server(tracer_config: Config) -> None:
    with _another_process(tracer_config) as one, _another_process(tracer_config) as two:
        assert _pid(one) == _pid(two)
        assert len(_servers(Postgres(tracer_config))) == 1
    Postgres(tracer_config).stop()


def test_an_orphan_is_adopted_and_stopped(tracer_config: Config) -> None:
    with _another_process(tracer_config) as starter:
        pid = _pid(starter)
    postgres = Postgres(tracer_config)
    postgres.start()
    assert postgres.pid == pid and postgres.is_alive()
    postgres.stop()
    assert not postgres.is_alive() and not _servers(postgres)
    assert not (postgres.place.data / "postmaster.pid").exists()


def test_a_new_supervisor_can_stop_what_it_did_not_start(tracer_config: Config) -> None:
    with _another_process(tracer_config) as starter:
        _pid(starter)
    postgres = Postgres(tracer_config)
    assert _servers(postgres)
    postgres.stop()
    assert not _servers(postgres)


def test_committed_rows_are_back_after_a_kill(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config)
    postgres.start()
    _insert(postgres, 100)
    for _ in range(3):
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        _wait_until(lambda: not postgres.is_alive())
        postgres.start()
        assert _rows(postgres) == 100
    postgres.stop()


def test_a_kill_while_a_backend_computes_is_recovered(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config)
    postgres.start()
    _insert(postgres, 1)
    with closing(psycopg.connect(postgres.conninfo("supabase_admin"), autocommit=True)) as busy:
        pid = busy.info.backend_pid
        busy.pgconn.send_query(b"select pg_sleep(60)")
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        _wait_until(lambda: not postgres.is_alive())
        postgres.start()
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"
    assert _rows(postgres) == 1
    postgres.stop()


def test_a_zombie_is_no_server(tracer_config: Config) -> None:
    with _another_process(tracer_config) as starter:
        pid = _pid(starter)
        postgres = Postgres(tracer_config)
        postgres.start()
        assert postgres.pid == pid
        os.kill(pid, signal.SIGKILL)
        _wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        assert not postgres.is_alive()
        postgres.start()
        assert postgres.pid != pid and postgres.is_alive()
        postgres.stop()


def test_a_stale_pid_file_does_not_confuse(tracer_config: Config, pg: Database) -> None:
    postgres = Postgres(tracer_config)
    postgres.start()
    _insert(postgres, 1)
    pid_file = postgres.place.data / "postmaster.pid"
    _, *facts = pid_file.read_text().splitlines()
    postgres.stop()
    user = postgres.place.user
    with subprocess.Popen(["sleep", "60"], user=user.uid if user else None) as stranger:
        nobody, another_server = 4194303, pg.postgres.pid
        for pid in (nobody, stranger.pid, another_server):
            pid_file.write_text("\n".join([str(pid), *facts]) + "\n")
            postgres.start()
            assert postgres.pid not in (pid, None)
            assert _rows(postgres) == 1
            postgres.stop()
        assert stranger.poll() is None
        assert pg.postgres.is_alive()
        stranger.kill()


def test_a_half_written_pid_file_does_not_confuse(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config, extra={"fsync": "off"})
    postgres.start()
    for content in ("", "\n", "12\n", "x\ny\n", "1\n/\n2\n3\n\n"):
        postgres.stop()
        (postgres.place.data / "postmaster.pid").write_text(content)
        postgres.start()
        assert postgres.is_alive()
    postgres.stop()


def test_a_deleted_socket_is_made_again(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config)
    postgres.start()
    _insert(postgres, 1)
    for file in postgres.place.sockets.iterdir():
        file.unlink()
    assert not postgres.is_alive()
    postgres.start()
    assert postgres.is_alive() and _rows(postgres) == 1
    postgres.stop()


def test_a_kill_during_the_first_start_leaves_nothing_half_made(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config)
    with _another_process(tracer_config) as starter:
        _wait_until(lambda: list(postgres.place.folder.glob(".new-data-*/base")))
        starter.kill()
    assert not postgres.place.data.exists()
    postgres.start()
    _insert(postgres, 1)
    postgres.stop()
    assert {path.name for path in postgres.place.folder.iterdir()} >= {"data", "run"}


def _remove_version(data: Path) -> None:
    (data / "PG_VERSION").unlink()


def _other_version(data: Path) -> None:
    (data / "PG_VERSION").write_text("12\n")


def _corrupt_control_file(data: Path) -> None:
    file = data / "global" / "pg_control"
    file.write_bytes(b"\xff" * file.stat().st_size)


def _no_control_file(data: Path) -> None:
    (data / "global" / "pg_control").unlink()


def _no_log(data: Path) -> None:
    shutil.rmtree(data / "pg_wal")
    (data / "pg_wal").mkdir()


def _cut_version(data: Path) -> None:
    (data / "PG_VERSION").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    "spoil",
    [
        _remove_version,
        _cut_version,
        _other_version,
        _corrupt_control_file,
        _no_control_file,
        _no_log,
    ],
)
def test_a_damaged_data_folder_is_kept_and_explained(
    tracer_config: Config, spoil: Callable[[Path], None]
) -> None:
    postgres = Postgres(tracer_config, extra={"fsync": "off"})
    postgres.start()
    postgres.stop()
    data = postgres.place.data
    spoil(data)
    inside = {path.name for path in data.iterdir()}
    with pytest.raises(DatabaseFailed) as caught:
        postgres.start()
    assert f"mv {data} {data}.damaged" in str(caught.value), str(caught.value)
    assert "collected anew" in str(caught.value)
    assert {path.name for path in data.iterdir()} - {"postmaster.pid"} == inside


def test_the_advice_for_a_damaged_folder_helps(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config)
    postgres.start()
    postgres.stop()
    _remove_version(postgres.place.data)
    with pytest.raises(DatabaseFailed):
        postgres.start()
    postgres.place.data.rename(f"{postgres.place.data}.damaged")
    postgres.start()
    assert postgres.is_alive()
    postgres.stop()


def test_a_folder_moved_aside_while_the_server_runs_gets_a_new_one(tracer_config: Config) -> None:
    with _another_process(tracer_config) as starter:
        pid = _pid(starter)
    postgres = Postgres(tracer_config)
    postgres.place.data.rename(f"{postgres.place.data}.damaged")
    postgres.start()
    assert postgres.pid != pid and postgres.is_alive()
    assert len(_servers(postgres)) == 1
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    postgres.stop()


def test_an_empty_data_folder_is_filled(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config)
    postgres.place.data.mkdir(parents=True)
    for folder in (postgres.place.folder, postgres.place.data):
        folder.chmod(0o700)
        if postgres.place.user:
            os.chown(folder, postgres.place.user.uid, postgres.place.user.gid)
    postgres.start()
    assert postgres.is_alive()
    postgres.stop()


def test_ctrl_c_does_not_reach_the_server(tracer_config: Config) -> None:
    postgres = Postgres(tracer_config)
    postgres.start()
    assert postgres.pid is not None
    assert os.getsid(postgres.pid) == postgres.pid != os.getsid(0)
    postgres.stop()
