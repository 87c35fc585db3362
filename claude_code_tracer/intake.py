"""Lines to guarded entities: parse, price, mask. Nothing unguarded leaves this module (I4)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from claude_code_tracer.errors import GuardFailed
from claude_code_tracer.killpoints import KillPoints
from claude_code_tracer.merge import without_repeats
from claude_code_tracer.model import Entity, ModelCall, Session
from claude_code_tracer.outbox import Parked
from claude_code_tracer.outbox.codec import kind_of
from claude_code_tracer.sources.source import BadSpan, Line, Source, Transcript

__all__ = ["Guarding", "Intake", "Taken"]

_DEFECTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a defect in a parser or the guard raises on odd content: it costs one line, not the file."""


class Guarding(Protocol):
    """What is needed of `guard.Guard`."""

    def mask_entity(self, entity: Entity) -> Entity:
        """Return `entity` with every secret masked; GuardFailed when that is uncertain."""
        ...


@dataclass(slots=True)
class Taken:
    """What some lines gave: entities fit to be kept, pointers to the rest, the parser's state."""

    entities: list[Entity] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    state: bytes | None = None

    @property
    def masked(self) -> int:
        """How many secrets were masked."""
        return sum(sum(entity.masked.values()) for entity in self.entities if entity.masked)


class Intake:
    """Parse lines with their source, price model calls, and have the guard mask everything."""

    def __init__(
        self, guard: Guarding, price: Callable[[ModelCall], ModelCall], kill: KillPoints
    ) -> None:
        self._guard = guard
        self._price = price
        self._kill = kill

    def take(
        self, source: Source, file: Transcript, lines: Sequence[Line], state: bytes | None
    ) -> Taken:
        """Return what `lines` mean; whatever fails is parked, so that nothing stands in the way."""
        taken = Taken(state=state)
        entities = without_repeats(self._parse(source, file, lines, taken))
        self._kill.hit("after_parse")
        for entity in entities:
            try:
                priced = self._price(entity) if isinstance(entity, ModelCall) else entity
                taken.entities.append(self._guard.mask_entity(priced))
            except (GuardFailed, *_DEFECTS) as exc:  # F82: never kept raw
                taken.parked.append(_guard_failed(entity, exc))
        self._kill.hit("after_guard")
        return taken

    def _parse(
        self, source: Source, file: Transcript, lines: Sequence[Line], taken: Taken
    ) -> list[Entity]:
        if not lines:
            return []
        try:
            parsed = source.parse(file, lines, taken.state)
        except _DEFECTS as exc:
            if len(lines) == 1 or file.companions:
                span = BadSpan(lines[0].start, lines[0].end, f"parser failed: {_name(exc)}")
                taken.parked.append(_bad_span(span, lines))
                return []
            middle = len(lines) // 2
            first = self._parse(source, file, lines[:middle], taken)
            return first + self._parse(source, file, lines[middle:], taken)
        taken.state = parsed.state
        taken.parked += [_bad_span(span, lines) for span in parsed.bad]
        return parsed.entities


def _bad_span(span: BadSpan, lines: Sequence[Line]) -> Parked:
    return Parked(span.reason, start=span.start, end=span.end, sha256=_digest(span, lines))


def _digest(span: BadSpan, lines: Sequence[Line]) -> str | None:
    """Return the SHA-256 of the span's bytes, which stand within one of `lines`."""
    index = bisect_right(lines, span.start, key=lambda line: line.start) - 1
    if index < 0 or span.end > lines[index].end:
        return None
    line = lines[index]
    content = line.raw + b"\n"
    return sha256(content[span.start - line.start : span.end - line.start]).hexdigest()


def _guard_failed(entity: Entity, exc: Exception) -> Parked:
    name = entity.session if isinstance(entity, Session) else entity.id
    return Parked(
        f"the guard cannot vouch for it: {_name(exc)}",
        start=entity.revision,
        session=f"{entity.source}/{entity.session}",
        kind=kind_of(entity),
        record=sha256(name.encode("utf-8", "replace")).hexdigest(),
    )


def _name(exc: Exception) -> str:
    return type(exc).__name__
