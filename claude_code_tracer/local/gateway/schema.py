"""The shape of the exposed schema, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Argument", "Function", "Relation", "Schema"]


@dataclass(frozen=True, slots=True)
class Argument:
    """An input of a function."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """Something with columns; a function's result has the shape of one."""

    name: str
    columns: Mapping[str, str]
    """Type by name, in order."""


@dataclass(frozen=True, slots=True)
class Function:
    """One overload of a function."""

    oid: int
    name: str
    arguments: tuple[Argument, ...]
    kind: str
    """void, scalar or row (which includes `returns table` and out parameters)."""
    returns_set: bool
    volatile: bool
    return_type: str
    result: Relation
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of the function that hold for its whole transaction."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The exposed schema as it was when it was read."""

    name: str
    relations: Mapping[str, Relation]
    functions: Mapping[str, tuple[Function, ...]]
    role_settings: Mapping[str, Mapping[str, str]]
    generation: int
    """Counts how often the schema was read."""
