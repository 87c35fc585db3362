"""What a benchmark reports: a figure, its unit, and the limit or rival it is held against."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

__all__ = ["Figure", "p95", "print_figures"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `limit` is what it must not exceed (None: for information)."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def print_figures(figures: list[Figure]) -> bool:
    """Print a table; True when every figure keeps its limit."""
    for f in figures:
        limit = "" if f.limit is None else f"limit {f.limit:g}"
        verdict = "" if f.limit is None else ("ok" if f.value <= f.limit else "OVER")
        print(f"  {f.name:<58} {f.value:>9.2f} {f.unit:<6} {limit:<12} {verdict:<5}{f.note}")
    return all(f.limit is None or f.value <= f.limit for f in figures)
