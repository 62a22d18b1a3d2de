"""Medians, ranges and tables."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple


class Spread(NamedTuple):
    """The median of several measurements, the lowest and the highest."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"**{self.median:.2f}** ({self.low:.2f}–{self.high:.2f})"  # noqa: RUF001


def spread(values: Iterable[float]) -> Spread:
    """Return the median and the range. Raises ValueError when there are no values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("nothing was measured")
    return Spread(median(ordered), ordered[0], ordered[-1])


def ratio(part: float, whole: float) -> float:
    """Return a part as a share of the whole. Raises ValueError when the whole is not positive."""
    if whole <= 0:
        raise ValueError("a share of nothing")
    return part / whole


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table: names in the first column, figures in the others.

    Raises ValueError when a row is longer or shorter than the head.
    """
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    if any(len(line) != len(head) for line in lines):
        raise ValueError("a row is not as long as the head")
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
