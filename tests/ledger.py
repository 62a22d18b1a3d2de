"""What the tests of reliability did, how often, and what was lost: the table of a document."""

import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from itertools import groupby
from pathlib import Path

import pytest

from tests.project import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "reliability.md"
START, END = "<!-- written by make soak -->", "<!-- end -->"
HEADING = "### "
PROPERTY = "reliability"

# In the order of the document.
REPORTS = "What others reported"
CHAPTERS = ("Faults", "Races", "Load", "Many machines", "Abuse", "Operations", "Mail", REPORTS)


def is_soak() -> bool:
    """Whether the long forms were asked for, and their table is to be written."""
    return os.environ.get("SOAK") == "1"


@dataclass(frozen=True, order=True)
class Entry:
    """One row. lost: what was wrong or gone that should not be, zero or the test fails."""

    chapter: str
    what: str
    backend: str
    times: int
    lost: int
    seen: str
    """The figures, in a few words."""
    tried: str = ""
    """What was sent, where that does not go without saying."""

    def __post_init__(self) -> None:
        assert self.chapter in CHAPTERS, self.chapter


class Ledger:
    """Takes down what one test did."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def note(
        self, chapter: str, what: str, *, backend: str, times: int, lost: int = 0, seen: str = ""
    ) -> None:
        """Take down a row."""
        self._append(Entry(chapter, what, backend, times, lost, seen))

    def note_report(self, report: str, *, backend: str, tried: str, seen: str) -> None:
        """Take down what others reported, in Markdown, and what came of it here."""
        self._append(Entry(REPORTS, report, backend, times=1, lost=0, seen=seen, tried=tried))

    def _append(self, entry: Entry) -> None:
        self._properties.append((PROPERTY, astuple(entry)))


def entries(reports: Iterable[pytest.TestReport]) -> list[Entry]:
    """Return what the tests of these reports took down, in the order of the document."""
    found = {
        Entry(*value)
        for report in reports
        for name, value in report.user_properties
        if name == PROPERTY and isinstance(value, tuple | list)
    }
    return sorted(found, key=lambda entry: (CHAPTERS.index(entry.chapter), entry))


def write(found: Iterable[Entry], document: Path = DOCUMENT) -> None:
    """Put a table for each chapter of the entries into the document; others stay as they are."""
    text = document.read_text("utf-8")
    before, _, rest = text.partition(START)
    written, _, after = rest.partition(END)
    chapters = {}
    for chapter in written.split(HEADING)[1:]:
        title, _, table = chapter.partition("\n")
        chapters[title] = table.strip()
    for title, of_it in groupby(found, key=lambda entry: entry.chapter):
        chapters[title] = table_of(of_it)
    lines = [before + START, ""]
    for title in sorted(chapters, key=CHAPTERS.index):
        lines += [HEADING + title, "", chapters[title], ""]
    document.write_text("\n".join([*lines, END + after]), encoding="utf-8")


def table_of(found: Iterable[Entry]) -> str:
    """Return a row for each entry, under a head."""
    lines = ["| done | backend | times | lost | seen |", "| --- | --- | ---: | ---: | --- |"]
    reports = ["| reported | backend | tried here | what happened |", "| --- | --- | --- | --- |"]
    for entry in found:
        cells: tuple[str, ...]
        if entry.chapter == REPORTS:
            lines[:2] = reports
            cells = (entry.what, entry.backend, entry.tried, entry.seen)
        else:
            cells = (entry.what, entry.backend, f"{entry.times:,}", f"{entry.lost:,}", entry.seen)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
