"""`prices` with a real server: a model nobody lists gets its price, and gives it back."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.e2e.world import World
from tests.transcripts import Conversation

SESSION = "eeeeeeee-5555-4555-8555-555555555555"
MODEL = "house-llm-2"
OWN = "prices:\n  house-llm-2: {input: 2.0, output: 10.0, cache_read: 0.5}\n"


@pytest.fixture
def collected(world: World) -> World:
    """A machine with one session: two calls of a model of the house, one of Anthropic's."""
    talk = Conversation(world.home, SESSION)
    talk.prompt("Water the plants.")
    for number in range(2):
        talk.record(
            type="assistant",
            requestId=f"req_house_{number}",
            message={
                "id": f"msg_house_{number}",
                "type": "message",
                "role": "assistant",
                "model": MODEL,
                "content": [{"type": "text", "text": "Watered."}],
                "stop_reason": "end_turn",
                "usage": {
                    "input_tokens": 100_000,
                    "output_tokens": 10_000,
                    "cache_read_input_tokens": 200_000,
                },
            },
        )
    talk.answer("All done.")
    world.run("sync")
    return world


def session(world: World) -> dict[str, Any]:
    shown = world.json("sessions", "show", SESSION)
    assert isinstance(shown, dict)
    return shown


def test_own_prices_reach_what_is_stored(collected: World) -> None:
    collected.run("start", "--daemon")
    before = session(collected)
    assert before["unpriced_call_count"] == 2
    untouched = collected.json("prices", "recalc")
    assert (untouched["looked_at"], untouched["changed"], untouched["unpriced"]) == (2, 0, 2)
    assert "2 calls without a known price: house-llm-2 (2)" in collected.run("prices", "recalc")

    (collected.data / "config.yml").write_text(OWN)
    # 100,000 x 2 + 10,000 x 10 + 200,000 x 0.5 USD per million
    tried = collected.json("prices", "recalc", "--dry-run")
    assert tried["dry_run"] is True
    assert tried["models"][0] == {
        "model": MODEL,
        "calls": 2,
        "changed": 2,
        "unpriced_before": 2,
        "unpriced_after": 0,
        "incomplete": 0,
        "cost_before_usd": None,
        "cost_after_usd": 0.8,
    }
    assert session(collected)["cost_usd"] == before["cost_usd"]

    assert collected.json("prices", "recalc") == {**tried, "dry_run": False}
    after = session(collected)
    assert math.isclose(after["cost_usd"], before["cost_usd"] + 0.8, rel_tol=1e-12)
    assert after["unpriced_call_count"] == 0

    again = collected.json("prices", "recalc")
    assert (again["looked_at"], again["models"]) == (0, [])
    everything = collected.json("prices", "recalc", "--all")
    assert (everything["looked_at"], everything["changed"]) == (3, 0)
    assert session(collected) == after


def test_a_price_taken_back_is_unknown_again(collected: World) -> None:
    before = session(collected)
    settings = collected.data / "config.yml"
    settings.write_text(OWN)
    collected.run("prices", "recalc")
    assert session(collected)["unpriced_call_count"] == 0
    settings.unlink()
    assert collected.json("prices", "recalc")["changed"] == 2
    after = session(collected)
    assert (after["cost_usd"], after["unpriced_call_count"]) == (before["cost_usd"], 2)


def test_the_running_tracer_says_that_it_knows_older_prices(collected: World) -> None:
    collected.run("start", "--daemon")
    with collected.spawn("prices", "recalc") as quiet:
        assert "restart it" not in quiet.communicate(timeout=60)[1]
    (collected.data / "config.yml").write_text(OWN)
    with collected.spawn("prices", "recalc") as warned:
        out, err = warned.communicate(timeout=60)
    assert "unknown" in out and "$0.80" in out
    assert "restart it" in err
    collected.run("stop")
    collected.run("start", "--daemon")
    talk = Conversation(collected.home, SESSION.replace("e", "d"))
    talk.prompt("Prune them.")
    talk.record(
        type="assistant",
        requestId="req_pruned",
        message={
            "id": "msg_pruned",
            "type": "message",
            "role": "assistant",
            "model": f"gateway/{MODEL}",
            "content": [{"type": "text", "text": "Pruned."}],
            "usage": {"input_tokens": 1_000_000, "output_tokens": 0},
            "stop_reason": "end_turn",
        },
    )
    collected.run("sync")
    assert collected.json("sessions", "show", talk.session)["cost_usd"] == 2


def test_show_says_how_to_set_a_price(world: World) -> None:
    said = world.run("prices", "show", MODEL, code=1)
    assert f"no table knows what '{MODEL}' cost" in said
    assert str(world.data / "config.yml") in said
    world.data.mkdir()
    (world.data / "config.yml").write_text(said.split(":\n", 1)[1])  # the advice, as it stands
    shown = world.json("prices", "show", MODEL)
    assert (shown["table"], shown["bands"][0]["output"]) == ("own", 15.0)
