"""The privacy guard: nothing is stored or sent that did not pass it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from claude_code_tracer.config import data_file
from claude_code_tracer.errors import ConfigError, GuardFailed
from claude_code_tracer.guard.engine import Engine, best_engine
from claude_code_tracer.guard.masking import Findings, Masked, Masker
from claude_code_tracer.guard.rules import Rule, load_rules
from claude_code_tracer.model import Entity

__all__ = ["GUARD_VERSION", "Guard"]

GUARD_VERSION = 1
"""Goes up when the guard masks more; the server can demand a least version."""

_OUR_WORDS = {
    "source", "id", "role", "kind", "relation", "usage_quality", "message", "tool_call",
    "masked", "price_version",
}  # fmt: skip
"""Fields that hold words of ours or ids that we made, never what a tool wrote."""

_PLAIN = {bool, int, datetime, Decimal, type(None)}

_FOREIGN = {
    kind: tuple(
        field.name
        for field in msgspec.structs.fields(kind)
        if field.name not in _OUR_WORDS and not set(get_args(field.type) or (field.type,)) <= _PLAIN
    )
    for kind in get_args(Entity)
}
"""The fields of each entity that may hold text of a transcript; a new one is among them."""

_SHORT = 100
_KEPT_CLEAN = 8192

_T = TypeVar("_T")


class Guard:
    """Masks texts and entities. For one thread at a time."""

    version = GUARD_VERSION

    def __init__(self, rules: tuple[Rule, ...], engine: Engine) -> None:
        self.rules = rules
        self.engine = engine.name
        self._masker = Masker(rules, engine)
        self._clean: set[str] = set()
        """Short texts known to hold nothing: ids, tool names and models come again and again."""

    @classmethod
    def load(
        cls,
        rules_file: Path | None = None,
        engine: Callable[[Sequence[Rule]], Engine] = best_engine,
    ) -> Guard:
        """Return a guard with the rules of a file, by default the packaged ones.

        Every rule's examples are tried; ConfigError when one does not hold (fail closed).
        """
        rules = load_rules(rules_file or data_file("config", "privacy.yml"))
        guard = cls(rules, engine(rules))
        for rule in rules:
            guard._prove(rule)
        return guard

    def mask(self, text: str) -> Masked:
        """Return `text` without its secrets; GuardFailed when that cannot be vouched for."""
        found: Findings = {}
        return Masked(_safely(self._masker.text, text, found), found)

    def mask_entity(self, entity: Entity) -> Entity:
        """Return `entity` with every string and key masked, and `masked` set.

        GuardFailed when that cannot be vouched for; the message does not quote anything.
        """
        return _safely(self._mask_fields, entity, {})

    def _mask_fields(self, entity: Entity, found: Findings) -> Entity:
        changes: dict[str, Any] = {}
        for name in _FOREIGN[type(entity)]:
            value = getattr(entity, name)
            if value is None:
                continue
            masked = self._field(value, found)
            if masked is not value:
                changes[name] = masked
        if not found:
            return entity
        for rule, count in (entity.masked or {}).items():
            found[rule] = found.get(rule, 0) + count
        return msgspec.structs.replace(entity, **{**changes, "masked": found})

    def _field(self, value: Any, found: Findings) -> Any:
        if type(value) is not str or len(value) > _SHORT:
            return self._masker.json(value, found)
        if value in self._clean:
            return value
        masked = self._masker.text(value, found)
        if masked is value:
            if len(self._clean) >= _KEPT_CLEAN:
                self._clean.clear()
            self._clean.add(value)
        return masked

    def _prove(self, rule: Rule) -> None:
        """Try the examples of a rule; one that does not do what it says must not be trusted."""
        for number, text in enumerate(rule.match, 1):
            fires = any(rule.secret_of(found) for found in rule.pattern.finditer(text))
            if not fires or not self.mask(text).findings:
                raise ConfigError(f"privacy rule {rule.id} does not find its match {number}")
        for number, text in enumerate(rule.no_match, 1):
            if self.mask(text).findings:
                raise ConfigError(f"privacy rule {rule.id}: its no_match {number} is masked")


def _safely(mask: Callable[[_T, Findings], _T], value: _T, found: Findings) -> _T:
    """Fail closed (F82): whatever goes wrong, the record is not kept, and the error says nothing.

    The one reason to catch everything here: an unforeseen exception would carry the text along.
    """
    try:
        return mask(value, found)
    except Exception as exc:
        reason = type(exc).__name__
    raise GuardFailed(f"the privacy guard failed on a record ({reason}); it is set aside")
