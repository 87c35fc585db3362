"""The rules of config/privacy.yml: each proves itself, and a bad file is refused whole."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from claude_code_tracer.config import data_file
from claude_code_tracer.errors import ConfigError
from claude_code_tracer.guard import Guard
from claude_code_tracer.guard.engine import KeywordEngine
from claude_code_tracer.guard.rules import Rule, load_rules

RULES = load_rules(data_file("config", "privacy.yml"))
GUARDS = [Guard.load(), Guard.load(engine=KeywordEngine)]
EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


@EACH
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.engine)
def test_a_rule_holds_its_examples(rule: Rule, guard: Guard) -> None:
    for text in rule.match:
        spans = [s for m in rule.pattern.finditer(text) if (s := rule.secret_of(m))]
        masked = guard.mask(text).text
        assert spans and all(text[start:end] not in masked for start, end in spans)
    for text in rule.no_match:
        assert guard.mask(text).text is text


@EACH
def test_every_match_holds_a_keyword(rule: Rule) -> None:
    """The portable engine looks for nothing else."""
    for text in rule.match:
        for found in rule.pattern.finditer(text):
            assert any(keyword in found[0].lower() for keyword in rule.keywords)


@EACH
def test_no_text_stalls_the_guard(rule: Rule) -> None:
    guard = GUARDS[0]
    for text in (*rule.match, *rule.keywords):
        for unit in (text, text[: len(text) // 2 + 1], text + " ", text + "\\n", text[:-1] + "a"):
            started = time.process_time()
            guard.mask(unit * (100_000 // len(unit)))
            guard.mask(unit + "A1b2" * 25_000)
            assert time.process_time() - started < 2


GOOD = """
rules:
  - id: my-rule
    label: my_label
    pattern: 'my-[a-z]{4,20}'
    keywords: [my-]
    check: none
    match: ['my-<>secret']
    no_match: ['not mine']
"""


def load(tmp_path: Path, text: str) -> Guard:
    file = tmp_path / "privacy.yml"
    file.write_text(text)
    return Guard.load(file)


def test_rules_of_one_s_own_are_used(tmp_path: Path) -> None:
    guard = load(tmp_path, GOOD)
    assert guard.mask("x my-secret y").text == "x [REDACTED:my_label] y"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("my-<>secret", "yours", "does not find its match 1"),
        ("not mine", "my-other", "no_match 1 is masked"),
        ("my-[a-z]{4,20}", "my-[a-z]+", "bounded quantifiers"),
        ("my-[a-z]{4,20}", "my-[a-z]{4,}", "bounded quantifiers"),
        ("my-[a-z]{4,20}", "my-[a-z", "does not compile"),
        ("[my-]", "[MY-]", "lower case"),
        ("[my-]", "[]", "length >= 1"),
        ("check: none", "check: sometimes", "check must be one of"),
        ("check: none", "check: none\n    colour: red", "unknown field"),
        ("id: my-rule", "id: My Rule", "matching regex"),
        ("my_label", "my]label", "matching regex"),
        ("match: ['my-<>secret']", "match: []", "length >= 1"),
        ("rules:", "rulez:", "unknown field"),
        (GOOD, "", "rules"),
        (GOOD, "rules: []", "length >= 1"),
        (GOOD, "rules: [", "cannot use"),
        (GOOD, GOOD + GOOD.split("rules:")[1], "twice"),
    ],
)
def test_a_file_with_one_bad_rule_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why.replace("(", r"\(")):
        load(tmp_path, GOOD.replace(old, new, 1))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yml"):
        Guard.load(tmp_path / "nowhere.yml")


def test_loading_is_quick() -> None:
    started = time.process_time()
    Guard.load()
    assert time.process_time() - started < 0.5
