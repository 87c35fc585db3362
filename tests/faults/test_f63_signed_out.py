"""F63, F79: the running tracer's device is revoked. It collects on; `sync` says what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.harness import wait_until
from tests.e2e.world import World
from tests.transcripts import Conversation


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    try:
        yield world
    finally:
        world.close()


@pytest.mark.slow
def test_f63_f79_revoked_device_ends_sync_with_77_and_a_restart_signs_in_again(
    world: World,
) -> None:
    talk = Conversation(world.home, "aaaaaaaa-1111-4111-8111-111111111111")
    talk.prompt("before")
    world.run("start", "--daemon")
    world.run("sync")
    with world.connect() as connection:
        connection.execute("update private.device_tokens set revoked_at = now()")
    talk.prompt("while signed out")
    said = world.run("sync", code=77)
    assert "does not accept this device's token" in said
    queued = world.json("status")["pending_records"]
    talk.prompt("collected all the same")
    wait_until(lambda: world.json("status")["pending_records"] > queued > 0)
    status = world.json("status")
    assert status["shipper"]["state"] == "halted"
    assert "claude-tracer login" in status["shipper"]["detail"]
    world.run("restart")
    world.run("sync")
    messages = world.json("sessions", "show", "aaaaaaaa")["messages"]
    texts = [block["text"] for message in messages for block in message["blocks"]]
    assert texts == ["before", "while signed out", "collected all the same"]
