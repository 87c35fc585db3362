"""What must hold of a secret besides its pattern, so that code and prose stay as they are."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping

__all__ = ["CHECKS", "PLACEHOLDER", "Check"]

PLACEHOLDER = re.compile(r"\[REDACTED:[a-z0-9_]{1,40}\]")

Check = Callable[[Mapping[str, str]], bool]
"""Takes the groups of a match (`secret`, maybe others); True when it is to be masked."""

_STAND_IN = re.compile(
    r"x{5,}|\*{3,}|\.{3,}|<|>|\{\{|\}\}|\$\{|\$\(|(?:^|[-_ ])your(?:[-_ ]|$)|example|placeholder"
    r"|change[-_]?me|redacted|my[-_]?(?:secret|token|key|password)|insert[-_]|replace[-_]",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"[$%{&]|process\.|os\.|env\.|ENV|getenv|import\.meta|self\.|this\.|\w{1,20}\("
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NATIVE_ID = re.compile(
    r"(?:msg|toolu|srvtoolu|req|call|resp|chatcmpl|agent|wf|run|file|session|sess|thread)[_-]"
)
_PATH = re.compile(r"\.{0,2}/[\w.-]{1,64}/|~/|[A-Za-z]:\\|https?:|s3://|[\w.-]{1,64}/[\w.-]{1,64}/")
_DIGIT_OR_PAD = re.compile(r"[0-9=]")
_CONSTANT = re.compile(r"[A-Z]{2,32}(?:_[A-Z]{1,32}){1,8}")
_WORD = re.compile(r"[A-Za-z]{1,24}\d{0,5}|\d{1,20}")
_SPLIT = re.compile(r"[^A-Za-z0-9]|(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")
_USUAL_WORDS = {
    "password", "passwd", "pass", "pwd", "secret", "token", "user", "username", "none", "null",
    "undefined", "true", "false", "required", "optional", "string", "hidden", "invalid",
}  # fmt: skip
_FILE_ENDINGS = {
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "pdf", "js", "ts", "tsx", "jsx", "mjs",
    "cjs", "css", "scss", "html", "py", "rb", "rs", "go", "java", "json", "yml", "yaml", "toml",
    "md", "txt", "lock", "log", "sh", "sql", "map", "zip", "gz", "service", "local", "internal",
}  # fmt: skip
_NO_PERSON = re.compile(
    r"git@|(?:no-?reply|do-?not-?reply)@anthropic\.com"
    r"|[^@]{1,64}@(?:[a-z0-9-]{1,63}\.){0,3}(?:example|test|invalid|localhost)(?:\.[a-z]{2,3})?$",
    re.IGNORECASE,
)


def _entropy(text: str) -> float:
    """Return bits per character."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values())


def _bare(text: str) -> str:
    """Return `text` without what was masked before: masking twice must change nothing."""
    return PLACEHOLDER.sub("", text)


def _is_stand_in(text: str) -> bool:
    return bool(_STAND_IN.search(text))


def _has_mixed_part(text: str) -> bool:
    """Tell whether some part of `text` is neither a word nor a number: words come from people."""
    return any(part and not _WORD.fullmatch(part) for part in _SPLIT.split(text))


def _none(groups: Mapping[str, str]) -> bool:
    return True


def _token(groups: Mapping[str, str]) -> bool:
    return not _is_stand_in(groups["secret"])


def _header(groups: Mapping[str, str]) -> bool:
    text = groups["secret"]
    return not _is_stand_in(text) and not _VARIABLE.match(text) and bool(_DIGIT_OR_PAD.search(text))


def _random(groups: Mapping[str, str]) -> bool:
    text = _bare(groups["secret"])
    return (
        len(text) >= 10
        and any(c.isdigit() for c in text)
        and any(c.isalpha() for c in text)
        and not _is_stand_in(text)
        and not _UUID.fullmatch(text)
        and not _NATIVE_ID.match(text)
        and not _PATH.match(text)
        and not _VARIABLE.match(text)
        and _has_mixed_part(text)
        and _entropy(text) >= 3.0
    )


def _password(groups: Mapping[str, str]) -> bool:
    """Hold for a quoted value: people choose words, so a digit or a sign is enough."""
    text = _bare(groups["secret"])
    return (
        len(text) >= 6
        and any(c.isalpha() for c in text)
        and any(not c.isalpha() for c in text)
        and not _is_stand_in(text)
        and not _VARIABLE.match(text)
        and not _UUID.fullmatch(text)
        and not _PATH.match(text)
        and not _CONSTANT.fullmatch(text)
        and not all(part.lower() in _USUAL_WORDS for part in _SPLIT.split(text) if part)
        and _entropy(text) >= 2.0
    )


def _variable(groups: Mapping[str, str]) -> bool:
    """Hold for a value without quotes: in code that is a name, in a shell a password."""
    text = _bare(groups["secret"])
    return (
        _password(groups)
        and any(c.isdigit() for c in text)
        and not re.fullmatch(r"[A-Za-z_]\w{0,64}(?:\.[A-Za-z_]\w{0,64}){1,6}", text)
        and (_has_mixed_part(text) or bool(re.search(r"[!#%^&*+=~@]", text)))
    )


def _url_password(groups: Mapping[str, str]) -> bool:
    text = _bare(groups["secret"])
    is_variable = text[:1] in "${<%*[" or text.endswith("}")
    return (
        bool(text)
        and not is_variable
        and not _is_stand_in(text)
        and (text.lower() not in _USUAL_WORDS)
    )


def _wrapped(groups: Mapping[str, str]) -> bool:
    tail = groups["tail"]
    return (
        _token(groups)
        and _has_mixed_part(tail)
        and any(c.isdigit() for c in tail)
        and (_entropy(tail) >= 3.0)
    )


def _email(groups: Mapping[str, str]) -> bool:
    text = groups["secret"]
    return not _NO_PERSON.match(text) and text.rpartition(".")[2].lower() not in _FILE_ENDINGS


CHECKS: Mapping[str, Check] = {
    "email": _email,
    "header": _header,
    "none": _none,
    "password": _password,
    "random": _random,
    "token": _token,
    "url_password": _url_password,
    "variable": _variable,
    "wrapped": _wrapped,
}
"""The checks a rule can name."""
