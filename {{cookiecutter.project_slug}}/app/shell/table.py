"""Tables: aligned for people, separated by tabs for programs.

What others have typed cannot command the terminal: no control character gets out of here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from wcwidth import clip, ljust, width

Cell = str | datetime

GAP = "  "
# A column that is cut keeps this many.
MIN_CUT = 10

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def for_programs(rows: Sequence[Sequence[Cell]]) -> str:
    """Return a line for each row."""
    return "\n".join("\t".join(map(_in_full, row)) for row in rows)


def for_people(
    heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, cut: str, columns: int, now: datetime
) -> str:
    """Return an aligned table.

    cut: the head of the column that gives way when a line is longer than the terminal.
    columns: how wide that is. now: from when on times are told.
    """
    lines = [list(heads), *([_from_now(cell, now) for cell in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    place = heads.index(cut)
    too_many = sum(widths) + len(GAP) * (len(widths) - 1) - columns
    if too_many > 0:
        widths[place] = min(widths[place], max(MIN_CUT, widths[place] - too_many))
    for line in lines:
        if width(line[place]) > widths[place]:
            line[place] = clip(line[place], 0, widths[place] - 1) + "…"
    return "\n".join(GAP.join(map(ljust, line, widths)).rstrip() for line in lines)


def _in_full(cell: Cell) -> str:
    return _printable(cell) if isinstance(cell, str) else cell.isoformat(timespec="seconds")


def _from_now(cell: Cell, now: datetime) -> str:
    if isinstance(cell, str):
        return _printable(cell)
    seconds = round((cell - now).total_seconds())
    unit, size = next((unit for unit in _UNITS if unit[1] <= abs(seconds)), _UNITS[-1])
    count = abs(seconds) // size
    return f"in {count} {unit}" if seconds > 0 else f"{count} {unit} ago"


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def time(seconds: float) -> datetime:
    """Return a cell for a Unix time in seconds."""
    return datetime.fromtimestamp(seconds, UTC)
