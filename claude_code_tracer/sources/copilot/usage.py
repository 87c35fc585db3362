"""What a session used of each model: one total, wherever it is read from.

Answers say their output only (a lower bound, and newer versions not even that), `session.shutdown`
what was used of each model since the session began (its input includes the cache), the newest
versions note every request (`session.usage_record`), and the database has a row per request, which
shares no id with that note. A shutdown cannot be told apart from the rows that it sums up, no file
can be sure that another exists, and what was once sent is never taken back. So every place makes
the same thing, the total of a session and model, under the same key: whichever knows most of it
counts, and nothing counts twice. The price is that a session of several days counts on its first.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from claude_code_tracer.sources.draft import Draft, Usage
from claude_code_tracer.sources.values import count

__all__ = ["Bucket", "Counts", "add_model_total", "add_total", "counts_of"]

_MAX_COUNT = 10**12 - 1


class Counts(msgspec.Struct, array_like=True, frozen=True):
    """Tokens; `input` without what came from or went to the cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sum."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Counts(*(min(a + b, _MAX_COUNT) for a, b in pairs))

    def beyond(self, other: Counts) -> Counts:
        """Return how much more this is than `other`, at least nothing."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Counts(*(max(a - b, 0) for a, b in pairs))

    def is_within(self, other: Counts) -> bool:
        """Tell whether `other` can be a later state of the same counters."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return all(a <= b for a, b in pairs)


class Bucket(msgspec.Struct, array_like=True):
    """What is known of one model's tokens in one session."""

    at: datetime | None = None
    ended: Counts | None = None
    """The last shutdown's counters."""
    before: Counts = Counts()
    """Counters that were set back since: an older version, or a compaction."""
    since: int = 0
    """Output of the answers that no shutdown has counted yet."""
    noted: Counts = Counts()
    """What requests used that no shutdown has counted yet, where they are noted one by one."""

    @property
    def is_whole(self) -> bool:
        """Tell whether more than output is known."""
        return self.ended is not None or self.noted != Counts()

    def recorded(self, counts: Counts) -> None:
        """Count a request."""
        self.noted = self.noted.plus(counts)

    def said(self, tokens: int) -> None:
        """Count the output of an answer."""
        self.since = min(self.since + tokens, _MAX_COUNT)

    def closed(self, counts: Counts) -> None:
        """Take the counters of a shutdown; what was known never falls."""
        known, noted = self.total(), self.noted != Counts()
        if self.ended is not None:
            expected = self.ended.plus(self.noted).plus(Counts(output=self.since))
            if not self.ended.is_within(counts) or expected.output > counts.output:
                self.before = self.before.plus(self.ended)
        self.ended, self.since, self.noted = counts, 0, Counts()
        left = known.beyond(self.total())
        if noted:
            self.noted = left
        else:
            self.since = left.output

    def total(self) -> Counts:
        """Return all that is known."""
        ended = self.ended or Counts()
        return self.before.plus(ended).plus(self.noted).plus(Counts(output=self.since))


def counts_of(usage: dict[str, Any]) -> Counts | None:
    """Return one model's counters out of a shutdown; None when it has none."""
    whole = count(usage.get("inputTokens"))
    output = count(usage.get("outputTokens"))
    if whole is None and output is None:
        return None
    read = count(usage.get("cacheReadTokens")) or 0
    write = count(usage.get("cacheWriteTokens")) or 0
    reasoning = count(usage.get("reasoningTokens")) or 0
    return Counts(max((whole or 0) - read - write, 0), output or 0, read, write, reasoning)


def add_total(draft: Draft, session: str, revision: int, model: str, bucket: Bucket) -> None:
    """Add what the events of a session say of a model."""
    total, is_whole = bucket.total(), bucket.is_whole
    usage = _usage(total) if is_whole else Usage(output_tokens=total.output)
    add_model_total(draft, session, revision, model, usage, bucket.at, is_whole=is_whole)


def _usage(total: Counts) -> Usage:
    return Usage(
        input_tokens=total.input,
        output_tokens=total.output,
        cache_read_tokens=total.cache_read,
        cache_write_5m_tokens=total.cache_write,
        reasoning_tokens=total.reasoning,
    )


def add_model_total(
    draft: Draft,
    session: str,
    revision: int,
    model: str,
    usage: Usage,
    at: datetime | None,
    *,
    is_whole: bool,
    cost: Decimal | None = None,
) -> None:
    """Add the total of a session and model, under the key that every place shares."""
    draft.model_call(
        session,
        revision,
        ("total", session, model),
        usage,
        model=model or None,
        at=at,
        quality="session_total" if is_whole else "lower_bound",
        reported_cost_usd=cost,
    )
