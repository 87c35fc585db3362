"""The rules of `config/privacy.yml`. A file with one bad rule is refused whole (fail closed)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml

from claude_code_tracer.errors import ConfigError
from claude_code_tracer.guard.checks import CHECKS, Check

__all__ = ["Rule", "load_rules"]

_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_END = r"(?![A-Za-z0-9])"
_UNBOUNDED = re.compile(r"(?<!\\)(?:\\\\)*[*+]|\{\d*,\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_SCANNER_BREAK = "<>"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Label = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Some = Annotated[list[str], msgspec.Meta(min_length=1)]


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    """One entry as it is written in the file."""

    id: Name
    label: Label
    pattern: str
    keywords: Some
    check: str
    match: Some
    no_match: Some
    yields: bool = False
    find: str | None = None
    keys: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rules: Annotated[list[_Spec], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of secret looks like."""

    id: str
    replacement: str
    pattern: re.Pattern[str]
    find: str
    """An expression for the fast engine that fires wherever `pattern` can match, or more often."""
    keywords: tuple[str, ...]
    check: Check
    yields: bool
    """True when it gives way to any other rule that masks a part of the same text."""
    keys: re.Pattern[str] | None
    match: tuple[str, ...]
    no_match: tuple[str, ...]

    def secret_of(self, found: re.Match[str]) -> tuple[int, int] | None:
        """Return the span to mask, or None when the check says that it is no secret."""
        groups = {name: text for name, text in found.groupdict().items() if text is not None}
        start, end = found.span("secret") if "secret" in groups else found.span()
        groups.setdefault("secret", found[0])
        return (start, end) if self.check(groups) else None

    def is_secret_value(self, key: str, value: str) -> bool:
        """Tell whether a JSON value is a secret because of the name of its key."""
        return bool(self.keys and self.keys.fullmatch(key) and self.check({"secret": value}))


def load_rules(path: Path) -> tuple[Rule, ...]:
    """Read the rules of `path`; ConfigError names the file, the rule and what is wrong."""
    try:
        content = yaml.load(path.read_text("utf-8"), Loader=_loader())
        specs = msgspec.convert(content, _File).rules
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as exc:
        raise ConfigError(f"cannot use the privacy rules in {path}: {exc}") from exc
    ids = [spec.id for spec in specs]
    if len(set(ids)) < len(ids):
        raise ConfigError(f"the privacy rules in {path} name a rule twice")
    return tuple(_rule(spec, path) for spec in specs)


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _rule(spec: _Spec, path: Path) -> Rule:
    def refuse(why: str) -> ConfigError:
        return ConfigError(f"privacy rule {spec.id} in {path}: {why}")

    if spec.check not in CHECKS:
        raise refuse(f"check must be one of {', '.join(sorted(CHECKS))}")
    source = spec.pattern.replace("{START}", _START).replace("{END}", _END)
    for text in (source, spec.keys or ""):
        if _UNBOUNDED.search(_CLASS.sub("C", text)):
            raise refuse("use bounded quantifiers such as {1,100} instead of * and +")
    if any(keyword != keyword.lower() or not keyword for keyword in spec.keywords):
        raise refuse("keywords must be lower case")
    try:
        pattern = re.compile(source, re.ASCII)
        keys = re.compile(spec.keys, re.ASCII) if spec.keys else None
    except re.error as exc:
        raise refuse(f"the pattern does not compile ({exc})") from exc
    return Rule(
        id=spec.id,
        replacement=f"[REDACTED:{spec.label}]",
        pattern=pattern,
        find=spec.find or _loosened(source),
        keywords=tuple(spec.keywords),
        check=CHECKS[spec.check],
        yields=spec.yields,
        keys=keys,
        match=tuple(text.replace(_SCANNER_BREAK, "") for text in spec.match),
        no_match=tuple(text.replace(_SCANNER_BREAK, "") for text in spec.no_match),
    )


def _loosened(source: str) -> str:
    """Return an expression that matches at least where `source` does, and compiles fast.

    Long counts blow up an automaton; and one character may be several bytes, so that upper bounds
    would be too small.
    """
    source = re.sub(r"\(\?P<\w+>", "(?:", source)
    source = re.sub(r"\{(\d+),\d+\}", r"{\1,}", source)
    return re.sub(r"\{(?:\d\d+),?\}", "{9,}", source)
