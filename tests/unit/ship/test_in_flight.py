from __future__ import annotations

import threading

import pytest

from claude_code_tracer.errors import ServerUnavailable
from claude_code_tracer.ship.classify import Answer
from claude_code_tracer.ship.in_flight import InFlight


def test_something_else_can_be_done_until_the_answer_is_wanted() -> None:
    may_answer = threading.Event()

    def send(body: bytes) -> Answer:
        assert may_answer.wait(10)
        return Answer(200, accepted=len(body))

    request = InFlight(send, b"abc")
    may_answer.set()
    assert request.answer() == Answer(200, accepted=3)


def test_what_sending_raised_is_raised_where_the_answer_is_wanted() -> None:
    def send(body: bytes) -> Answer:
        raise ServerUnavailable("no answer", after_s=7)

    with pytest.raises(ServerUnavailable) as caught:
        InFlight(send, b"").answer()
    assert caught.value.after_s == 7
