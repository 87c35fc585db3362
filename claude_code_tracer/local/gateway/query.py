"""PostgREST's query language, read into values. Pure: knows no schema and writes no SQL.

select=id,when:started_at,data->>kind    source=eq.codex    or=(a.gt.1,b.not.is.null)
order=started_at.desc.nullslast          limit=50           offset=100
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from claude_code_tracer.local.gateway.errors import ApiError, unsupported

__all__ = [
    "OPERATORS",
    "RESERVED",
    "Condition",
    "Field",
    "Group",
    "Order",
    "Query",
    "Selected",
    "is_filter",
    "parse_pairs",
    "parse_query",
]

_FULL_TEXT = frozenset({"fts", "plfts", "phfts", "wfts"})
OPERATORS = (
    frozenset(
        [
            "eq",
            "neq",
            "gt",
            "gte",
            "lt",
            "lte",
            "like",
            "ilike",
            "match",
            "imatch",
            "is",
            "in",
            "isdistinct",
            "cs",
            "cd",
            "ov",
        ]
    )
    | _FULL_TEXT
)
RESERVED = frozenset({"select", "order", "limit", "offset", "columns", "on_conflict"})
_LOGIC = frozenset({"and", "or", "not.and", "not.or"})
_IS_VALUES = frozenset({"null", "not_null", "true", "false", "unknown"})
_OPERATION = re.compile(
    r"(?P<no>not\.)?(?P<name>[a-z]+)(\((?P<config>\w*)\))?\.(?P<value>.*)", re.S
)
_MAX_DEPTH = 10
_MAX_PAIRS = 100
_MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """A column, or a place inside a JSON column."""

    column: str
    path: tuple[str | int, ...] = ()
    as_text: bool = False
    """The last step was `->>`."""

    @property
    def label(self) -> str:
        """What the field is called in the answer unless it was given another name."""
        names = [step for step in self.path if isinstance(step, str)]
        return names[-1] if names else self.column


@dataclass(frozen=True, slots=True)
class Selected:
    """One wanted field; None means all columns."""

    field: Field | None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one field."""

    field: Field
    operator: str
    value: str | tuple[str, ...]
    negated: bool = False
    config: str | None = None
    """Language of a full-text search."""


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by `and` or `or`."""

    joiner: str
    members: tuple[Condition | Group, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key."""

    field: Field
    descending: bool = False
    nulls_first: bool | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query string."""

    select: tuple[Selected, ...] = (Selected(None),)
    where: tuple[Condition | Group, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def parse_pairs(query_string: str) -> list[tuple[str, str]]:
    """Return the decoded parameters of a URL in order; ApiError 400 when there are too many."""
    try:
        pairs = parse_qsl(query_string, keep_blank_values=True, max_num_fields=_MAX_PAIRS)
    except ValueError as exc:
        raise _bad(f"more than {_MAX_PAIRS} parameters") from exc
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise _bad("a NUL character cannot be part of a value")
    return pairs


def is_filter(name: str, value: str) -> bool:
    """Tell whether a parameter of a function call filters the result instead of being passed on."""
    if name in _LOGIC or name in RESERVED:
        return True
    operation = _OPERATION.fullmatch(value)
    return operation is not None and operation["name"] in OPERATORS


def parse_query(pairs: list[tuple[str, str]]) -> Query:
    """Return what `pairs` ask for; ApiError 400 when they cannot be understood."""
    single = {name: value for name, value in pairs if name in RESERVED}
    where = tuple(
        _logic(name, value, 0) if name in _LOGIC else _condition(name, value, in_list=False)
        for name, value in pairs
        if name not in RESERVED
    )
    limit = single.get("limit")
    return Query(
        select=tuple(map(_selected, _split(single.get("select") or "*"))),
        where=where,
        order=tuple(map(_order, _split(single["order"]))) if single.get("order") else (),
        limit=_integer("limit", limit) if limit is not None else None,
        offset=max(_integer("offset", single.get("offset", "0")), 0),
    )


def _selected(item: str) -> Selected:
    if "(" in item or item.startswith("..."):
        raise unsupported("Embedding other tables and aggregates")
    if "::" in item:
        raise unsupported("Casting")
    if item == "*":
        return Selected(None)
    label, colon, rest = _partition(item, ":")
    field = _field(rest if colon else item)
    return Selected(field, _unquote(label) if colon else field.label)


def _order(item: str) -> Order:
    name, _, modifiers = _partition(item, ".")
    if "(" in name:
        raise unsupported("Ordering by other tables")
    words = modifiers.split(".") if modifiers else []
    directions = [w for w in words if w in ("asc", "desc")]
    nulls = [w for w in words if w in ("nullsfirst", "nullslast")]
    if len(directions) > 1 or len(nulls) > 1 or len(directions) + len(nulls) != len(words):
        raise _bad(f"cannot order by {item!r}")
    return Order(_field(name), directions == ["desc"], nulls == ["nullsfirst"] if nulls else None)


def _condition(name: str, text: str, *, in_list: bool) -> Condition:
    operation = _OPERATION.fullmatch(text)
    if operation is None:
        raise _bad(f"{text[:60]!r} is not <operator>.<value>")
    operator, value, config = operation["name"], operation["value"], operation["config"]
    if operator not in OPERATORS:
        raise _bad(f"unknown operator {operator!r}")
    if config is not None and operator not in _FULL_TEXT:
        raise unsupported("Comparing with any or all of a list")
    return Condition(
        _field(name, embedded_at="."),
        operator,
        _value(operator, value, in_list=in_list),
        operation["no"] is not None,
        config,
    )


def _value(operator: str, text: str, *, in_list: bool) -> str | tuple[str, ...]:
    if operator == "in":
        if not (text.startswith("(") and text.endswith(")")):
            raise _bad("in needs a list in parentheses")
        inner = text[1:-1]
        return tuple(map(_unquote, _split(inner))) if inner else ()
    if operator == "is" and text.lower() not in _IS_VALUES:
        raise _bad("is needs null, not_null, true, false or unknown")
    return _unquote(text) if in_list else text


def _logic(name: str, text: str, depth: int) -> Group:
    if depth > _MAX_DEPTH:
        raise _bad("conditions are nested too deeply")
    if not (text.startswith("(") and text.endswith(")")):
        raise _bad(f"{name} needs conditions in parentheses")
    members = tuple(_member(item, depth) for item in _split(text[1:-1]))
    return Group(name.removeprefix("not."), members, name.startswith("not."))


def _member(item: str, depth: int) -> Condition | Group:
    head, parenthesis, _ = item.partition("(")
    if parenthesis and head in _LOGIC:
        return _logic(head, item[len(head) :], depth + 1)
    name, dot, rest = _partition(item, ".")
    if not dot:
        raise _bad(f"{item[:60]!r} is not <column>.<operator>.<value>")
    return _condition(name, rest, in_list=True)


def _field(text: str, embedded_at: str = "") -> Field:
    name, *steps = re.split(r"(->>|->)", text)
    quoted = name.startswith('"')
    if not name or not all(steps):
        raise _bad(f"{text[:60]!r} is not a column")
    if embedded_at and not quoted and embedded_at in name:
        raise ApiError(
            400, "PGRST108", f"'{name.split('.')[0]}' is not an embedded resource in this request"
        )
    keys = [_unquote(key) for key in steps[1::2]]
    path = tuple(int(key) if re.fullmatch(r"-?\d{1,9}", key) else key for key in keys)
    return Field(_unquote(name), path, bool(steps) and steps[-2] == "->>")


def _split(text: str) -> list[str]:
    """Split at the commas that are outside of quotes, parentheses and braces."""
    items, start = [], 0
    for index, char in _outside(text):
        if char == ",":
            items.append(text[start:index])
            start = index + 1
    return [*items, text[start:]]


def _partition(text: str, at: str) -> tuple[str, str, str]:
    """Split at the first `at` that is outside of quotes."""
    for index, char in _outside(text):
        if char == at:
            return text[:index], at, text[index + 1 :]
    return text, "", ""


def _outside(text: str) -> Iterator[tuple[int, str]]:
    depth, quoted, escaped = 0, False, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char in "({") - (char in ")}" and depth > 0)
            if depth == 0 and char not in ")}":
                yield index, char
    if quoted or depth:
        raise _bad("a quote, parenthesis or brace is not closed")


def _unquote(text: str) -> str:
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S)
    return text


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,19}", text) or int(text) > _MAX_INTEGER:
        raise _bad(f"{name} must be a whole number")
    if name == "limit" and int(text) < 0:
        message = "Requested range not satisfiable"
        raise ApiError(416, "PGRST103", message, details="A limit below zero was requested.")
    return int(text)


def _bad(details: str) -> ApiError:
    return ApiError(400, "PGRST100", "The query string cannot be understood", details=details)
