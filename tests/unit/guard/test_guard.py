"""What the guard masks, what it leaves alone, and that it fails closed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_code_tracer.errors import GuardFailed
from claude_code_tracer.guard import GUARD_VERSION, Guard
from claude_code_tracer.guard.engine import Engine, KeywordEngine, best_engine
from claude_code_tracer.guard.rules import Rule
from claude_code_tracer.model import Block, Message, ModelCall, Session, ToolCall
from tests.unit.guard.samples import HARMLESS, PEM, SECRETS

FAST = Guard.load()
PORTABLE = Guard.load(engine=KeywordEngine)
ENGINES = pytest.mark.parametrize("guard", [FAST, PORTABLE], ids=lambda guard: guard.engine)
KINDS = pytest.mark.parametrize("kind", SECRETS)


def test_the_version_is_the_one_that_is_sent() -> None:
    assert GUARD_VERSION == FAST.version == 1


def test_both_engines_are_under_test() -> None:
    assert (FAST.engine, PORTABLE.engine) == ("hyperscan", "keywords")


@ENGINES
@KINDS
def test_a_secret_is_masked_wherever_it_stands(guard: Guard, kind: str) -> None:
    secret = SECRETS[kind]
    for text in (
        secret,
        f"The key is {secret}.",
        f"a\n{secret}\nb",
        f'{{"key":"{secret}"}}',
        f'{{\\"key\\":\\"line\\n{secret}\\n\\"}}',
        f"KEY={secret} other",
        f"ключ {secret} \N{GRINNING FACE}",
    ):
        masked = guard.mask(text)
        assert secret not in masked.text, text
        assert secret[-12:] not in masked.text, text
        assert "[REDACTED:" in masked.text
        assert sum(masked.findings.values()) >= 1


@ENGINES
@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:30])
def test_code_and_placeholders_stay_as_they_are(guard: Guard, text: str) -> None:
    masked = guard.mask(text)
    assert masked.findings == {}
    assert masked.text is text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "postgres://app:hunter2x@db.internal:5432/app",
            "postgres://app:[REDACTED:password]@db.internal:5432/app",
        ),
        (
            "redis://:p4ss@word@cache:6379",
            "redis://:[REDACTED:password]@cache:6379",
        ),
        (
            f"https://x-access-token:{SECRETS['github server']}@github.com/o/r",
            "https://x-access-token:[REDACTED:github_token]@github.com/o/r",
        ),
        (
            "Authorization: Bearer 7f3c9a1b5d2e8f4a",
            "Authorization: Bearer [REDACTED:authorization]",
        ),
        (
            '\\"Authorization\\": \\"Basic dXNlcjpwYXNzMQ==\\"',
            '\\"Authorization\\": \\"Basic [REDACTED:authorization]\\"',
        ),
        ('password = "hunter2!"', 'password = "[REDACTED:password]"'),
        ("DB_PASSWORD=S3cr3tPw9x", "DB_PASSWORD=[REDACTED:password]"),
        (
            'client_secret: "Zk3vT9qLw8RbN2xYc5HdJ7"',
            'client_secret: "[REDACTED:secret]"',
        ),
        ("mail jane@acme.io now", "mail [REDACTED:email] now"),
    ],
)
def test_only_the_secret_is_replaced(text: str, masked: str) -> None:
    assert FAST.mask(text).text == masked


PEMS = {
    "lines": PEM,
    "one line": PEM.replace("\n", "\\n"),
    "twice escaped": PEM.replace("\n", "\\\\n"),
    "indented": PEM.replace("\n", "\n        "),
    "crlf": PEM.replace("\n", "\r\n"),
    "quoted": PEM.replace("\n", '\\n" +\n  "'),
    "in a diff": PEM.replace("\n", "\n+"),
    "numbered": "\n".join(f"{i:6}\u2192{line}" for i, line in enumerate(PEM.split("\n"), 1)),
    "cut off": PEM[:200],
    "encrypted": PEM.replace("-\nM", "-\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nM"),
    "pgp": PEM.replace("PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
}


@ENGINES
@pytest.mark.parametrize("shape", PEMS)
def test_a_private_key_is_masked_in_any_shape(guard: Guard, shape: str) -> None:
    text = f"before\n{PEMS[shape]}\nafter the key"
    masked = guard.mask(text).text
    assert "BEGIN" not in masked
    for line in PEM.split("\n")[1:3]:
        assert line[:40] not in masked
    assert masked.startswith("before\n")
    assert masked.endswith("after the key")


def test_a_token_broken_over_two_lines_is_masked_whole() -> None:
    secret = SECRETS["anthropic"]
    for line_break in ("\n", "\r\n", "\n    ", "\\n"):
        for cut in (30, 45, 60):
            masked = FAST.mask(f"key: {secret[:cut]}{line_break}{secret[cut:]} rest").text
            assert secret[:cut] not in masked
            assert secret[cut:] not in masked, (line_break, cut)
            assert masked.endswith(" rest")


def test_what_a_reader_does_not_see_hides_nothing() -> None:
    secret = SECRETS["github"]
    hidden = "\u200b".join(secret)
    masked = FAST.mask(f"a {hidden} \ufeffz")
    assert masked.text == "a [REDACTED:github_token] \ufeffz"
    assert masked.findings == {"github-token": 1}


# Entities -----------------------------------------------------------------------------------------
ROW: dict[str, Any] = {"source": "claude_code", "session": "11111111-1111", "revision": 7}


def tool(**fields: Any) -> ToolCall:
    return ToolCall(**ROW, id="22222222-2222-4222-8222-222222222222", **fields)


def test_an_entity_without_secrets_stays_the_same() -> None:
    entity = tool(native_id="toolu_01LryGBs3bXavnWPiD2wbcsk", name="Bash", input={"command": "ls"})
    assert FAST.mask_entity(entity) is entity


@ENGINES
@KINDS
def test_secrets_are_found_in_every_field_and_key(guard: Guard, kind: str) -> None:
    secret = SECRETS[kind]
    entity = tool(
        name="Bash",
        input={"deep": [{secret: {"x": [1, secret, None]}}], "flag": True},
        result=f"out {secret}",
        file_path=f"/tmp/{secret}",
        diff=[{"old_start": 1, "lines": [f"+{secret}", " b"]}],
    )
    masked = guard.mask_entity(entity)
    body = msgspec.json.encode(masked).decode()
    assert secret not in body
    assert isinstance(masked, ToolCall)
    assert sum((masked.masked or {}).values()) == 5
    assert masked.input["flag"] is True
    assert (masked.id, masked.session, masked.revision) == (entity.id, entity.session, 7)


@pytest.mark.parametrize(
    "entity",
    [
        Session(**ROW, title="ask jane@acme.io", cwd="/home/jane@acme.io"),
        Message(**ROW, id="m", position=1, role="user", kind="prompt", native_id="jane@acme.io"),
        Block(**ROW, id="b", message="m", position=1, kind="unknown", data={"jane@acme.io": [1]}),
        ModelCall(**ROW, id="c", model="jane@acme.io", cost_usd=Decimal("0.5")),
    ],
    ids=lambda entity: type(entity).__name__,
)
def test_every_kind_of_entity_is_masked(entity: Any) -> None:
    masked = FAST.mask_entity(entity)
    assert "jane" not in repr(masked)
    assert set(masked.masked or {}) == {"email"}
    assert type(masked) is type(entity)


def test_an_entity_masked_twice_is_the_same() -> None:
    once = FAST.mask_entity(tool(result=f"{SECRETS['github']} and jane@acme.io"))
    assert once.masked == {"github-token": 1, "email": 1}
    assert FAST.mask_entity(once) is once


def test_many_secrets_in_many_lines_take_linear_time() -> None:
    lines = [f"+{SECRETS['github']} {i}" for i in range(5000)]
    started = time.process_time()
    masked = FAST.mask_entity(tool(diff=[{"lines": lines}]))
    assert time.process_time() - started < 3
    assert masked.masked == {"github-token": 5000}


def test_ids_and_times_stay() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    secret = SECRETS["github"]
    entity = Message(**ROW, id="m-1", position=3, role="user", kind="prompt", at=at, model=secret)
    masked = FAST.mask_entity(entity)
    assert isinstance(masked, Message)
    assert (masked.id, masked.position, masked.at, masked.kind) == ("m-1", 3, at, "prompt")


@pytest.mark.parametrize(
    ("key", "value", "is_masked"),
    [
        ("password", "hunter2!", True),
        ("DB_PASSWORD", "S3cr3tPw", True),
        ("client_secret", "Zk3vT9qLw8RbN2xYc5HdJ7", True),
        ("x-api-key", "7f3c9a1b5d2e8f4a", True),
        ("password", "$DB_PASSWORD", False),
        ("password", "[REDACTED:password]", False),
        ("file_path", "/home/u/secret/Zk3vT9qLw8.txt", False),
        ("token", "550e8400-e29b-41d4-a716-446655440000", False),
        ("tool_use_id", "toolu_01LryGBs3bXavnWPiD2wbcsk", False),
    ],
)
def test_a_key_can_make_its_value_a_secret(key: str, value: str, is_masked: bool) -> None:
    masked = FAST.mask_entity(tool(input={"env": [{key: value}]}))
    assert isinstance(masked, ToolCall)
    assert (masked.input["env"][0][key] != value) is is_masked


@pytest.mark.parametrize("sign", ["+", " ", "-"])
def test_a_key_over_the_lines_of_a_diff_is_masked_line_by_line(sign: str) -> None:
    lines = [" before", *(sign + line for line in PEM.split("\n")), " after"]
    masked = FAST.mask_entity(tool(diff=[{"lines": lines}]))
    assert isinstance(masked, ToolCall)
    found = masked.diff[0]["lines"]
    assert len(found) == len(lines)
    assert (found[0], found[-1]) == (" before", " after")
    assert found[1:-1] == [f"{sign}[REDACTED:private_key]"] * (len(lines) - 2)


# Fail closed --------------------------------------------------------------------------------------
class _Broken:
    name = "broken"

    def __init__(self, rules: Sequence[Rule]) -> None:
        pass

    def candidates(self, text: str) -> Sequence[Rule]:
        raise RuntimeError(f"cannot scan {text}")


def test_f82_an_error_inside_masks_nothing_and_says_nothing() -> None:
    guard = Guard(FAST.rules, _Broken(FAST.rules))
    for call in (lambda: guard.mask("PLANTED"), lambda: guard.mask_entity(tool(result="PLANTED"))):
        with pytest.raises(GuardFailed) as caught:
            call()
        assert "PLANTED" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def test_json_too_deep_to_look_through_is_refused() -> None:
    deep: Any = SECRETS["github"]
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(GuardFailed):
        FAST.mask_entity(tool(input=deep))


# Properties ---------------------------------------------------------------------------------------
pieces = st.sampled_from(
    [
        *SECRETS.values(),
        *HARMLESS,
        PEM,
        *("password", "=", ": ", '"', "'", "\\n", "\n", " ", "@", "://", "user:", "Bearer "),
        *(
            "token",
            "api_key",
            "--password ",
            "[REDACTED:secret]",
            "Zk3vT9qLw8RbN2xYc5HdJ7",
            "{",
            "}",
        ),
    ]
)
texts = st.lists(pieces | st.text(max_size=6), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = FAST.mask(text).text
    assert FAST.mask(once) == type(FAST.mask(""))(once, {})


@settings(max_examples=300, deadline=None)
@given(texts)
def test_the_engines_agree(text: str) -> None:
    assert FAST.mask(text) == PORTABLE.mask(text)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SECRETS)), st.text(max_size=30), st.text(max_size=30))
def test_a_secret_survives_no_surroundings(kind: str, before: str, after: str) -> None:
    secret = SECRETS[kind]
    text = f"{before} {secret} {after}"
    assert secret not in FAST.mask(text).text
    assert secret not in json.dumps(FAST.mask_entity(tool(input={"a": [text]})).input)  # type: ignore[union-attr]


def test_the_portable_engine_stands_in_where_hyperscan_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    engine: Engine = best_engine(FAST.rules)
    assert engine.name == "keywords"
