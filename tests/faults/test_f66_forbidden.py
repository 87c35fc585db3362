"""F66, F79: a server that refuses this device or workspace. Shipping halts, all stays here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_code_tracer.clock import FakeClock
from claude_code_tracer.errors import SignedOut
from tests.faults.pipeline import Pipeline
from tests.faults.real_server import RealServer, sending_to
from tests.faults.sending import over, write

_REVOKE_TOKEN = """
    update private.device_tokens set revoked_at = now()
    where device_id in (select id from public.devices where owner_id = %s)
"""
_DELETE_DEVICE = "delete from public.devices where owner_id = %s"
_DELETE_WORKSPACE = "delete from public.workspaces where created_by = %s"
_DELETE_USER = "delete from auth.users where id = %s"


@pytest.fixture
def pipeline(server: RealServer, tmp_path: Path) -> Iterator[Pipeline]:
    with sending_to(server, tmp_path) as pipeline:
        write(pipeline, "1")
        pipeline.ship()
        assert server.texts() == ["1"]
        write(pipeline, "2")
        yield pipeline


def _halts(pipeline: Pipeline, words: str) -> None:
    """Check that nothing is sent, nothing is lost and collecting goes on."""
    pending = pipeline.outbox.stats().pending_rows
    for number in range(3):
        with pytest.raises(SignedOut, match=words) as caught:
            pipeline.shipper.run_once()
        assert caught.value.exit_code == 77
        assert isinstance(pipeline.clock, FakeClock)
        pipeline.clock.advance_s(301)
        write(pipeline, f"more {number}")
    stats = pipeline.outbox.stats()
    assert stats.pending_rows == pending + 6
    assert stats.parked_rows == 0


def test_f66_insufficient_privilege_halts_and_says_where_to_look(
    pipeline: Pipeline, server: RealServer
) -> None:
    server.execute("revoke execute on function api.ingest(jsonb) from anon")
    try:
        _halts(pipeline, r"forbids it \(42501\): check this device in the dashboard")
    finally:
        server.execute("grant execute on function api.ingest(jsonb) to anon")
    pipeline.ship()
    assert server.texts() == ["1", "2", "more 0", "more 1", "more 2"]


def test_f66_the_refusal_of_one_concerns_nobody_else(
    pipeline: Pipeline, server: RealServer
) -> None:
    server.mine(_REVOKE_TOKEN)
    with pytest.raises(SignedOut):
        pipeline.shipper.run_once()
    another = RealServer.with_new_person(server.gateway, server.database)
    with over(pipeline, another.credentials):
        pipeline.ship()
    assert another.texts() == ["2"]


@pytest.mark.parametrize("statement", [_REVOKE_TOKEN, _DELETE_DEVICE, _DELETE_USER])
def test_f79_device_that_was_revoked_halts_and_goes_on_with_new_credentials(
    pipeline: Pipeline, server: RealServer, statement: str
) -> None:
    server.mine(statement)
    _halts(pipeline, r"this device's token \(401\): run `claude-tracer login`")
    again = RealServer.with_new_person(server.gateway, server.database)
    with over(pipeline, again.credentials):
        pipeline.ship()
    assert again.texts() == ["2", "more 0", "more 1", "more 2"]


def test_f79_workspace_that_was_deleted_halts_and_parks_nothing(
    pipeline: Pipeline, server: RealServer
) -> None:
    server.mine(_DELETE_WORKSPACE)
    _halts(pipeline, r"forbids it \(403\): check this device in the dashboard")
