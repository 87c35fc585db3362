"""Which store a session is read from, when its tool keeps it in several of different worth.

What two stores say of one session often cannot be matched, because one has ids and the other none.
So only the best that has messages of it is read (`sources.source.Transcript.rank`), the better ones
first, and a file that nobody has read yet waits while a better store of its tool is being read,
cannot be read just now, or may be about to say the same.

What remains: a file that was read before a better store had its session stays beside it, and what
both say is there twice. It is not read any further. A store that vanished keeps its sessions (I7).

Only ranks above 0 are remembered: a tool that ranks nothing pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from claude_code_tracer.model import Entity, Message
from claude_code_tracer.outbox.rows import FileRow

__all__ = ["Stores"]

_SETTLE_S = 10.0
"""A better store may be written so much later than a file."""


class Stores:
    """The best rank that gave messages of each session, in memory; whoever asks writes it down."""

    def __init__(self, rows: Iterable[tuple[str, str, int]]) -> None:
        self._ranks: dict[str, dict[str, int]] = {}
        for source, session, rank in rows:
            self.update(source, {session: rank})
        self._unread: dict[str, tuple[str, int]] = {}
        """Source and rank of the stores that are being read or could not be, by path."""
        self._young: set[str] = set()
        """Files that were put off once, because a better store may be about to come."""

    # What is read -----------------------------------------------------------------------------

    def begin(self, row: FileRow, rank: int, age_s: float) -> bool:
        """Note that a file is being read, and tell whether it may be; if not, try it again later.

        `age_s` is the time since it was written.
        """
        is_unread = not (row.cursor or row.mark or row.seen)
        if is_unread and self._may_come(row, rank, age_s):
            return False
        if rank:
            self._unread[row.path] = (row.source, rank)
        return True

    def look_again(self, reading: str | None) -> None:
        """Note that every store with news is tried again now, before all that waits for it.

        The one at the path `reading` is open meanwhile.
        """
        self._unread = {path: store for path, store in self._unread.items() if path == reading}

    def end(self, path: str) -> None:
        """Note that a file was read to its end, is left out or gone: nothing waits for it."""
        self._unread.pop(path, None)
        self._young.discard(path)

    def _may_come(self, row: FileRow, rank: int, age_s: float) -> bool:
        """Tell whether a better store may still give what is in a file that nobody read yet."""
        if any(source == row.source and other > rank for source, other in self._unread.values()):
            return True
        if rank or row.source not in self._ranks or row.path in self._young:
            return False
        if abs(age_s) < _SETTLE_S:
            self._young.add(row.path)
            return True
        return False

    # What is kept -----------------------------------------------------------------------------

    def has_better(self, source: str, session: str, rank: int) -> bool:
        """Tell whether a store above `rank` has this session."""
        return self._ranks.get(source, {}).get(session, 0) > rank

    def best(self, source: str, entities: list[Entity], rank: int) -> list[Entity]:
        """Return those of a store's entities whose session no better store has."""
        ranks = self._ranks.get(source)
        if not ranks:
            return entities
        return [entity for entity in entities if ranks.get(entity.session, 0) <= rank]

    def won(self, source: str, entities: Sequence[Entity], rank: int) -> Mapping[str, int]:
        """Return the sessions that a store of `rank` is the first of its worth to have.

        Facts about a session do not count: as long as nobody says more, poorer stores may.
        """
        if rank == 0:
            return {}
        known = self._ranks.get(source, {})
        sessions = {entity.session for entity in entities if isinstance(entity, Message)}
        return {session: rank for session in sessions if known.get(session, 0) < rank}

    def update(self, source: str, ranks: Mapping[str, int]) -> None:
        """Remember what was put."""
        if ranks:
            self._ranks.setdefault(source, {}).update(ranks)
