"""Ids are functions of facts."""

from __future__ import annotations

from uuid import UUID

from claude_code_tracer.ids import SEPARATOR, ids_of, record_id


def test_same_parts_same_id_on_every_machine() -> None:
    assert record_id("message", "msg_1") == "e09f9fc5-7c11-d081-4a7f-eccb3cfcd871"


def test_parts_are_not_glued() -> None:
    assert record_id("ab", "c") != record_id("a", "bc")
    assert record_id("a", 1) == record_id("a", "1")


def test_an_id_is_a_uuid_even_for_odd_text() -> None:
    assert UUID(record_id("\ud800", "x"))


def test_the_faster_way_gives_the_same_ids() -> None:
    assert ids_of("message")("msg_1") == record_id("message", "msg_1")
    assert ids_of("block")(f"\ud800{SEPARATOR}7") == record_id("block", "\ud800", 7)
