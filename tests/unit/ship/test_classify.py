from __future__ import annotations

import pytest

from claude_code_tracer.ship.classify import (
    Ack,
    Answer,
    Halt,
    HaltReason,
    Refresh,
    Refusal,
    Retry,
    Split,
    Verdict,
    classify,
)


def _of(status: int, code: str | None = None) -> Verdict:
    return classify(Answer(status, code), sent=5)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, None) for status in (302, 400, 408, 409, 422, 425, 429, 500, 502, 503, 504)),
        *((status, None) for status in (520, 524)),
        (503, "PGRST000"),
        (503, "PGRST001"),
        (503, "PGRST002"),
        (504, "PGRST003"),
        (503, "08006"),
        (500, "40001"),
        (500, "40P01"),
        (503, "53300"),
        (500, "53100"),
        (500, "55P03"),
        (503, "57P01"),
        (503, "57P03"),
        (500, "58030"),
        (500, "XX000"),
        (405, "25006"),
        (429, "PT429"),
        (503, "PT503"),
        (500, "ZZ999"),
    ],
)
def test_what_passes_is_retried(status: int, code: str | None) -> None:
    assert isinstance(_of(status, code), Retry)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "22P02"),
        (400, "22P05"),
        (500, "22P05"),
        (500, "21000"),
        (400, "23502"),
        (400, "23514"),
        (409, "23503"),
        (409, "23505"),
        (400, "P0001"),
        (400, "PGRST102"),
        (400, "PT400"),
        (422, "ZZ999"),
        (400, "ZZ999"),
    ],
)
def test_what_some_row_is_at_fault_for_is_split(status: int, code: str) -> None:
    verdict = _of(status, code)
    assert isinstance(verdict, Split) and not verdict.is_too_large


@pytest.mark.parametrize(
    ("status", "code"), [(413, None), (413, "PT413"), (500, "54000"), (500, "54001")]
)
def test_what_is_too_large_is_split_and_cut(status: int, code: str | None) -> None:
    assert _of(status, code) == Split(_reason(_of(status, code)), is_too_large=True)


def test_what_takes_too_long_is_split_but_never_parked() -> None:
    assert _of(500, "57014") == Split("the server took too long (57014)", is_too_slow=True)


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, None), (401, "PT401"), (401, "PGRST301"), (401, "PGRST303"), (400, "PGRST301")],
)
def test_a_token_that_is_not_accepted_is_read_again(status: int, code: str | None) -> None:
    assert isinstance(_of(status, code), Refresh)


def test_a_token_of_the_future_points_at_the_clock() -> None:
    assert "clock" in _reason(_of(401, "PGRST303"))


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (404, "PGRST202", HaltReason.SERVER_TOO_OLD),
        (404, "PGRST205", HaltReason.SERVER_TOO_OLD),
        (406, "PGRST106", HaltReason.SERVER_TOO_OLD),
        (404, "42P01", HaltReason.SERVER_TOO_OLD),
        (404, "42883", HaltReason.SERVER_TOO_OLD),
        (400, "42703", HaltReason.SERVER_TOO_OLD),
        (400, "42804", HaltReason.SERVER_TOO_OLD),
        (403, "42501", HaltReason.FORBIDDEN),
        (403, None, HaltReason.FORBIDDEN),
        (403, "PT403", HaltReason.FORBIDDEN),
        (403, "28000", HaltReason.FORBIDDEN),
        (402, None, HaltReason.QUOTA),
        (404, None, HaltReason.NOT_OUR_SERVER),
        (405, None, HaltReason.NOT_OUR_SERVER),
        (422, "PT422", HaltReason.CLIENT_TOO_OLD),
    ],
)
def test_what_needs_a_person_halts(status: int, code: str | None, why: HaltReason) -> None:
    verdict = _of(status, code)
    assert isinstance(verdict, Halt) and verdict.why is why


def test_only_a_full_count_is_an_acknowledgement() -> None:
    refused = (Refusal("messages", 0, "no"),)
    assert classify(Answer(200, accepted=5), 5) == Ack(())
    assert classify(Answer(200, accepted=4, refused=refused), 5) == Ack(refused)
    for answer in (
        Answer(200),
        Answer(204),
        Answer(200, accepted=0),
        Answer(200, accepted=4),
        Answer(200, accepted=6),
        Answer(200, accepted=5, refused=refused),
    ):
        assert isinstance(classify(answer, 5), Retry)


@pytest.mark.parametrize(("given", "expected"), [(7.0, 7.0), (1e9, 300.0), (-5.0, 0.0)])
def test_retry_after_is_honoured_within_reason(given: float, expected: float) -> None:
    for answer in (
        Answer(429, retry_after_s=given),
        Answer(503, code="PGRST001", retry_after_s=given),
    ):
        verdict = classify(answer, 1)
        assert isinstance(verdict, Retry) and verdict.after_s == expected


def _reason(verdict: Verdict) -> str:
    assert not isinstance(verdict, Ack)
    return verdict.reason
