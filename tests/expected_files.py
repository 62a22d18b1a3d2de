"""The files that each combination of answers is expected to give: ``expected_files.txt``."""

from collections.abc import Mapping
from pathlib import Path

# A line for each file: its path, and after two spaces the condition under which it is there. None
# means always; the others are written as the names of the folders in ``_choices`` are.
PATH = Path(__file__).with_suffix(".txt")


def is_expected(condition: str, answers: Mapping[str, str]) -> bool:
    """Whether these answers meet a condition."""
    if not condition:
        return True
    if "_or_" in condition:
        return any(is_expected(each, answers) for each in condition.split("_or_"))
    wanted = dict(clause.split("-", 1) for clause in condition.split("+"))
    return all(answers[key] in values.split(",") for key, values in wanted.items())


def expected_files(answers: Mapping[str, str]) -> set[str]:
    """Return the paths of the files that a project with these answers is to hold."""
    rows = (line.partition("  ") for line in PATH.read_text("utf-8").splitlines())
    return {path for path, _, condition in rows if is_expected(condition, answers)}
